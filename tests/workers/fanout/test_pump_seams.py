"""Seams at awkward moments: what the feed has seen, one log has not, and the ranks are still on the way."""

import pytest
import trio
from trio.testing import MockClock

from engine.protocols.websocket import pong
from tests.workers.fanout.stage import Seat, Stage, staged
from workers.fanout.logs import Head
from workers.fanout.player import Player, PlayerState
from workers.fanout.wire import FLV, WEBSOCKET_FLV


@pytest.fixture
def small_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass gives way to the others behind each send."""
    monkeypatch.setattr("workers.fanout.ranks.TURN_S", 0.0)
    monkeypatch.setattr("workers.fanout.ranks.BATCH", 1)


async def test_player_on_a_log_that_has_not_come_to_the_seam_yet_is_not_taken_for_lapped(
    autojump_clock: MockClock, small_turns: None
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        crowd = [stage.join() for _ in range(20)]
        seat = stage.join(wire=WEBSOCKET_FLV)
        pump = seat.player.pump
        assert pump is not None
        stage.publish(2)
        stage.begin_epoch()
        stage.publish(5)
        stage.feed.wake()
        for _ in range(10):  # of the crowd's turns; the other log's is still to come
            await trio.lowlevel.checkpoint()
            pump.divert(seat.player, pong(b""))
        await stage.settle()
        for each in (seat, *crowd):
            assert (each.player.reason, each.state) == ("", PlayerState.IN_STEP)


async def test_first_player_of_a_wire_crosses_a_seam_that_the_feed_has_not_seen(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        await stage.settle()
        stage.publish(2)
        stage.begin_epoch()
        stage.publish(2, keyframes=False)
        seat = stage.join()
        await stage.settle()
        assert seat.numbers() == list(range(7))
        stage.number = 10
        stage.publish(3)
        await stage.settle()
        assert seat.numbers() == [*range(7), 10, 11, 12]
        assert sum(b"config" in tag.body for tag in seat.tags()) == 4


async def test_player_that_joins_ahead_of_ranks_on_their_way_to_a_seam_need_not_wait_for_another_keyframe(
    autojump_clock: MockClock, small_turns: None
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        for _ in range(20):
            stage.join()
        stage.publish(5)
        stage.begin_epoch()
        stage.publish(3, keyframes=False)
        stage.number = 20
        stage.publish(5)
        stage.feed.wake()
        await trio.lowlevel.checkpoint()  # the feed wakes
        late: list[Seat] = []
        for _ in range(10):
            await trio.lowlevel.checkpoint()
            late.append(stage.join())
        await stage.settle()
        for seat in late:
            assert seat.numbers() == list(range(20, 25))
        stage.publish(2)
        await stage.settle()
        for seat in late:
            assert (seat.state, seat.player.dropped) == (PlayerState.IN_STEP, 0)
            assert seat.player.pump is not None
            assert seat.player.pump.totals(seat.player)[1] == len(seat.numbers())


async def test_start_that_is_gone_before_a_player_gets_there_is_not_charged_to_it(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(1)
    async with staged(stage):
        stage.join()
        await stage.settle()
        stale = stage.feed.reader.newest_start()
        for _ in range(20):
            stage.publish(10, size=9_000)
            await stage.settle()
        seat = stage.join()
        newcomer = Player("fanout0-000000000099", seat.player.sock, FLV.name, "test")
        assert seat.player.pump is not None
        seat.player.pump.join(newcomer, stale)
        assert newcomer.reason == "lapped"
        assert (newcomer.delivered, newcomer.dropped) == (0, 0)


async def test_ranks_whose_seam_has_lost_its_start_wait_for_the_next(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        seats = [stage.join() for _ in range(3)]
        stage.begin_epoch()
        stage.publish(2, keyframes=False)
        await stage.settle()
        stage.number = 10
        looked = stage.feed.seams.look

        def look_and_be_put_off(head: Head) -> None:
            looked(head)
            stage.feed.seams.look = looked  # type: ignore[method-assign]
            stage.publish(130, size=9_000)  # a lap of the ring, before the pump gets on

        stage.publish(1)
        stage.feed.seams.look = look_and_be_put_off  # type: ignore[method-assign]
        await stage.settle()
        stage.publish(15)
        await stage.settle()
        for seat in seats:
            assert seat.state is PlayerState.IN_STEP
            numbers = seat.numbers()
            assert numbers[:5] == list(range(5))
            assert numbers[5] % stage.gop == 0
            assert numbers[5:] == list(range(numbers[5], stage.number))


async def test_publisher_that_is_as_quick_as_the_pump_does_not_starve_the_worker(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    async with staged(stage):
        looked, looks, turns = stage.feed.seams.look, 0, 0

        def look_while_more_comes(head: Head) -> None:
            nonlocal looks
            looked(head)
            looks += 1
            if looks < 100:
                stage.publish(1)

        stage.feed.seams.look = look_while_more_comes  # type: ignore[method-assign]
        stage.publish(1)
        stage.feed.wake()
        while looks < 100:
            await trio.lowlevel.checkpoint()
            turns += 1
        assert turns > 50
