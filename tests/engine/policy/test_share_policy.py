"""Bursts pass, floods pay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.share import Share

PART, BURST_S = 0.1, 0.25


def test_a_burst_costs_no_rest() -> None:
    share = Share(PART, BURST_S)
    assert [share.spend(0.05, 10.0) for _ in range(5)] == [0.0] * 5
    assert share.spend(0.05, 10.0) == pytest.approx(0.5)


def test_what_time_has_earned_may_be_spent_again() -> None:
    share = Share(PART, BURST_S)
    share.spend(BURST_S, 0.0)
    assert share.spend(0.1, 1.0) == 0.0
    assert share.spend(0.1, 1.0) == pytest.approx(1.0)


@given(st.lists(st.floats(0.0001, 0.01), min_size=1, max_size=200))
def test_who_rests_as_told_takes_a_tenth_and_one_burst(spent: list[float]) -> None:
    share, now_s = Share(PART, BURST_S), 0.0
    for spent_s in spent:
        now_s += spent_s
        now_s += share.spend(spent_s, now_s)
    assert sum(spent) <= BURST_S + PART * now_s + 1e-6
