"""Calls to the outside: what comes of each combination of success, failure, hang and cancellation."""

import math
from itertools import product

import pytest
import trio
from trio.testing import MockClock

from engine.policy.breaker import BreakerLimits, BreakerState
from engine.policy.outside import BreakerOpen, LimiterFull, OutsideLimits, TimedOut
from engine.policy.seats import SeatLimits
from tests.workers.runtime.outside_stage import (
    DEADLINE_S,
    FAIL,
    FAILURES,
    HANG,
    LASTING,
    OK,
    OPEN_S,
    OURS,
    LastingFault,
    OurFault,
    Service,
    Stage,
    make_stage,
    trip,
)

CANCEL, WAIT = "cancel", "wait"
CLOSED, HALF_OPEN, OPEN = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN


async def outcome(stage: Stage, word: str) -> str:
    """Make one call that ends as `word` says; what the caller saw of it."""
    service = Service([HANG if word == CANCEL else word])
    with trio.move_on_after(1.0 if word == CANCEL else math.inf) as scope:
        try:
            return await stage.outside.call(service.attempt)
        except (ConnectionResetError, LastingFault, OurFault, TimedOut, BreakerOpen, LimiterFull) as error:
            return type(error).__name__
    assert scope.cancelled_caught
    return "cancelled"


SEEN = {
    OK: "answer",
    FAIL: "ConnectionResetError",
    LASTING: "LastingFault",
    OURS: "OurFault",
    HANG: "TimedOut",
    CANCEL: "cancelled",
}
COUNTS_AS_FAILURE = (FAIL, LASTING, HANG)
SAYS_NOTHING = (OURS, CANCEL)


class Explained:
    """What a caller may expect of one call after another."""

    def __init__(self) -> None:
        self.failures = 0
        self.open_until = 0.0
        self.tried = True

    @property
    def state(self) -> BreakerState:
        if self.failures < FAILURES:
            return CLOSED
        return HALF_OPEN if self.tried else OPEN

    def expect(self, word: str, now: float) -> str:
        if self.failures >= FAILURES and not self.tried and now < self.open_until:
            return "BreakerOpen"
        self.tried = True
        if word == OK:
            self.failures = 0
        return SEEN[word]

    def note(self, word: str, now: float) -> None:
        if word in COUNTS_AS_FAILURE:
            self.failures = min(self.failures + 1, FAILURES)
            if self.failures >= FAILURES:
                self.open_until, self.tried = now + OPEN_S, False


@pytest.mark.parametrize("first", [OK, FAIL, LASTING, OURS, HANG, CANCEL])
async def test_any_sequence_of_calls_ends_as_explained(autojump_clock: MockClock, first: str) -> None:
    for rest in product([OK, FAIL, LASTING, OURS, HANG, CANCEL, WAIT], repeat=4):
        stage, explained = make_stage(), Explained()
        for word in (first, *rest):
            if word == WAIT:
                await trio.sleep(OPEN_S)
                continue
            expected = explained.expect(word, trio.current_time())
            assert await outcome(stage, word) == expected, (first, *rest)
            if expected != "BreakerOpen":
                explained.note(word, trio.current_time())
            assert stage.state is explained.state, (first, *rest)
            assert stage.is_at_rest


@pytest.mark.parametrize(
    ("one", "other"), list(product([OK, FAIL, OURS, HANG, CANCEL], repeat=2)), ids=lambda word: str(word)
)
async def test_any_two_calls_at_once_leave_nothing_behind(
    autojump_clock: MockClock, one: str, other: str
) -> None:
    stage, seen = make_stage(seats=1, waiting=1), []

    async def call(word: str) -> None:
        seen.append(await outcome(stage, word))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call, one)
        nursery.start_soon(call, other)
    assert stage.is_at_rest
    # With one seat a call may wait behind another that hangs until its own time is over: that blames nobody.
    assert all(result in (*SEEN.values(), "BreakerOpen") for result in seen)
    attempts = stage.figures.of("fanlight_outside_attempts_total")
    begun_and_failed = attempts.get("failed", 0) + attempts.get("timed_out", 0)
    assert (stage.state is OPEN) == (begun_and_failed == FAILURES)
    assert await outcome(stage, OK) == ("BreakerOpen" if stage.state is OPEN else "answer")


@pytest.mark.parametrize("word", [OK, FAIL, LASTING, OURS, HANG, CANCEL])
async def test_the_trial_decides_and_everybody_else_is_refused_meanwhile(
    autojump_clock: MockClock, word: str
) -> None:
    stage = make_stage()
    await trip(stage)
    await trio.sleep(OPEN_S)
    results: list[str] = []

    async def trial() -> None:
        results.append(await outcome(stage, word))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trial)
        await trio.testing.wait_all_tasks_blocked()
        assert stage.state is HALF_OPEN
        assert await outcome(stage, OK) == "BreakerOpen"
    assert results == [SEEN[word]]
    assert stage.is_at_rest
    after = {OK: CLOSED, OURS: HALF_OPEN, CANCEL: HALF_OPEN}.get(word, OPEN)
    assert stage.state is after
    assert await outcome(stage, OK) == ("BreakerOpen" if after is OPEN else "answer")


async def test_an_open_breaker_asks_nobody_and_takes_no_time(autojump_clock: MockClock) -> None:
    stage = make_stage()
    await trip(stage)
    service, began = Service(), trio.current_time()
    with pytest.raises(BreakerOpen) as caught:
        await stage.outside.call(service.attempt)
    assert (service.asked, trio.current_time()) == (0, began)
    assert caught.value.retry_in_s == pytest.approx(OPEN_S)
    assert caught.value.hint in str(caught.value)
    assert stage.figures.of("fanlight_outside_rejections_total") == {"breaker_open": 1}


async def test_retries_end_with_the_first_success(autojump_clock: MockClock) -> None:
    stage, service = make_stage(attempts=4, failures=9), Service([FAIL, FAIL])
    began = trio.current_time()
    assert await stage.outside.call(service.attempt) == "answer"
    assert service.asked == 3
    assert trio.current_time() - began == pytest.approx(0.1 + 0.2 + 3 * 0.01)
    assert stage.figures.of("fanlight_outside_attempts_total") == {"ok": 1, "failed": 2}


async def test_every_retry_is_told_and_no_word_of_a_strange_error(autojump_clock: MockClock) -> None:
    stage, service = make_stage(attempts=3, failures=9), Service([FAIL, FAIL, OK])
    assert await stage.outside.call(service.attempt) == "answer"
    retried = {"level": "warning", "event": "call_retried", "dependency": "hooks"}
    assert stage.log.lines == [
        retried | {"attempt": 1, "error": "ConnectionResetError", "again_in_s": 0.1},
        retried | {"attempt": 2, "error": "ConnectionResetError", "again_in_s": 0.2},
    ]


@pytest.mark.parametrize("word", [FAIL, LASTING, OURS])
async def test_a_failure_that_is_the_last_is_no_retry(autojump_clock: MockClock, word: str) -> None:
    stage = make_stage(attempts=1, failures=9)
    assert await outcome(stage, word) == SEEN[word]
    assert stage.log.lines == []


@pytest.mark.parametrize(("word", "asked"), [(FAIL, 3), (LASTING, 1), (OURS, 1)])
async def test_only_what_may_pass_is_tried_again(autojump_clock: MockClock, word: str, asked: int) -> None:
    stage, service = make_stage(attempts=3, failures=9), Service([word] * 9)
    with pytest.raises((ConnectionResetError, LastingFault, OurFault)):
        await stage.outside.call(service.attempt)
    assert service.asked == asked


async def test_retrying_ends_when_the_breaker_opens(autojump_clock: MockClock) -> None:
    stage, service = make_stage(attempts=9), Service([FAIL] * 9)
    with pytest.raises(BreakerOpen):
        await stage.outside.call(service.attempt)
    assert service.asked == FAILURES


async def test_the_deadline_holds_over_all_attempts_together(autojump_clock: MockClock) -> None:
    stage, service = make_stage(attempts=9, failures=99), Service([FAIL, FAIL, HANG])
    began = trio.current_time()
    with pytest.raises(TimedOut) as caught:
        await stage.outside.call(service.attempt)
    assert trio.current_time() - began == pytest.approx(DEADLINE_S)
    assert caught.value.deadline_s == DEADLINE_S
    assert service.asked == 3


async def test_where_no_time_is_left_for_another_attempt_the_last_error_is_told(
    autojump_clock: MockClock,
) -> None:
    stage, service = make_stage(attempts=99, failures=99), Service([FAIL] * 99)
    began = trio.current_time()
    with pytest.raises(ConnectionResetError):
        await stage.outside.call(service.attempt, deadline_s=0.5)
    assert trio.current_time() - began < 0.5


async def test_a_callers_own_deadline_is_a_cancellation_and_blames_nobody(autojump_clock: MockClock) -> None:
    stage = make_stage(failures=1)
    with pytest.raises(trio.TooSlowError), trio.fail_after(DEADLINE_S / 2):
        await stage.outside.call(Service([HANG]).attempt)
    assert stage.state is CLOSED
    assert stage.figures.of("fanlight_outside_attempts_total") == {"abandoned": 1}


async def test_cancelled_while_cleaning_up_beyond_the_deadline_is_cancelled_all_the_same(
    autojump_clock: MockClock,
) -> None:
    stage = make_stage(failures=1)

    async def slow_to_leave() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(DEADLINE_S)

    with trio.move_on_after(1.0) as scope:
        await stage.outside.call(slow_to_leave)
    assert scope.cancelled_caught
    assert stage.state is CLOSED


async def test_those_who_wait_for_a_seat_are_served_in_order(autojump_clock: MockClock) -> None:
    stage, order = make_stage(seats=1, waiting=9), []

    async def call(number: int) -> None:
        await stage.outside.call(Service().attempt)
        order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(call, number)
            await trio.testing.wait_all_tasks_blocked()
    assert order == list(range(10))
    assert stage.is_at_rest


async def test_beyond_seats_and_queue_a_call_is_refused_at_once_and_blames_nobody(
    autojump_clock: MockClock,
) -> None:
    stage = make_stage(seats=1, waiting=1, failures=1)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(outcome, stage, CANCEL)
            await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        with pytest.raises(LimiterFull, match="1 calls are under way and 1 wait"):
            await stage.outside.call(Service().attempt)
        assert trio.current_time() == began
    assert stage.is_at_rest
    assert stage.state is CLOSED
    assert stage.figures.of("fanlight_outside_rejections_total") == {"limiter_full": 1}


async def test_who_waited_in_vain_until_the_deadline_blames_nobody(autojump_clock: MockClock) -> None:
    stage = make_stage(seats=1, waiting=1, failures=1)
    async with trio.open_nursery() as nursery:

        async def hold() -> None:
            with trio.move_on_after(9):
                await stage.outside.call(trio.sleep_forever, deadline_s=math.inf)

        nursery.start_soon(hold)
        await trio.testing.wait_all_tasks_blocked()
        service = Service()
        with pytest.raises(TimedOut):
            await stage.outside.call(service.attempt)
        assert service.asked == 0
    assert stage.state is CLOSED
    assert stage.is_at_rest


async def test_who_is_cancelled_in_the_queue_leaves_it(autojump_clock: MockClock) -> None:
    stage = make_stage(seats=1, waiting=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outcome, stage, HANG)
        await trio.testing.wait_all_tasks_blocked()
        assert await outcome(stage, CANCEL) == "cancelled"
        assert (stage.outside._seats.taken, stage.outside._seats.waiting) == (1, 0)
    assert stage.is_at_rest


async def test_a_seat_left_in_the_moment_a_waiter_gives_up_goes_to_whoever_comes(
    autojump_clock: MockClock,
) -> None:
    stage = make_stage(seats=1, waiting=4, failures=9)
    async with trio.open_nursery() as nursery:
        for _ in range(3):  # all three time out at once: one has the seat, two wait
            nursery.start_soon(outcome, stage, HANG)
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(DEADLINE_S)
        assert await outcome(stage, OK) == "answer"
    assert stage.is_at_rest


async def test_errors_in_groups_and_errors_that_are_no_exceptions_free_everything(
    autojump_clock: MockClock,
) -> None:
    stage = make_stage(failures=2)

    async def in_a_nursery() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Service([FAIL]).attempt)

    with pytest.raises(ExceptionGroup):
        await stage.outside.call(in_a_nursery)
    assert stage.figures.of("fanlight_outside_attempts_total") == {"failed": 1}

    async def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await stage.outside.call(interrupted)
    assert stage.state is CLOSED
    assert stage.is_at_rest


async def test_new_limits_hold_from_the_next_call_on(autojump_clock: MockClock) -> None:
    stage = make_stage(failures=9)
    await outcome(stage, FAIL)
    stage.outside.configure(
        OutsideLimits(
            deadline_s=1, breaker=BreakerLimits(failures=2, open_s=1), seats=SeatLimits(seats=1, waiting=0)
        )
    )
    began = trio.current_time()
    assert await outcome(stage, HANG) == "TimedOut"
    assert trio.current_time() - began == pytest.approx(1)
    assert stage.state is OPEN
    await trio.sleep(1)
    assert await outcome(stage, OK) == "answer"


async def test_every_transition_is_a_line_a_count_and_the_state_of_now(autojump_clock: MockClock) -> None:
    stage = make_stage()
    await trip(stage)
    await trio.sleep(OPEN_S)
    await outcome(stage, FAIL)
    await trio.sleep(OPEN_S)
    await outcome(stage, OK)
    assert [(line["level"], line["state"], line["dependency"]) for line in stage.log.lines] == [
        ("warning", "open", "hooks"),
        ("info", "half_open", "hooks"),
        ("warning", "open", "hooks"),
        ("info", "half_open", "hooks"),
        ("info", "closed", "hooks"),
    ]
    moves = stage.figures.of("fanlight_breaker_transitions_total")
    assert moves == {"open": 2, "half_open": 2, "closed": 1}


async def test_durations_are_those_of_whole_calls(autojump_clock: MockClock) -> None:
    stage = make_stage(attempts=2, failures=9)
    await stage.outside.call(Service([FAIL]).attempt)
    await outcome(stage, HANG)
    seen = stage.figures.bind("fanlight_outside_call_seconds", dependency="hooks").seen
    assert seen == pytest.approx([0.12, DEADLINE_S])
