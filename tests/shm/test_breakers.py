"""Circuit breakers on the board: found by name, outliving their worker, never half written."""

import pytest

from shm.arena import Arena
from shm.board import Board, WorkerState
from shm.breakers import NAME_BYTES_MAX, OPEN, BreakerEntry, BreakerTable
from shm.layout import BREAKERS_MAX, CELL_BYTES
from tests.shm.killing import Fuse, Killed, MortalView
from workers.runtime.burial import bury

CLOSED, HALF_OPEN = 0, 1


def table(arena: Arena, worker: int = 1) -> BreakerTable:
    return BreakerTable(Board(arena).worker(worker))


def claim(arena: Arena, name: str = "hooks", worker: int = 1) -> BreakerEntry:
    entry = table(arena, worker).claim(name)
    assert entry is not None
    return entry


def test_a_breaker_is_found_again_by_its_name_and_by_other_processes(arena: Arena) -> None:
    claim(arena, "hooks").failures = 3
    claim(arena, "jwks").failures = 5
    seen = table(Arena.attach(arena.fd))
    assert [(entry.name, entry.failures) for entry in seen.entries()] == [("hooks", 3), ("jwks", 5)]
    assert claim(arena, "hooks").failures == 3
    assert table(arena, worker=0).entries() == []


def test_breakers_keep_apart_from_each_other_and_from_the_rest_of_the_page(arena: Arena) -> None:
    board = Board(arena)
    names = [f"service-{number}" for number in range(BREAKERS_MAX)]
    for number, name in enumerate(names):
        entry = claim(arena, name)
        entry.state, entry.failures, entry.trips, entry.rejections = 1, number, 100 + number, 200 + number
        entry.retry_at_ns, entry.since_ns = 300 + number, 400 + number
    board.worker(1).words[:32] = memoryview(b"\xff" * 256).cast("Q")
    board.worker(2).words[:] = memoryview(b"\xff" * CELL_BYTES).cast("Q")
    found = [
        (e.name, e.state, e.failures, e.trips, e.rejections, e.retry_at_ns, e.since_ns)
        for e in table(arena).entries()
    ]
    assert found == [
        (name, 1, number, 100 + number, 200 + number, 300 + number, 400 + number)
        for number, name in enumerate(names)
    ]


def test_a_table_that_is_full_takes_no_more_and_still_finds_what_it_has(arena: Arena) -> None:
    for number in range(BREAKERS_MAX):
        claim(arena, f"service-{number}")
    assert table(arena).claim("one-more") is None
    assert table(arena).claim("service-7") is not None


def test_the_dead_leave_their_breakers_to_their_successors(arena: Arena) -> None:
    board = Board(arena)
    board.worker(1).state = WorkerState.READY
    claim(arena).move(OPEN, 5, 1_000)
    board.clear_worker(1)
    assert board.worker(1).state == WorkerState.EMPTY
    heir = claim(arena)
    assert (heir.state, heir.retry_at_ns, heir.since_ns, heir.trips) == (OPEN, 1_005, 1_000, 1)


def test_an_entry_that_is_given_back_is_free_and_says_nothing_any_more(arena: Arena) -> None:
    entry, other = claim(arena, "hooks http://a"), claim(arena, "hooks http://b")
    entry.move(OPEN, 5, 1_000)
    entry.rejections = 7
    other.failures = 1
    entry.give_back()
    assert [one.name for one in table(arena).entries()] == ["hooks http://b"]
    again = claim(arena, "jwks")
    assert (again.state, again.trips, again.rejections, again.since_ns) == (CLOSED, 0, 0, 0)
    assert [one.name for one in table(arena).entries()] == ["jwks", "hooks http://b"]


def test_what_a_dead_worker_knew_is_told_until_the_time_it_was_to_ask_again(arena: Arena) -> None:
    claim(arena, "hooks http://open").move(OPEN, 500, 1_000)
    claim(arena, "hooks http://closed").failures = 1
    claim(arena, "hooks http://tried").move(HALF_OPEN, 500, 1_000)
    assert len(table(arena).told(2_000)) == 3
    bury(Board(arena), 1, arena.geometry.streams)
    assert [entry.name for entry in table(arena).told(1_499)] == ["hooks http://open"]
    assert table(arena).told(1_500) == []
    assert claim(arena, "hooks http://open").state == OPEN
    assert [entry.name for entry in table(arena).told(2_000)] == ["hooks http://open"]


def test_a_full_table_lets_go_of_what_a_dead_worker_left_and_of_nothing_else(arena: Arena) -> None:
    for number in range(BREAKERS_MAX):
        claim(arena, f"service-{number}").move(OPEN, 5, 1_000)
    bury(Board(arena), 1, arena.geometry.streams)
    heirs = [claim(arena, f"service-{number}") for number in range(BREAKERS_MAX - 1)]
    assert {heir.state for heir in heirs} == {OPEN}
    newcomer = claim(arena, "one-more")
    assert (newcomer.state, newcomer.trips) == (CLOSED, 0)
    assert table(arena).claim("and-another") is None


def test_trips_count_only_how_often_it_opened(arena: Arena) -> None:
    entry = claim(arena)
    for state in (OPEN, HALF_OPEN, OPEN, HALF_OPEN, CLOSED):
        entry.move(state, 0, 1)
    assert entry.trips == 2


@pytest.mark.parametrize("name", ["", "x" * (NAME_BYTES_MAX + 1), "höoks"])
def test_names_that_do_not_fit_are_refused(arena: Arena, name: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        table(arena).claim(name)


def test_the_longest_name_fits(arena: Arena) -> None:
    claim(arena, "x" * NAME_BYTES_MAX)
    assert [entry.name for entry in table(arena).entries()] == ["x" * NAME_BYTES_MAX]


def mortal(entry: BreakerEntry, stores: int) -> None:
    """Let the entry's owner die at its store number `stores`."""
    entry.words = MortalView(entry.words, Fuse(stores))  # type: ignore[assignment]


@pytest.mark.parametrize("stores", range(2))
def test_a_worker_killed_while_it_names_an_entry_leaves_it_free(arena: Arena, stores: int) -> None:
    first = table(arena)._entries[0]
    mortal(first, stores)
    with pytest.raises(Killed):
        first.name_it(b"a name never finished")
    assert table(arena).entries() == []
    claim(arena, "jwks")
    assert [entry.name for entry in table(arena).entries()] == ["jwks"]


@pytest.mark.parametrize("stores", range(4))
def test_a_worker_killed_within_a_transition_leaves_the_state_before_it(arena: Arena, stores: int) -> None:
    entry = claim(arena)
    entry.move(OPEN, 10, 1_000)
    entry.move(CLOSED, 0, 2_000)
    mortal(entry, stores)
    with pytest.raises(Killed):
        entry.move(OPEN, 10, 3_000)
    assert claim(arena).state == CLOSED


def test_whoever_sees_an_open_state_sees_the_time_that_belongs_to_it(arena: Arena) -> None:
    entry, seen = claim(arena), claim(arena)
    stores: list[int] = []

    class Watching:
        def __getitem__(self, place: int) -> int:
            return int(seen.words[place])

        def __setitem__(self, place: int, value: int) -> None:
            seen.words[place] = value
            stores.append(place)
            if seen.state == OPEN:
                assert seen.retry_at_ns == 3_010
                assert seen.since_ns == 3_000

    entry.words = Watching()  # type: ignore[assignment]
    entry.move(OPEN, 10, 3_000)
    assert len(stores) == 4
