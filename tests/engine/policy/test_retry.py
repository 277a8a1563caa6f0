"""The retry schedule against a model, and what it is for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.policy.retry import Retry, RetryLimits

limits = st.builds(
    RetryLimits,
    attempts=st.one_of(st.none(), st.integers(1, 6)),
    first_delay_s=st.floats(0.01, 2),
    max_delay_s=st.floats(0.01, 30),
    jitter=st.floats(0, 1),
)


class AnySchedule(RuleBasedStateMachine):
    """Failures and successes in any order; the model is a list of the failures since the last success."""

    @initialize(limits=limits)
    def begin(self, limits: RetryLimits) -> None:
        self.limits = limits
        self.chance = 0.0
        self.retry = Retry(limits, lambda: self.chance)
        self.streak: list[float] = []

    @rule(chance=st.floats(0, 1, exclude_max=True))
    def it_fails(self, chance: float) -> None:
        self.chance = chance
        pause_s = self.retry.failed()
        self.streak.append(chance)
        if self.limits.attempts is not None and len(self.streak) >= self.limits.attempts:
            assert pause_s is None
            return
        full_s = self.limits.first_delay_s
        for _ in self.streak[1:]:
            full_s = min(full_s * 2, self.limits.max_delay_s)
        full_s = min(full_s, self.limits.max_delay_s)
        assert pause_s == pytest.approx(full_s - full_s * self.limits.jitter * chance)

    @rule()
    def it_works(self) -> None:
        self.retry.succeeded()
        self.streak.clear()

    @invariant()
    def failures_are_counted(self) -> None:
        assert not hasattr(self, "retry") or self.retry.failures == len(self.streak)


TestAnySchedule = AnySchedule.TestCase


def test_one_attempt_means_no_retry() -> None:
    assert Retry(RetryLimits(), lambda: 0.0).failed() is None


def test_pauses_double_up_to_the_longest() -> None:
    retry = Retry(RetryLimits(attempts=7, first_delay_s=1, max_delay_s=5), lambda: 0.0)
    assert [retry.failed() for _ in range(7)] == [1, 2, 4, 5, 5, 5, None]


def test_callers_of_the_same_moment_come_back_at_different_ones() -> None:
    limits = RetryLimits(attempts=2, first_delay_s=1)
    pauses = [Retry(limits, lambda chance=chance: chance).failed() for chance in (0.0, 0.5, 0.999)]  # type: ignore[misc]
    assert pauses == pytest.approx([1.0, 0.75, 0.5005])


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_with_half_left_to_chance_no_pause_is_shorter_than_the_one_before(one: float, other: float) -> None:
    chances = iter([one, other])
    retry = Retry(RetryLimits(attempts=3, first_delay_s=1, max_delay_s=60), lambda: next(chances))
    first, second = retry.failed(), retry.failed()
    assert first is not None
    assert second is not None
    assert second >= first


def test_what_is_down_for_weeks_overflows_nothing() -> None:
    retry = Retry(RetryLimits(attempts=None, max_delay_s=30), lambda: 0.0)
    assert {retry.failed() for _ in range(5_000)} >= {30.0}
