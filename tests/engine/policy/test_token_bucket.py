"""The token bucket: never more than it may, never less than it could."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.token_bucket import TokenBucket

steps = st.lists(st.tuples(st.floats(0, 3), st.integers(1, 3)), max_size=40)


@given(st.floats(0.1, 20), st.floats(1, 10), steps)
def test_in_any_stretch_of_time_it_gives_burst_and_rate_and_no_more(
    rate: float, burst: float, asked: list[tuple[float, int]]
) -> None:
    bucket, now, given_out = TokenBucket(rate, burst, 0.0), 0.0, 0.0
    for pause_s, tokens in asked:
        now += pause_s
        possible = tokens + given_out <= burst + rate * now + 1e-6
        if bucket.take(now, tokens):
            given_out += tokens
            assert possible


@given(st.floats(0.1, 20), st.floats(1, 10), st.integers(0, 12))
def test_what_it_says_is_when_it_is_ready(rate: float, burst: float, taken: int) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    for _ in range(taken):
        bucket.take(0.0)
    wait_s = bucket.ready_in(0.0)
    if wait_s:
        assert not bucket.take(wait_s * 0.99)
    assert bucket.take(wait_s * 1.01 + 1e-6)


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(rate_per_s=2, burst=3, now=10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(now) for now in (10.4, 10.5, 10.6, 11.0)] == [False, True, False, True]


def test_it_fills_no_further_than_its_rim_and_says_so() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=2, now=0.0)
    bucket.take(0.0)
    assert not bucket.is_full(0.5)
    assert bucket.is_full(1_000.0)
    assert [bucket.take(1_000.0) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("rate", "tokens"), [(1.0, 9.0), (0.0, 2.0)])
def test_what_will_never_be_there_takes_for_ever(rate: float, tokens: float) -> None:
    bucket = TokenBucket(rate, burst=2, now=0.0)
    bucket.take(0.0)
    assert bucket.ready_in(0.0, tokens) == math.inf
