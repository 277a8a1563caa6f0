"""Streams as a fanout worker finds, opens and closes them."""

from types import SimpleNamespace
from typing import cast

import pytest
import structlog
import trio
import trio.testing
from trio.testing import MockClock

from engine.config import Config, load
from engine.media.describe import codec_number
from shm.board import Board, Interest
from shm.directory import Directory, StreamState, StreamStats
from shm.doorbell import Doorbell
from tests.workers.fanout.stage import Stage, closing
from workers.fanout.catch_up import CatchUp
from workers.fanout.feed import Feed
from workers.fanout.hub import IDLE_S, Hub
from workers.fanout.player import Player
from workers.runtime.slots import WorkerSlot
from workers.runtime.worker import Worker


class Hall:
    """A hub on the stage's shared memory."""

    def __init__(self, stage: Stage, nursery: trio.Nursery, config: Config | None = None) -> None:
        self.closed: list[Feed] = []
        self.board = Board(stage.arena)
        self.doorbell = Doorbell.create()
        worker = SimpleNamespace(
            arena=stage.arena,
            board=self.board,
            directory=Directory(stage.arena),
            config=config or Config(),
            doorbell=self.doorbell,
            slot=WorkerSlot(1, "fanout", 0),
            draining=trio.Event(),
        )
        self.hub = Hub(cast("Worker", worker), nursery, self.closed.append)


async def test_players_who_come_at_once_share_one_feed_and_may_all_join_it(autojump_clock: MockClock) -> None:
    """The first of many opens the feed; none may be let in before it runs."""
    stage = Stage()
    stage.publish(20, size=5_000)
    with closing(stage):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            record = hall.hub.find("live/a")
            assert record is not None
            feeds: list[Feed] = []

            async def come() -> None:
                stage.feed = await hall.hub.feed(record)
                feeds.append(stage.feed)
                stage.join(buffer_bytes=10_000)  # too small for the start debt: needs a task at once

            async with trio.open_nursery() as coming:
                for _ in range(3):
                    coming.start_soon(come)
            assert len(set(map(id, feeds))) == 1
            assert feeds[0].player_count == 3
            nursery.cancel_scope.cancel()
        hall.doorbell.close()


async def test_player_waits_for_a_stream_to_come(autojump_clock: MockClock) -> None:
    stage = Stage()
    with closing(stage):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            nursery.start_soon(hall.hub.watch_directory)

            nursery.start_soon(publish, stage, "live/b", 3)
            assert await hall.hub.wait_for("live/b", 2) is None
            record = await hall.hub.wait_for("live/b", 2)
            assert record is not None
            assert record.name == "live/b"
            nursery.cancel_scope.cancel()
        hall.doorbell.close()


async def test_feed_without_players_is_closed_and_gives_the_ring_up(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(1)
    with closing(stage):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            record = hall.hub.find("live/a")
            assert record is not None
            await hall.hub.feed(record)
            assert hall.board.readers_of(stage.slot)
            await trio.sleep(IDLE_S + 0.1)
            hall.hub.close_idle()
            await trio.sleep(0.1)
            assert not hall.board.readers_of(stage.slot)
            assert hall.board.row(1, stage.slot).interest == Interest.NONE
            assert len(hall.closed) == 1
            nursery.cancel_scope.cancel()
        hall.doorbell.close()


async def test_stream_that_ends_is_noticed_at_the_ring(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(1)
    with closing(stage):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            nursery.start_soon(hall.hub.bell.listen)
            record = hall.hub.find("live/a")
            assert record is not None
            stage.feed = await hall.hub.feed(record)
            seat = stage.join()
            stage.directory.set_state(stage.slot, StreamState.ENDED)
            hall.doorbell.ring()
            await trio.sleep(0.1)
            assert seat.player.reason == "stream_ended"
            nursery.cancel_scope.cancel()
        hall.doorbell.close()


PROGRAMME = load('[hls.programmes]\n"live/final" = ["live/a", "live/large"]', {})
PICTURE = StreamStats(video_codec=codec_number("avc1"))


async def test_a_programme_is_played_by_its_first_rendition_with_a_picture(nursery: trio.Nursery) -> None:
    stage = Stage()
    with closing(stage):
        hall = Hall(stage, nursery, PROGRAMME)
        played = [hall.hub.find_to_play("live/final")]
        large = stage.directory.claim("live/large")
        played.append(hall.hub.find_to_play("live/final"))
        stage.directory.set_stats(large, PICTURE)
        played.append(hall.hub.find_to_play("live/final"))
        assert [record and record.name for record in played] == ["live/a", "live/a", "live/large"]
    hall.doorbell.close()


async def test_a_stream_of_the_programmes_own_name_is_played_before_its_renditions(
    nursery: trio.Nursery,
) -> None:
    stage = Stage()
    with closing(stage):
        hall = Hall(stage, nursery, PROGRAMME)
        stage.directory.set_stats(stage.slot, PICTURE)
        stage.directory.claim("live/final")
        record = hall.hub.find_to_play("live/final")
        assert record is not None
        assert record.name == "live/final"
    hall.doorbell.close()


async def test_a_programme_is_there_while_a_rendition_is_and_is_waited_for(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    stage = Stage()
    with closing(stage):
        hall = Hall(stage, nursery, PROGRAMME)
        nursery.start_soon(hall.hub.watch_directory)
        assert sorted(hall.hub.names()) == ["live/a", "live/final"]
        stage.directory.set_state(stage.slot, StreamState.ENDED)
        assert hall.hub.names() == []
        assert await hall.hub.wait_to_play("live/final", 1) is None
        nursery.start_soon(publish, stage, "live/large", 1)
        record = await hall.hub.wait_to_play("live/final", 2)
        assert record is not None
        assert record.name == "live/large"
        nursery.cancel_scope.cancel()
    hall.doorbell.close()


async def publish(stage: Stage, name: str, after_s: float) -> None:
    await trio.sleep(after_s)
    stage.directory.claim(name)


async def test_what_is_logged_while_a_player_is_served_belongs_to_no_other_one(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[object] = []
    tend = CatchUp._tend

    async def look(self: CatchUp, player: Player) -> None:
        bound.append(structlog.contextvars.get_contextvars())
        await tend(self, player)

    monkeypatch.setattr(CatchUp, "_tend", look)
    stage = Stage()
    stage.publish(20, size=5_000)
    with closing(stage):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            record = hall.hub.find("live/a")
            assert record is not None
            stage.feed = await hall.hub.feed(record)
            with structlog.contextvars.bound_contextvars(request_id="of another player"):
                stage.join(buffer_bytes=10_000)  # too small for the start debt: needs a task at once
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    assert bound == [{}]


async def test_what_a_feed_logs_belongs_to_no_request(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[object] = []
    run = Feed.run

    async def look(self: Feed) -> None:
        bound.append(structlog.contextvars.get_contextvars())
        await run(self)

    monkeypatch.setattr(Feed, "run", look)
    stage = Stage()
    stage.publish(5)
    with closing(stage), structlog.contextvars.bound_contextvars(request_id="of the first player"):
        async with trio.open_nursery() as nursery:
            hall = Hall(stage, nursery)
            record = hall.hub.find("live/a")
            assert record is not None
            stage.feed = await hall.hub.feed(record)
            nursery.cancel_scope.cancel()
    assert bound == [{}]
