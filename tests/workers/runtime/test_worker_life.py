"""What a role may rely on in its Worker: ready on the board, drains that only shorten, reloads told."""

import math
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest
import trio
import trio.testing

from engine.config import Config, Play
from shm.arena import Arena
from shm.board import Board, WorkerState
from shm.directory import Directory
from shm.layout import Geometry
from workers.runtime.slots import WorkerSlot
from workers.runtime.worker import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    arena = Arena.create(Geometry(workers=1, streams=1, ring_bytes=64 * 1024, index_entries=64))
    board = Board(arena)
    nothing = cast("Any", None)
    slot = WorkerSlot(0, "fanout", 2)
    made = Worker(
        slot=slot,
        slots=(slot,),
        config=Config(),
        arena=arena,
        board=board,
        cell=board.worker(0),
        directory=Directory(arena),
        listeners={"http": [socket.socket() for _ in range(3)], "rtmp": [socket.socket()], "api": []},
        doorbells={},
        bus=nothing,
        log=nothing,
        metrics=nothing,
        srt_secret=b"of this boot",
    )
    yield made
    made.close_listeners()
    arena.close()


def test_own_listener_is_by_index_or_the_one_that_all_share(worker: Worker) -> None:
    assert worker.own_listener("http") is worker.listeners["http"][2]
    assert worker.own_listener("rtmp") is worker.listeners["rtmp"][0]


def test_ready_stands_on_the_board_at_once(worker: Worker) -> None:
    worker.ready()
    assert worker.cell.state == WorkerState.READY
    assert worker.cell.ready_ns > 0
    assert worker.is_ready.is_set()


async def test_drain_can_only_be_shortened(worker: Worker, autojump_clock: trio.testing.MockClock) -> None:
    assert worker.drain_deadline == math.inf
    worker.drain(10)
    deadline = worker.drain_deadline
    worker.drain(30)
    assert worker.drain_deadline == deadline
    worker.drain(2)
    assert worker.drain_deadline == trio.current_time() + 2
    with worker.scope:
        await trio.sleep_forever()
    assert worker.scope.cancelled_caught
    assert trio.current_time() == worker.drain_deadline


async def test_worker_that_drains_before_it_was_ready_stays_draining(worker: Worker) -> None:
    worker.drain(1)
    worker.ready()
    assert worker.draining.is_set()
    assert worker.cell.state == WorkerState.DRAINING


def test_reload_tells_everybody_who_asked_with_old_and_new(worker: Worker) -> None:
    told: list[tuple[float, float]] = []
    for _ in range(2):
        worker.on_reload(lambda old, new: told.append((old.play.wait_s, new.play.wait_s)))
    worker.reload(Config(play=Play(wait_s=9)))
    assert told == [(5.0, 9.0), (5.0, 9.0)]
    assert worker.config.play.wait_s == 9


def test_closing_listeners_twice_is_no_error(worker: Worker) -> None:
    worker.close_listeners()
    worker.close_listeners()
    assert worker.listeners["http"][0].fileno() == -1
