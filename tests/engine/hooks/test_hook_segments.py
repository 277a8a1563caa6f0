"""Which files of the spool may go, and what is done when there are too many."""

from engine.hooks.segments import Segments


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


def test_one_file_alone_is_never_too_much() -> None:
    assert segments_of(1000).remedy is None


def test_an_event_that_is_done_with_twice_counts_once() -> None:
    segments = segments_of(10)
    segments.done([1])
    segments.done([1, 99])
    assert segments.wanted_bytes == 0
