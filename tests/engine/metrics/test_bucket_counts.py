"""A histogram in plain numbers says the same as the client's own."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from engine.metrics import BucketCounts

BOUNDS = (0.001, 0.01, 0.1, 1.0)
values = st.lists(st.one_of(st.floats(0, 3), st.sampled_from(BOUNDS)), max_size=50)


@given(values)
def test_values_fall_into_the_buckets_that_prometheus_puts_them_in(seconds: list[float]) -> None:
    registry = CollectorRegistry()
    theirs = Histogram("a_seconds", "A.", registry=registry, buckets=BOUNDS)
    ours = BucketCounts(BOUNDS)
    for value in seconds:
        theirs.observe(value)
        ours.add(value)
    taken = ours.take()
    at_most = [sum(taken.counts[: end + 1]) for end in range(len(taken.counts))]
    bounds = [*map(str, BOUNDS), "+Inf"]
    assert at_most == [registry.get_sample_value("a_seconds_bucket", {"le": bound}) for bound in bounds]
    assert taken.sum == registry.get_sample_value("a_seconds_sum")


def test_what_was_taken_is_not_taken_again() -> None:
    counts = BucketCounts(BOUNDS)
    counts.add(0.5)
    assert counts.take() == ([0, 0, 0, 1, 0], 0.5)
    assert counts.take() == ([0, 0, 0, 0, 0], 0.0)
