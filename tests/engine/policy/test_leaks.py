"""Leaks are what is still there when nobody is: growth with an audience is none."""

import statistics

from hypothesis import given
from hypothesis import strategies as st

from engine.policy.leaks import BASELINE_S, FLOOR, PER_CLIENT, RESOURCES, Counts, LeakDetector

MIB = 1024 * 1024
USUAL = Counts(tasks=30, descriptors=100, memory=60 * MIB)
EVERY_S = 4


def after_baseline(usual: Counts = USUAL) -> LeakDetector:
    detector = LeakDetector()
    for second in range(0, int(BASELINE_S) + EVERY_S, EVERY_S):
        assert not detector.sample(usual, 0, second)
    assert detector.baseline == usual
    return detector


def test_three_times_as_much_is_suspicious_and_told_once() -> None:
    detector = after_baseline()
    assert not detector.sample(USUAL._replace(tasks=90), 0, 400)
    assert detector.sample(USUAL._replace(tasks=91), 0, 404)
    assert detector.suspected == ("tasks",)
    assert not detector.sample(USUAL._replace(tasks=95), 0, 408)
    assert detector.sample(USUAL, 0, 412)
    assert not detector.suspected


def test_growth_with_an_audience_is_no_leak_until_the_audience_has_gone() -> None:
    detector, thousand = after_baseline(), 1000
    grown = Counts._make(usual + thousand * each for usual, each in zip(USUAL, PER_CLIENT, strict=True))
    assert not detector.sample(grown, thousand, 400)
    assert detector.suspected == ()
    assert detector.sample(grown, 0, 404)
    assert detector.suspected == RESOURCES


def test_an_idle_process_may_begin_to_do_something() -> None:
    detector = after_baseline(Counts(tasks=3, descriptors=9, memory=5 * MIB))
    assert not detector.sample(Counts._make(3 * floor for floor in FLOOR), 0, 400)
    assert detector.sample(Counts._make(3 * floor + 1 for floor in FLOOR), 0, 404)


def test_nothing_is_suspicious_in_the_first_five_minutes() -> None:
    detector = LeakDetector()
    for second in range(0, int(BASELINE_S), EVERY_S):
        assert not detector.sample(USUAL._replace(tasks=30 + second * 100), 0, second)
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
        detector.sample(each, 0, number * step_s)
    detector.sample(then, 0, 2 * BASELINE_S)
    medians = [int(statistics.median(column)) for column in zip(*first, strict=True)]
    assert detector.baseline == Counts._make(medians)
    wanted = [
        name
        for name, count, base, floor in zip(RESOURCES, then, medians, FLOOR, strict=True)
        if count > 3 * max(base, floor)
    ]
    assert list(detector.suspected) == wanted
    assert detector.maximum == Counts._make(max(column) for column in zip(*first, then, strict=True))
