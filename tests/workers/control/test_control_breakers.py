"""The API shows every worker's circuit breakers, as the board has them."""

from shm.board import Board
from shm.breakers import BreakerEntry, BreakerTable
from tests.workers.control.house import NOW_NS, SLOTS, House
from workers.control.breakers import Breakers

OPEN, HALF_OPEN, CLOSED = 2, 1, 0
S = 1_000_000_000


def entry(board: Board, worker: int, name: str) -> BreakerEntry:
    found = BreakerTable(board.worker(worker)).claim(name)
    assert found is not None
    return found


def test_breakers_are_told_by_service_and_worker(house: House) -> None:
    entry(house.board, 2, "hooks").move(OPEN, 10 * S, NOW_NS - 4 * S)
    entry(house.board, 2, "hooks").rejections = 7
    entry(house.board, 1, "jwks")
    entry(house.board, 1, "hooks").failures = 2
    shown = Breakers(house.board, SLOTS).all(NOW_NS)
    assert [(one.dependency, one.worker) for one in shown] == [
        ("hooks", "fanout0"),
        ("hooks", "fanout1"),
        ("jwks", "fanout0"),
    ]
    quiet, tripped, _ = shown
    assert (quiet.state, quiet.failures, quiet.retry_in_s, quiet.state_for_s) == ("closed", 2, None, None)
    assert (tripped.state, tripped.trips, tripped.rejections) == ("open", 1, 7)
    assert (tripped.retry_in_s, tripped.state_for_s) == (6.0, 4.0)


def test_an_open_breaker_past_its_time_waits_for_a_call(house: House) -> None:
    entry(house.board, 1, "hooks").move(OPEN, 10 * S, NOW_NS - 60 * S)
    (shown,) = Breakers(house.board, SLOTS).all(NOW_NS)
    assert (shown.state, shown.retry_in_s, shown.state_for_s) == ("open", 0.0, 60.0)


def test_the_breakers_of_a_dead_worker_are_still_told(house: House) -> None:
    entry(house.board, 1, "hooks").move(HALF_OPEN, 0, NOW_NS)
    house.board.clear_worker(1)
    (shown,) = Breakers(house.board, SLOTS).all(NOW_NS)
    assert (shown.worker, shown.state, shown.retry_in_s) == ("fanout0", "half_open", None)
