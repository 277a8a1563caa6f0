"""What a process knows of a service outlives it: on the board, for its successor and for the API."""

import time
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

from engine.policy.breaker import BreakerState
from engine.policy.outside import BreakerOpen
from shm.arena import Arena
from shm.board import Board
from shm.breakers import BreakerEntry, BreakerTable
from shm.layout import Geometry
from tests.workers.runtime.outside_stage import FAIL, FAILURES, OPEN_S, Service, make_stage, trip

NOW_NS = 1_000_000_000_000


@pytest.fixture
def board() -> Iterator[Board]:
    arena = Arena.create(Geometry(workers=2, streams=1, ring_bytes=64 * 1024, index_entries=64))
    yield Board(arena)
    arena.close()


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    """The board's clock goes with trio's."""
    began = autojump_clock.current_time()
    monkeypatch.setattr(
        time, "monotonic_ns", lambda: NOW_NS + int((autojump_clock.current_time() - began) * 1e9)
    )


def entry_of(board: Board, worker: int = 0) -> BreakerEntry:
    entry = BreakerTable(board.worker(worker)).claim("hooks")
    assert entry is not None
    return entry


async def test_a_successor_begins_with_the_known_state_and_the_time_that_is_left(
    autojump_clock: MockClock, board: Board
) -> None:
    await trip(make_stage(entry=entry_of(board)))
    await trio.sleep(OPEN_S / 2)
    board.clear_worker(0)
    heir = make_stage(entry=entry_of(board))
    assert heir.state is BreakerState.OPEN
    with pytest.raises(BreakerOpen) as caught:
        await heir.outside.call(Service().attempt)
    assert caught.value.retry_in_s == pytest.approx(OPEN_S / 2)
    await trio.sleep(OPEN_S / 2)
    assert await heir.outside.call(Service().attempt) == "answer"
    assert entry_of(board).state == BreakerState.CLOSED


async def test_a_successor_goes_on_counting_failures_in_a_row(
    autojump_clock: MockClock, board: Board
) -> None:
    stage = make_stage(entry=entry_of(board))
    with pytest.raises(ConnectionResetError):
        await stage.outside.call(Service([FAIL]).attempt)
    assert entry_of(board).failures == 1
    heir = make_stage(entry=entry_of(board))
    with pytest.raises(ConnectionResetError):
        await heir.outside.call(Service([FAIL]).attempt)
    assert heir.state is BreakerState.OPEN


async def test_a_success_wipes_the_failures_off_the_board(autojump_clock: MockClock, board: Board) -> None:
    stage = make_stage(entry=entry_of(board))
    with pytest.raises(ConnectionResetError):
        await stage.outside.call(Service([FAIL]).attempt)
    await stage.outside.call(Service().attempt)
    assert entry_of(board).failures == 0


async def test_who_died_in_the_trial_leaves_it_to_the_next(autojump_clock: MockClock, board: Board) -> None:
    stage = make_stage(entry=entry_of(board))
    await trip(stage)
    await trio.sleep(OPEN_S)
    with trio.move_on_after(1):
        await stage.outside.call(trio.sleep_forever)
    assert entry_of(board).state == BreakerState.HALF_OPEN
    heir = make_stage(entry=entry_of(board))
    assert await heir.outside.call(Service().attempt) == "answer"


async def test_the_board_tells_what_happened(autojump_clock: MockClock, board: Board) -> None:
    stage = make_stage(entry=entry_of(board))
    await trip(stage)
    for _ in range(3):
        with pytest.raises(BreakerOpen):
            await stage.outside.call(Service().attempt)
    entry = entry_of(board)
    assert (entry.state, entry.failures, entry.trips, entry.rejections) == (2, FAILURES, 1, 3)
    assert entry.retry_at_ns - entry.since_ns == pytest.approx(OPEN_S * 1e9)


async def test_a_service_that_is_forgotten_leaves_nothing_on_the_board(
    autojump_clock: MockClock, board: Board
) -> None:
    stage = make_stage(entry=entry_of(board))
    await trip(stage)
    stage.outside.forget()
    assert BreakerTable(board.worker(0)).entries() == []
    await trio.sleep(OPEN_S)
    assert await stage.outside.call(Service().attempt) == "answer"  # whoever still has it goes on
    assert BreakerTable(board.worker(0)).entries() == []


async def test_siblings_do_not_learn_from_each_other(autojump_clock: MockClock, board: Board) -> None:
    await trip(make_stage(entry=entry_of(board, 0)))
    sibling = make_stage(entry=entry_of(board, 1))
    assert sibling.state is BreakerState.CLOSED


async def test_a_word_that_is_no_state_is_taken_for_none(autojump_clock: MockClock, board: Board) -> None:
    entry = entry_of(board)
    entry.state = 77
    assert make_stage(entry=entry).state is BreakerState.CLOSED
