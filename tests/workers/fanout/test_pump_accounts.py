"""The books of single players in awkward moments: published = delivered + dropped, to the tag."""

from collections.abc import Iterable

import msgspec
import pytest
import trio
from trio.testing import MockClock

from engine.config import Config, PathSettings, for_path
from engine.media.gop import StartMode
from tests.workers.fanout.stage import MS_PER_TAG, Seat, Stage, staged
from workers.fanout.ground import Ground
from workers.fanout.player import Player, PlayerState


def settings(**changes: object) -> PathSettings:
    return msgspec.structs.replace(for_path(Config(), "live/a"), **changes)


def leave(seats: Iterable[Seat]) -> None:
    for seat in seats:
        assert seat.player.pump is not None
        seat.player.pump.leave(seat.player, "closed")


async def test_tag_cut_short_by_a_jump_counts_only_once_its_rest_is_out(autojump_clock: MockClock) -> None:
    stage = Stage(settings=settings(max_lag_s=1.0))
    stage.publish(1)
    async with staged(stage):
        seat = stage.join(buffer_bytes=20_000)
        for _ in range(6):
            stage.publish(10, size=9_000)
            await stage.settle()
        assert seat.player.jumps
        assert seat.player.tail  # nobody reads: the rest of the tag that the jump cut is still to come
        leave([seat])
        numbers = seat.numbers()
        assert seat.player.delivered == len(numbers)
        assert seat.player.delivered + seat.player.dropped == stage.number
        assert_figures(stage, seat)


def assert_figures(stage: Stage, *seats: Seat) -> None:
    figures = [pump.take_figures() for pump in stage.feed.pumps.values()]
    assert sum(each.tags_sent for each in figures) == sum(seat.player.delivered for seat in seats)
    assert sum(each.tags_dropped.total() for each in figures) == sum(seat.player.dropped for seat in seats)


async def test_waiting_player_has_missed_what_went_by(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        seats = [stage.join(StartMode.LIVE) for _ in range(2)]
        stage.publish(4)
        await stage.settle()
        leave(seats[:1])
        stage.end()
        await stage.settle()
        for seat in seats:
            assert (seat.player.delivered, seat.player.dropped) == (0, 4)
        assert_figures(stage, *seats)


async def test_player_at_a_seam_without_a_start_has_missed_what_follows(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        seats = [stage.join(), stage.join()]
        stage.begin_epoch()
        stage.publish(4, keyframes=False)
        await stage.settle()
        leave(seats[:1])
        stage.end()
        await stage.settle()
        for seat in seats:
            assert seat.numbers() == list(range(5))
            assert (seat.player.delivered, seat.player.dropped) == (5, 4)
        assert_figures(stage, *seats)


async def test_worker_that_slept_over_a_lap_and_into_a_new_epoch_goes_on_there(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        seat = stage.join()
        for _ in range(8):
            stage.publish(10, size=9_000)
        stage.begin_epoch()
        for _ in range(6):
            stage.publish(10, size=9_000)  # 1.3 MB in all, through a ring of 1 MiB
        await stage.settle()
        stage.publish(3)
        await stage.settle()
        leave([seat])
        numbers = seat.numbers()
        assert numbers == [*range(5), *range(numbers[5], stage.number)]
        assert (seat.player.delivered, seat.player.dropped) == (len(numbers), stage.number - len(numbers))
        assert_figures(stage, seat)


async def test_worker_that_slept_until_the_index_had_forgotten_the_seam_goes_on(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        seat = stage.join()
        stage.publish(2)
        stage.begin_epoch()
        await trio.lowlevel.checkpoint()
        for _ in range(130):
            stage.publish(10)  # 1,300 tags through an index of 1,024
        await stage.settle()
        stage.publish(3)
        await stage.settle()
        leave([seat])
        numbers = seat.numbers()
        assert numbers == [*range(5), *range(numbers[5], stage.number)]
        assert (seat.player.delivered, seat.player.dropped) == (len(numbers), stage.number - len(numbers))


async def test_new_epoch_begins_with_headers_for_everybody_even_if_they_have_not_changed(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        in_step, behind = stage.join(), stage.join(buffer_bytes=10_000)
        stage.publish(5, size=9_000)
        await stage.settle()
        assert (in_step.state, behind.state) == (PlayerState.IN_STEP, PlayerState.BEHIND)
        stage.begin_epoch()
        stage.publish(3)
        for _ in range(20):
            await stage.settle()
            behind.read()
        for seat in (in_step, behind):
            assert seat.numbers() == list(range(stage.number))
            assert [tag.timestamp_ms for tag in seat.tags()[-5:-2]] == [10 * MS_PER_TAG] * 3
            assert b"config" in seat.tags()[-5].body


async def test_player_that_falls_in_and_out_again_while_its_task_rests_keeps_to_one_task(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    stage.publish(1)
    fall_in = Ground.fall_in

    def fall_in_and_publish(ground: Ground, player: Player) -> None:
        """The next pass comes at once, and is too much for this player."""
        fall_in(ground, player)
        stage.publish(1, size=60_000)
        stage.feed.wake()

    async with staged(stage):
        seat = stage.join(buffer_bytes=20_000)
        monkeypatch.setattr(Ground, "fall_in", fall_in_and_publish)
        stage.publish(1, size=60_000)
        for _ in range(50):
            await stage.settle()
            seat.read()
        leave([seat])
        assert seat.numbers() == list(range(seat.player.delivered))
        assert seat.player.delivered > 10


@pytest.mark.parametrize("policy", ["jump", "wait"])
async def test_slow_player_is_not_judged_any_more_once_the_stream_is_over(
    autojump_clock: MockClock, policy: str
) -> None:
    stage = Stage(settings=settings(max_lag_s=1.0, slow_player=policy))
    stage.publish(1)
    async with staged(stage):
        seat = stage.join(buffer_bytes=20_000)
        stage.publish(9, size=3_000)
        await stage.settle()
        stage.publish(60, size=3_000, keyframes=False)
        stage.end()
        for _ in range(5):
            await stage.settle()
        for _ in range(20):
            seat.read()
            await stage.settle()
        assert seat.at_end()
        assert (seat.player.state, seat.player.reason) == (PlayerState.DONE, "stream_ended")
        assert seat.player.delivered + seat.player.dropped == stage.number
        assert seat.player.delivered == len(seat.numbers())
