"""More than the rate, sustained: bursts and stalls pass, a rate that is too high does not."""

from hypothesis import given
from hypothesis import strategies as st

from engine.policy.excess import OVER_AT_HALF, Excess

RATE = 100.0
WINDOW_S = 10.0


def seconds_until_sustained(times: float, *, most_s: int = 1000) -> int | None:
    """How long a source of `times` the rate is let be, told once a second."""
    excess = Excess(RATE, WINDOW_S, 0.0)
    return next((s for s in range(1, most_s) if excess.add(times * RATE, s)), None)


def test_twice_the_rate_is_let_be_for_the_window_and_less_for_longer() -> None:
    assert seconds_until_sustained(1.0) is None
    assert seconds_until_sustained(1.1) in (100, 101)  # by rounding
    assert seconds_until_sustained(2.0) == 11
    assert seconds_until_sustained(10.0) == 2


def test_what_was_owed_from_a_stall_may_come_at_once() -> None:
    excess = Excess(RATE, WINDOW_S, 0.0)
    for second in range(1, 60):
        stalls = second % 10 < 5
        assert not excess.add(0 if stalls else 2 * RATE, second)


def test_an_episode_is_over_when_half_of_it_is_worked_off() -> None:
    excess = Excess(RATE, WINDOW_S, 0.0)
    assert excess.add(RATE * WINDOW_S + 1, 0.0)
    assert excess.add(0, 4.9)
    assert not excess.add(0, 5.1)
    assert not excess.add(RATE, 6.0)


arrivals = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4000)), min_size=1, max_size=30)


@given(arrivals)
def test_it_is_the_largest_excess_over_all_stretches_that_end_now(steps: list[tuple[int, int]]) -> None:
    meter, now, came = Excess(RATE, WINDOW_S, 0.0), 0, [(0, 0)]
    over = False
    for pause_s, amount in steps:
        now += pause_s
        came.append((now, amount))
        sustained = meter.add(amount, now)
        stretches = [  # what is told at a moment has come since the moment before
            sum(each for _, each in came[number + 1 :]) - RATE * (now - since)
            for number, (since, _) in enumerate(came)
        ]
        model = max(0.0, *stretches)
        assert meter.amount == model
        over = model > RATE * WINDOW_S * (OVER_AT_HALF if over else 1)
        assert sustained == over
