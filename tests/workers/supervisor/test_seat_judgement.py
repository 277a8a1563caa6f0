"""When a worker counts as up, as overdue, as leaving: read off the board, whoever's words stand there."""

import time
from collections.abc import Iterator
from typing import cast

import pytest

from shm.arena import Arena
from shm.board import Board, WorkerCell, WorkerState
from shm.layout import Geometry
from workers.runtime.slots import WorkerSlot
from workers.supervisor.health import is_healthy, until_next_look_s
from workers.supervisor.limits import BOOT_TIMEOUT_S
from workers.supervisor.processes import WorkerProcess
from workers.supervisor.seat import Seat


class SomeProcess:
    """All that a seat looks at in a process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid


@pytest.fixture
def cell() -> Iterator[WorkerCell]:
    arena = Arena.create(Geometry(workers=1, streams=1, ring_bytes=64 * 1024, index_entries=64))
    yield Board(arena).worker(0)
    arena.close()


@pytest.fixture
def seat(cell: WorkerCell) -> Seat:
    made = Seat(WorkerSlot(0, "fanout", 0), cell)
    made.seat(cast("WorkerProcess", SomeProcess(100)))
    return made


def fill(cell: WorkerCell, pid: int) -> None:
    """What a ready worker writes."""
    cell.state = WorkerState.READY
    cell.ready_ns = cell.heartbeat_ns = time.monotonic_ns()
    cell.pid = pid


def test_predecessors_words_say_nothing_about_the_new_process(seat: Seat, cell: WorkerCell) -> None:
    fill(cell, pid=99)
    assert not seat.is_up
    assert seat.ready_at is None
    assert not seat.became_ready()


def test_readiness_is_news_once(seat: Seat, cell: WorkerCell) -> None:
    assert not seat.became_ready()
    fill(cell, pid=100)
    assert seat.is_up
    assert seat.became_ready()
    assert not seat.became_ready()


def test_heart_that_stops_is_overdue_after_the_timeout(seat: Seat, cell: WorkerCell) -> None:
    fill(cell, pid=100)
    now = cell.heartbeat_ns / 1e9
    assert not seat.is_overdue(now + 2.9, 3)
    assert seat.is_overdue(now + 3.1, 3)
    seat.hung = True
    assert not seat.is_overdue(now + 60, 3)
    assert not seat.is_up


def test_heart_that_never_began_has_more_time(seat: Seat) -> None:
    assert not seat.is_overdue(seat.forked_at + 4, 3)
    assert seat.is_overdue(seat.forked_at + BOOT_TIMEOUT_S + 1, 3)


def test_vacant_seat_is_neither_up_nor_overdue(seat: Seat, cell: WorkerCell) -> None:
    fill(cell, pid=100)
    seat.vacate()
    assert not seat.is_up
    assert not seat.is_overdue(time.monotonic() + 3600, 3)
    assert (cell.pid, cell.heartbeat_ns, cell.state) == (0, 0, WorkerState.GONE)


def test_leaving_is_news_once(seat: Seat, cell: WorkerCell) -> None:
    fill(cell, pid=100)
    cell.state = WorkerState.DRAINING
    assert seat.became_retiring()
    assert not seat.became_retiring()
    assert not seat.is_up


def test_control_does_not_count_for_the_watchdog_while_streams_are_live(seat: Seat, cell: WorkerCell) -> None:
    fill(cell, pid=100)
    ingest = Seat(WorkerSlot(0, "ingest", 0), cell)
    ingest.seat(cast("WorkerProcess", SomeProcess(100)))
    dead_control = Seat(WorkerSlot(0, "control", 0), cell)
    assert is_healthy([seat, ingest], 0)
    assert not is_healthy([seat, ingest, dead_control], 0)
    assert is_healthy([seat, ingest, dead_control], 3)
    assert not is_healthy([seat, dead_control], 3)


@pytest.mark.parametrize("began_s", [0.1, 2.5, 4.9, 5.0, 5.1, 7.5, 9.9])
def test_an_outage_of_less_than_half_the_watchdogs_patience_ends_nothing(began_s: float) -> None:
    patience_s, outage_s = 10.0, 4.4
    now, fed, longest_s = 0.0, 0.0, 0.0
    while now < 40.0:
        healthy = not began_s <= now < began_s + outage_s
        if healthy:
            longest_s, fed = max(longest_s, now - fed), now
        now += until_next_look_s(patience_s / 2, healthy=healthy)
    assert longest_s < patience_s
