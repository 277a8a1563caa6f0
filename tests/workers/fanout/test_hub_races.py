"""Streams that end, return or are dropped at the very moment somebody wants to watch them."""

from collections.abc import Callable
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from shm.board import Interest
from shm.directory import StreamState
from tests.workers.fanout.stage import Stage, closing
from tests.workers.fanout.test_hub import Hall
from workers.fanout.hub import IDLE_S, StreamGone
from workers.fanout.player import PlayerState


async def test_stream_that_returns_in_another_slot_between_two_looks_is_another_stream(
    autojump_clock: MockClock,
) -> None:
    """Both are the first in their slot, so their leases are the same number."""
    stage = Stage()
    stage.publish(1)
    with closing(stage):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            record = hall.hub.find("live/a")
            assert record is not None
            before = stage.feed = await hall.hub.feed(record)
            seat = stage.join()
            stage.directory.set_state(stage.slot, StreamState.ENDED)
            stage.directory.claim("live/a")
            hall.hub.look()
            await trio.sleep(0.1)
            assert seat.player.reason == "stream_ended"
            assert hall.board.row(1, stage.slot).interest == Interest.NONE
            again = hall.hub.find("live/a")
            assert again is not None
            assert await hall.hub.feed(again) is not before
            nursery.cancel_scope.cancel()
        hall.doorbell.close()


async def test_player_that_comes_as_an_idle_feed_is_closed_gets_a_new_one(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(1)
    with closing(stage):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            record = hall.hub.find("live/a")
            assert record is not None
            idle = await hall.hub.feed(record)
            await trio.sleep(IDLE_S + 0.1)
            idle.started = turn_in_which(hall.hub.close_idle)
            stage.feed = await hall.hub.feed(record)
            assert stage.join().state is PlayerState.IN_STEP
            await trio.sleep(0.1)
            assert stage.feed.player_count == 1
            nursery.cancel_scope.cancel()
        hall.doorbell.close()


async def test_stream_that_ends_while_a_player_is_on_its_way_in_is_gone(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(1)
    with closing(stage):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            record = hall.hub.find("live/a")
            assert record is not None
            feed = await hall.hub.feed(record)
            feed.started = turn_in_which(lambda: stage.directory.set_state(stage.slot, StreamState.ENDED))
            with pytest.raises(StreamGone):
                await hall.hub.feed(record)
            await trio.sleep(0.1)
            assert not hall.board.readers_of(stage.slot)
            nursery.cancel_scope.cancel()
        hall.doorbell.close()


def turn_in_which(something_happens: Callable[[], None]) -> trio.Event:
    """Stands for an event that is set already: waiting for it gives way to the others once."""

    class Turn:
        async def wait(self) -> None:
            something_happens()
            await trio.lowlevel.checkpoint()

    return cast("trio.Event", Turn())


async def test_nobody_is_let_in_any_more_once_the_worker_drains(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(1)
    with closing(stage):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            record = hall.hub.find("live/a")
            assert record is not None
            await hall.hub.feed(record)
            hall.hub.end_all("drained")
            with pytest.raises(StreamGone):
                await hall.hub.feed(record)
            await trio.sleep(0.1)
            assert not hall.hub.feeds
            nursery.cancel_scope.cancel()
        hall.doorbell.close()
