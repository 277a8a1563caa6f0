"""Which files of the spool may go, and what is done when there are too many."""

from engine.hooks.segments import CARRY_SHARE, Segments


def segments_of(*sizes: int, limit_bytes: int = 100) -> Segments:
    """One file per size, each with one event of that size, numbered like its file."""
    segments = Segments(limit_bytes)
    for number, size in enumerate(sizes, 1):
        segments.open(number)
        segments.grow(size)
        segments.hold(number, size)
    return segments


def test_files_go_from_the_oldest_on_and_the_newest_stays() -> None:
    segments = segments_of(10, 10, 10)
    segments.done([2, 3])
    assert segments.take_unwanted() == []
    segments.done([1])
    assert segments.take_unwanted() == [1, 2]
    assert (len(segments), segments.total_bytes, segments.wanted_bytes) == (1, 10, 0)


def test_within_its_limit_nothing_is_done_to_a_spool() -> None:
    assert segments_of(50, 50).remedy is None


def test_a_spool_full_of_what_is_wanted_drops_its_oldest() -> None:
    assert segments_of(50, 51).remedy == "drop"


def test_a_spool_full_of_what_nobody_wants_any_more_carries_the_rest_forward() -> None:
    segments = segments_of(10, 60, 60)
    segments.done([2, 3])
    assert segments.remedy == "carry"
    segments.hold(1, 10)
    assert segments.take_unwanted() == [1, 2]
    assert (segments.total_bytes, segments.newest.wanted) == (60, {1: 10})


def test_a_file_is_written_until_what_is_new_in_it_is_as_much_as_it_began_with() -> None:
    segments = Segments(100)
    segments.open(1)
    segments.grow_by_snapshot(30)
    segments.grow_by_copies(50)
    assert not segments.newest.is_full(10)
    segments.grow(29)
    assert not segments.newest.is_full(10)
    segments.grow(1)
    assert segments.newest.is_full(10)
    assert not segments.newest.is_full(31)
    assert segments.total_bytes == 110


def test_a_large_file_is_not_dropped_at_once_but_a_sixteenth_of_the_spool_at_a_time() -> None:
    segments = Segments(160)
    segments.open(1)
    segments.grow(150)
    for number in range(1, 31):
        segments.hold(number, 5)
    for number in (2, 3):
        segments.open(number)
        segments.grow(10)
    assert segments.remedy == "drop"
    assert segments.to_drop() == [1, 2]


def test_where_one_file_will_be_left_all_goes_that_is_too_much_to_be_carried() -> None:
    segments = Segments(100)
    segments.open(1)
    segments.grow(90)
    for number in range(1, 11):
        segments.hold(number, 9)
    segments.open(2)
    segments.grow(20)
    assert segments.remedy == "drop"
    assert segments.to_drop() == [1, 2, 3, 4, 5]
    assert segments.wanted_bytes - 5 * 9 <= segments.limit_bytes * CARRY_SHARE


def test_the_oldest_events_go_wherever_they_stand() -> None:
    segments = segments_of(40, 40, 40)
    segments.hold(1, 40)
    assert segments.to_drop() == [1]


def test_an_event_that_is_larger_than_what_goes_at_a_time_goes_alone() -> None:
    assert segments_of(50, 51, 1).to_drop() == [1]


def test_one_file_alone_is_never_too_much() -> None:
    assert segments_of(1000).remedy is None


def test_an_event_that_is_done_with_twice_counts_once() -> None:
    segments = segments_of(10)
    segments.done([1])
    segments.done([1, 99])
    assert segments.wanted_bytes == 0
