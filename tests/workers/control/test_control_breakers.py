"""The API shows every worker's circuit breakers, as the board has them."""

from shm.board import Board
from shm.breakers import BreakerEntry, BreakerTable
from tests.workers.control.house import NOW_NS, SLOTS, House
from workers.control.breakers import Breakers
from workers.runtime.burial import bury

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


def test_an_open_breaker_that_nobody_asks_is_half_open_once_its_time_is_over(house: House) -> None:
    entry(house.board, 1, "hooks").move(OPEN, 10 * S, NOW_NS - 60 * S)
    breakers = Breakers(house.board, SLOTS)
    (shown,) = breakers.all(NOW_NS)
    assert (shown.state, shown.retry_in_s, shown.state_for_s) == ("half_open", None, 50.0)
    assert breakers.worst(NOW_NS) == {"hooks": HALF_OPEN}
    (before,) = breakers.all(NOW_NS - 51 * S)
    assert (before.state, before.retry_in_s, before.state_for_s) == ("open", 1.0, 9.0)
    assert breakers.worst(NOW_NS - 51 * S) == {"hooks": OPEN}


def test_the_worst_of_all_services_and_workers_stands_for_a_dependency(house: House) -> None:
    entry(house.board, 1, "hook_decisions http://a").move(OPEN, 10 * S, NOW_NS)
    entry(house.board, 1, "hook_decisions http://b").move(CLOSED, 0, NOW_NS)
    entry(house.board, 2, "hook_decisions http://a").move(HALF_OPEN, 0, NOW_NS)
    entry(house.board, 2, "hooks http://b")
    assert Breakers(house.board, SLOTS).worst(NOW_NS) == {"hook_decisions": OPEN, "hooks": CLOSED}


def test_a_word_that_is_no_state_is_shown_as_closed(house: House) -> None:
    entry(house.board, 1, "hooks").state = 77
    assert Breakers(house.board, SLOTS).worst(NOW_NS) == {"hooks": CLOSED}


def test_what_a_dead_worker_knew_is_told_until_it_would_have_asked_again(house: House) -> None:
    entry(house.board, 1, "hooks").move(OPEN, 10 * S, NOW_NS)
    bury(house.board, 1, 8)
    breakers = Breakers(house.board, SLOTS)
    (shown,) = breakers.all(NOW_NS + 4 * S)
    assert (shown.worker, shown.state, shown.retry_in_s) == ("fanout0", "open", 6.0)
    assert breakers.worst(NOW_NS + 4 * S) == {"hooks": OPEN}
    assert breakers.all(NOW_NS + 10 * S) == []
    assert breakers.worst(NOW_NS + 10 * S) == {}
