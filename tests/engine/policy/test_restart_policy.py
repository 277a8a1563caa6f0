"""Workers that are killed come back at once, for ever; workers that die at boot are braked."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.policy.restart import BACKOFF_MAX_S, Decision, RestartPolicy

AT_ONCE = Decision(delay_s=0.0, degraded=False, alarm=False)


def die_at_boot(policy: RestartPolicy, slot: str, deaths: int, now: float = 0.0) -> tuple[list[float], float]:
    """Let `slot` die `deaths` times, each time as soon as it was started; the delays, and the time after."""
    delays = []
    for _ in range(deaths):
        delays.append(policy.died(slot, now, None).delay_s)
        now += delays[-1] + 0.01
    return delays, now


def test_hundreds_of_kills_of_serving_workers_do_not_trip_the_brake() -> None:
    policy = RestartPolicy()
    for second in range(0, 10_000, 20):
        assert policy.died("fanout0", second + 10.0, ready_at=second) == AT_ONCE


def test_kills_that_come_all_together_do_not_either() -> None:
    policy = RestartPolicy()
    assert {policy.died(slot, 100.0, ready_at=80.0) for slot in range(500)} == {AT_ONCE}


def test_a_worker_that_dies_at_boot_is_braked_after_five() -> None:
    delays, _ = die_at_boot(RestartPolicy(), "fanout0", 8)
    assert delays == [0, 0, 0, 0, 0, 0.1, 0.2, 0.4]


def test_the_pause_doubles_up_to_half_a_minute_and_stays_there() -> None:
    delays, _ = die_at_boot(RestartPolicy(), "fanout0", 5_000)
    assert all(after in (before * 2, BACKOFF_MAX_S) for before, after in pairwise(delays[5:]))
    assert delays[-1] == BACKOFF_MAX_S


def test_back_off_does_not_end_because_its_own_pauses_empty_the_window() -> None:
    policy = RestartPolicy(intensity=5, window_s=1.0)
    delays, now = die_at_boot(policy, "fanout0", 12)
    assert delays[-1] > 1.0
    assert policy.died("fanout0", now + 100.0, None).degraded


def test_a_death_within_ten_seconds_of_ready_counts() -> None:
    policy = RestartPolicy(intensity=1)
    assert not policy.died("fanout0", 9.9, ready_at=0.0).degraded
    assert policy.died("fanout0", 19.8, ready_at=9.9).degraded


def test_a_long_life_forgives() -> None:
    policy = RestartPolicy()
    _, now = die_at_boot(policy, "fanout0", 12)
    assert policy.died("fanout0", now + 10.0, ready_at=now).delay_s == 0
    assert die_at_boot(policy, "fanout0", 6, now + 10.0)[0] == [0, 0, 0, 0, 0, 0.1]


def test_early_deaths_that_are_far_apart_are_forgotten() -> None:
    policy = RestartPolicy(intensity=5, window_s=60.0)
    assert all(not policy.died("fanout0", now, None).degraded for now in range(0, 3_600, 13))


def test_slots_are_judged_apart() -> None:
    policy = RestartPolicy()
    die_at_boot(policy, "fanout0", 10)
    assert not policy.died("fanout1", 1.0, None).degraded


def test_twenty_early_deaths_over_all_slots_raise_the_alarm() -> None:
    policy = RestartPolicy()
    alarms = [policy.died(slot, float(slot), None).alarm for slot in range(20)]
    assert alarms == [False] * 19 + [True]
    assert policy.alarm(60.0)
    assert not policy.alarm(60.1)


def test_new_limits_hold_from_the_next_death_on() -> None:
    policy = RestartPolicy(intensity=1)
    policy.died("fanout0", 0.0, None)
    policy.configure(intensity=3, window_s=60.0)
    assert die_at_boot(policy, "fanout0", 3)[0] == [0, 0, 0.1]


@given(
    st.lists(st.tuples(st.floats(0, 100), st.one_of(st.none(), st.floats(0, 200))), max_size=60),
    st.integers(1, 10),
    st.floats(1, 100),
)
def test_whatever_happens_the_next_start_is_at_most_half_a_minute_away(
    lives: list[tuple[float, float | None]], intensity: int, window_s: float
) -> None:
    policy, now = RestartPolicy(intensity, window_s), 0.0
    for boot_s, served_s in lives:
        ready_at = None if served_s is None else now + boot_s
        now += boot_s + (served_s or 0.0)
        decision = policy.died("fanout0", now, ready_at)
        assert 0 <= decision.delay_s <= BACKOFF_MAX_S
        assert decision.degraded == (decision.delay_s > 0)
        now += decision.delay_s
