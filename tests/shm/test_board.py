"""What workers say about themselves, each in its own words."""

import os
import subprocess
import sys

import pytest

from shm.arena import Arena
from shm.board import Board, Interest, WorkerRole, WorkerState
from shm.process import start_ticks
from tests.shm.conftest import SMALL

CELL_WORDS = (
    "pid",
    "start_time",
    "generation",
    "role",
    "state",
    "heartbeat_ns",
    "ready_ns",
    "loop_lag_us",
    "rss_bytes",
)
ROW_WORDS = (
    "interest",
    "lease",
    "players_http",
    "players_ws",
    "players_rtmp",
    "bytes_out",
    "jumps",
    "lag_ms_max",
    "players_srt",
)


def test_cells_and_rows_keep_apart(arena: Arena) -> None:
    board, seen = Board(arena), Board(Arena.attach(arena.fd))
    number = 0
    for worker in range(SMALL.workers):
        for name in CELL_WORDS:
            setattr(board.worker(worker), name, number := number + 1)
        for index in range(16):
            board.worker(worker).counters[index] = (number := number + 1)
        for stream in range(SMALL.streams):
            for name in ROW_WORDS:
                setattr(board.row(worker, stream), name, number := number + 1)
    found = [word for worker in range(SMALL.workers) for word in all_words(seen, worker)]
    assert found == list(range(1, number + 1))


def all_words(board: Board, worker: int) -> list[int]:
    cell = board.worker(worker)
    words = [getattr(cell, name) for name in CELL_WORDS] + cell.counters.tolist()
    rows = [board.row(worker, stream) for stream in range(SMALL.streams)]
    return words + [getattr(row, name) for row in rows for name in ROW_WORDS]


def test_ingest_sees_who_is_interested_in_a_stream(arena: Arena) -> None:
    board = Board(arena)
    assert board.interested(2) == []
    assert not board.readers_of(2)
    board.row(0, 2).interest = Interest.WITHIN_TICK
    board.row(2, 2).interest = Interest.ARMED
    board.row(1, 1).interest = Interest.ARMED
    assert board.interested(2) == [(0, Interest.WITHIN_TICK), (2, Interest.ARMED)]
    assert board.readers_of(2)
    assert board.interested(3) == []


def test_a_dead_worker_is_swept_off_the_board_and_nobody_else_is(arena: Arena) -> None:
    board = Board(arena)
    for worker in range(SMALL.workers):
        board.worker(worker).pid = 100 + worker
        board.worker(worker).state = WorkerState.READY
        board.worker(worker).role = WorkerRole.FANOUT
        board.row(worker, 3).interest = Interest.ARMED
    board.clear_worker(1)
    assert [board.worker(worker).pid for worker in range(3)] == [100, 0, 102]
    assert board.worker(1).state == WorkerState.EMPTY
    assert board.interested(3) == [(0, Interest.ARMED), (2, Interest.ARMED)]


def test_what_a_dead_worker_has_counted_stays_for_its_successor(arena: Arena) -> None:
    board = Board(arena)
    for stream in range(SMALL.streams):
        row = board.row(1, stream)
        row.lease, row.bytes_out, row.jumps = 10 + stream, 1000 + stream, 7
        row.players_http = row.players_ws = row.players_rtmp = row.players_srt = row.lag_ms_max = 5
    board.row(2, 0).players_ws = 3
    board.clear_worker(1)
    for stream in range(SMALL.streams):
        row = board.row(1, stream)
        assert (row.lease, row.bytes_out, row.jumps) == (10 + stream, 1000 + stream, 7)
        assert (row.players_http, row.players_ws, row.players_rtmp, row.players_srt) == (0, 0, 0, 0)
        assert (row.interest, row.lag_ms_max) == (Interest.NONE, 0)
    assert board.row(2, 0).players_ws == 3


def test_a_row_counts_anew_for_another_stream_and_goes_on_for_the_same(arena: Arena) -> None:
    row = Board(arena).row(1, 2)
    row.begin(4)
    row.bytes_out, row.jumps, row.players_ws = 100, 2, 1
    row.begin(4)
    assert (row.lease, row.bytes_out, row.jumps, row.players_ws) == (4, 100, 2, 1)
    row.begin(5)
    assert (row.lease, row.bytes_out, row.jumps, row.players_ws) == (5, 0, 0, 0)


def test_there_is_nothing_off_the_board(arena: Arena) -> None:
    board = Board(arena)
    for worker, stream in ((-1, 0), (3, 0), (0, -1), (0, 4)):
        with pytest.raises(IndexError):
            board.row(worker, stream)
    with pytest.raises(IndexError):
        board.clear_worker(3)


def test_start_time_tells_a_process_from_the_next_one_of_its_number() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert start_ticks(child.pid) >= start_ticks(os.getpid()) > 0
    child.communicate(b"\n")
    assert start_ticks(child.pid) == 0


def test_a_process_that_goes_while_it_is_looked_at_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: int) -> bytes:
        raise ProcessLookupError

    monkeypatch.setattr(os, "read", gone)
    assert start_ticks(os.getpid()) == 0
