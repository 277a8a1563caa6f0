"""The breaker against a model, whatever comes in whatever order, and the stories an operator would tell."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from engine.policy.breaker import (
    TRANSITIONS,
    Breaker,
    BreakerInput,
    BreakerLimits,
    BreakerState,
    KnownState,
)
from shm import breakers

LIMITS = BreakerLimits(failures=3, open_s=10)
CLOSED, HALF_OPEN, OPEN = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN


class Call:
    """A call in the model: what it was let in for, and by which process."""

    def __init__(self, ticket: int, breaker: Breaker, *, trial: bool) -> None:
        self.ticket = ticket
        self.breaker = breaker
        self.trial = trial


class Model:
    """A breaker as one would explain it: who still has a say, and what has been said."""

    def __init__(self) -> None:
        self.heard: list[bool] = []  # results since it last closed, of those that have a say
        self.opened_at: float | None = None
        self.trial: Call | None = None
        self.had_trial = False  # since it last opened
        self.insiders: set[Call] = set()  # let in while closed, this time

    @property
    def state(self) -> BreakerState:
        if self.opened_at is None:
            return CLOSED
        return HALF_OPEN if self.had_trial else OPEN

    def lets_in(self, now: float) -> bool:
        if self.opened_at is None:
            return True
        return self.trial is None and (self.had_trial or now >= self.opened_at + LIMITS.open_s)

    def result(self, call: Call, good: bool, now: float) -> None:
        if call is self.trial:
            self._close() if good else self._open(now)
        elif call in self.insiders:
            self.insiders.discard(call)
            self.heard.append(good)
            if len(self.heard) >= LIMITS.failures and not any(self.heard[-LIMITS.failures :]):
                self._open(now)

    def _open(self, now: float) -> None:
        self.opened_at, self.trial, self.had_trial, self.insiders = now, None, False, set()

    def _close(self) -> None:
        self.opened_at, self.trial, self.had_trial, self.heard = None, None, False, []


class AnyHistory(RuleBasedStateMachine):
    """Calls come, go and are abandoned in any order, while time passes."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.breaker = Breaker(LIMITS)
        self.model = Model()

    @rule(seconds=st.sampled_from([0.5, 9.5, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.model.state is OPEN)
    @rule()
    def its_time_is_over(self) -> None:
        self.now = max(self.now, self.breaker.retry_at)

    @rule(target=calls, number=st.integers(1, 3))
    def calls_come(self, number: int) -> MultipleResults[Call]:
        return multiple(*(call for _ in range(number) if (call := self.let_in()) is not None))

    def let_in(self) -> Call | None:
        welcome = self.model.lets_in(self.now)
        ticket = self.breaker.admit(self.now)
        assert (ticket is not None) == welcome
        if ticket is None:
            return None
        call = Call(ticket, self.breaker, trial=self.model.state is not CLOSED)
        if call.trial:
            self.model.trial, self.model.had_trial = call, True
        else:
            self.model.insiders.add(call)
        return call

    @precondition(lambda self: self.model.state is CLOSED)
    @rule()
    def the_service_goes_down(self) -> None:
        while self.model.state is CLOSED:
            call = self.let_in()
            assert call is not None
            self.one_fails(call)

    @rule(call=consumes(calls))
    def one_succeeds(self, call: Call) -> None:
        self.model.result(call, True, self.now)
        call.breaker.succeeded(call.ticket)

    @rule(call=consumes(calls))
    def one_fails(self, call: Call) -> None:
        self.model.result(call, False, self.now)
        call.breaker.failed(call.ticket, self.now)

    @rule(call=consumes(calls))
    def one_is_abandoned(self, call: Call) -> None:
        self.model.insiders.discard(call)
        if call is self.model.trial:
            self.model.trial = None
        call.breaker.abandoned(call.ticket)

    @rule()
    def the_worker_is_replaced(self) -> None:
        known = KnownState(self.breaker.state, self.breaker.failures, self.breaker.retry_at - self.now)
        self.breaker = Breaker(LIMITS)
        self.breaker.recall(known, self.now)
        self.model.insiders, self.model.trial = set(), None

    @invariant()
    def both_say_the_same(self) -> None:
        assert self.breaker.state is self.model.state

    @invariant()
    def an_open_one_tells_when_to_come_back(self) -> None:
        wait_s = self.breaker.retry_in(self.now)
        if self.model.state is OPEN and wait_s:
            assert not self.model.lets_in(self.now)
            assert self.model.lets_in(self.now + wait_s + 1e-9)


TestAnyHistory = AnyHistory.TestCase
# The rare ones are the interesting ones: a call from before, in the midst of a trial.
TestAnyHistory.settings = settings(max_examples=max(300, settings().max_examples), stateful_step_count=60)


def tripped(now: float = 0.0) -> Breaker:
    breaker = Breaker(LIMITS)
    for _ in range(LIMITS.failures):
        ticket = breaker.admit(now)
        assert ticket is not None
        breaker.failed(ticket, now)
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_forgives_them() -> None:
    breaker = Breaker(LIMITS)
    for good in (False, False, True, False, False):
        ticket = breaker.admit(0.0)
        assert ticket is not None
        breaker.succeeded(ticket) if good else breaker.failed(ticket, 0.0)
        assert breaker.state is CLOSED
    last = breaker.admit(0.0)
    assert last is not None
    breaker.failed(last, 0.0)
    assert breaker.state is OPEN


def test_an_open_one_lets_a_single_trial_through_after_its_time() -> None:
    breaker = tripped()
    assert breaker.admit(9.999) is None
    trial = breaker.admit(10.0)
    assert trial is not None
    assert breaker.admit(10.0) is None
    breaker.succeeded(trial)
    assert breaker.state is CLOSED
    assert breaker.failures == 0


def test_a_trial_that_fails_opens_it_for_as_long_again() -> None:
    breaker = tripped()
    trial = breaker.admit(12.0)
    assert trial is not None
    breaker.failed(trial, 15.0)
    assert (breaker.state, breaker.retry_in(15.0)) == (OPEN, 10.0)


def test_an_abandoned_trial_frees_its_place_at_once() -> None:
    breaker = tripped()
    trial = breaker.admit(10.0)
    assert trial is not None
    breaker.abandoned(trial)
    assert breaker.state is HALF_OPEN
    assert breaker.admit(10.0) is not None


@pytest.mark.parametrize("good", [True, False])
def test_a_call_from_before_it_opened_has_no_say_over_the_trial(good: bool) -> None:
    breaker = Breaker(LIMITS)
    old = breaker.admit(0.0)
    assert old is not None
    for _ in range(LIMITS.failures):
        ticket = breaker.admit(0.0)
        assert ticket is not None
        breaker.failed(ticket, 0.0)
    trial = breaker.admit(10.0)
    breaker.succeeded(old) if good else breaker.failed(old, 10.0)
    assert breaker.state is HALF_OPEN
    assert breaker.admit(10.0) is None
    assert trial is not None
    breaker.succeeded(trial)
    assert breaker.state is CLOSED


def test_a_successor_knows_no_longer_wait_than_the_limits_allow() -> None:
    breaker = Breaker(LIMITS)
    breaker.recall(KnownState(OPEN, 3, open_for_s=9_999), now=5.0)
    assert breaker.retry_in(5.0) == LIMITS.open_s
    breaker.recall(KnownState(OPEN, 3, open_for_s=-40), now=5.0)
    assert breaker.admit(5.0) is not None


def test_a_successor_of_a_worker_that_died_in_the_trial_makes_another() -> None:
    breaker = Breaker(LIMITS)
    breaker.recall(KnownState(HALF_OPEN, 3, open_for_s=0), now=5.0)
    assert breaker.admit(5.0) is not None
    assert breaker.admit(5.0) is None


def test_every_state_has_a_row_and_every_input_a_place() -> None:
    assert set(TRANSITIONS) == set(BreakerState)
    assert {given for row in TRANSITIONS.values() for given in row} == set(BreakerInput)
    assert {after for row in TRANSITIONS.values() for after in row.values()} == set(BreakerState)


def test_shared_memory_means_the_same_by_open() -> None:
    assert int(BreakerState.OPEN) == breakers.OPEN
