"""Leaks are what is still there when nobody is: growth with an audience is none."""

import statistics

from hypothesis import given
from hypothesis import strategies as st

from engine.policy.leaks import (
    BASELINE_S,
    EACH,
    FLOOR,
    RESOURCES,
    Counts,
    Holdings,
    LeakDetector,
    explained_by,
)

MIB = 1024 * 1024
IDLE = Holdings()
USUAL = Counts(tasks=30, descriptors=100, memory=60 * MIB)
EVERY_S = 4


def after_baseline(usual: Counts = USUAL) -> LeakDetector:
    detector = LeakDetector()
    for second in range(0, int(BASELINE_S) + EVERY_S, EVERY_S):
        assert not detector.sample(usual, IDLE, second)
    assert detector.baseline == usual
    return detector


def beyond(counts: Counts, more: Counts) -> Counts:
    return Counts._make(map(sum, zip(counts, more, strict=True)))


def test_three_times_as_much_is_suspicious_and_told_once() -> None:
    detector = after_baseline()
    assert not detector.sample(USUAL._replace(tasks=90), IDLE, 400)
    assert detector.sample(USUAL._replace(tasks=91), IDLE, 404)
    assert detector.suspected == ("tasks",)
    assert not detector.sample(USUAL._replace(tasks=95), IDLE, 408)
    assert detector.sample(USUAL, IDLE, 412)
    assert not detector.suspected


def test_growth_with_an_audience_is_no_leak_until_the_audience_has_gone() -> None:
    detector, thousand = after_baseline(), Holdings(clients=1000)
    grown = beyond(USUAL, explained_by(thousand))
    assert not detector.sample(grown, thousand, 400)
    assert detector.suspected == ()
    assert detector.sample(grown, IDLE, 404)
    assert detector.suspected == RESOURCES


def test_growth_with_hls_streams_and_hardly_a_connection_is_no_leak() -> None:
    """Measured: two connections of a cache that fetch everything of 60 streams, eight segments of each."""
    detector, work = after_baseline(), Holdings(clients=2, shelves=60, files=256)
    assert not detector.sample(beyond(USUAL, Counts(60 + 6, 256 + 6, 0)), work, 400)
    assert detector.sample(beyond(USUAL, Counts(66, 262, 0)), IDLE, 404)  # what it is when they have gone
    assert detector.suspected == ("tasks", "descriptors")


def test_growth_with_packages_is_no_leak_and_what_they_leave_behind_is_one() -> None:
    detector, packages = after_baseline(), Holdings(packages=400)
    grown = beyond(USUAL, Counts(400, 400, 0))
    assert not detector.sample(grown, packages, 400)
    assert detector.sample(grown, Holdings(packages=51), 404)
    assert detector.suspected == ("tasks", "descriptors")


def test_every_kind_of_work_explains_something_and_no_more_than_that() -> None:
    assert tuple(EACH) == Holdings._fields
    for number, what in enumerate(Holdings._fields):
        detector, one_kind = after_baseline(), Holdings(**{what: 1000})
        at_most = Counts._make(
            2 * usual + share for usual, share in zip(USUAL, explained_by(one_kind), strict=True)
        )
        assert not detector.sample(beyond(USUAL, at_most), one_kind, 400), (number, what)
        assert detector.sample(beyond(USUAL, beyond(at_most, Counts(1, 1, 1))), one_kind, 404)
        assert detector.suspected == RESOURCES


def test_an_idle_process_may_begin_to_do_something() -> None:
    detector = after_baseline(Counts(tasks=3, descriptors=9, memory=5 * MIB))
    assert not detector.sample(Counts._make(3 * floor for floor in FLOOR), IDLE, 400)
    assert detector.sample(Counts._make(3 * floor + 1 for floor in FLOOR), IDLE, 404)


def test_nothing_is_suspicious_in_the_first_five_minutes() -> None:
    detector = LeakDetector()
    for second in range(0, int(BASELINE_S), EVERY_S):
        assert not detector.sample(USUAL._replace(tasks=30 + second * 100), IDLE, second)
    assert detector.baseline is None
    assert detector.maximum.tasks > 20_000


counts = st.builds(
    Counts, st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 4_000).map(lambda mib: mib * MIB)
)


@given(st.lists(counts, min_size=3, max_size=9).filter(lambda made: len(made) % 2 == 1), counts)
def test_the_baseline_is_the_median_and_each_resource_is_judged_by_itself(
    first: list[Counts], then: Counts
) -> None:
    detector, step_s = LeakDetector(), BASELINE_S / (len(first) - 1)
    for number, each in enumerate(first):
        detector.sample(each, IDLE, number * step_s)
    detector.sample(then, IDLE, 2 * BASELINE_S)
    medians = [int(statistics.median(column)) for column in zip(*first, strict=True)]
    assert detector.baseline == Counts._make(medians)
    wanted = [
        name
        for name, count, base, floor in zip(RESOURCES, then, medians, FLOOR, strict=True)
        if count > 3 * max(base, floor)
    ]
    assert list(detector.suspected) == wanted
    assert detector.maximum == Counts._make(max(column) for column in zip(*first, then, strict=True))
