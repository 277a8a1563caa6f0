"""How long pumps rest: not at all while that is cheap, and then as long as keeps them a tenth of the core."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.pacing import CHEAP_TICK_MS, Pacer, WorkerLoad

PLAYER_S = 10e-6  # one non-blocking send


def settled(players: int, *, min_ms: float = 0, max_ms: float = 100, passes: int = 200) -> Pacer:
    pacer = Pacer(min_ms, max_ms)
    for _ in range(passes):
        pacer.note(players * PLAYER_S)
    return pacer


@pytest.mark.parametrize(
    ("players", "tick_ms"), [(0, 0), (1, 0), (30, 0), (50, 5), (500, 50), (1_000, 100), (5_000, 100)]
)
def test_the_tick_grows_with_the_audience(players: int, tick_ms: float) -> None:
    assert settled(players).tick_s * 1000 == pytest.approx(tick_ms)


def test_equal_bounds_fix_it() -> None:
    assert settled(1, min_ms=25, max_ms=25).tick_s == 0.025
    assert settled(4_000, min_ms=25, max_ms=25).tick_s == 0.025


def test_a_lower_bound_holds() -> None:
    assert settled(100, min_ms=40).tick_s == pytest.approx(0.040)


def test_one_expensive_pass_says_little() -> None:
    pacer = settled(100)
    pacer.note(100 * PLAYER_S + 0.005)  # twenty joined
    assert pacer.tick_s * 1000 == pytest.approx(10, abs=7)
    for _ in range(40):
        pacer.note(100 * PLAYER_S)
    assert pacer.tick_s * 1000 == pytest.approx(10, abs=0.1)


def test_pumps_of_one_worker_share_the_core() -> None:
    load = WorkerLoad()
    pacers = [Pacer(0, 100, load=load) for _ in range(3)]
    for pacer in pacers:
        pacer.note(0.002)
    assert [pacer.tick_s for pacer in pacers] == [pytest.approx(0.060)] * 3
    pacers[0].rest()
    assert pacers[1].tick_s == pytest.approx(0.040)
    pacers[0].note(0.002)
    assert pacers[1].tick_s == pytest.approx(0.060)


def test_work_that_grows_with_the_tick_still_settles() -> None:
    pacer, pass_s = Pacer(0, 100), 0.001
    for _ in range(300):
        pacer.note(pass_s)
        pass_s = 0.001 + 0.05 * pacer.tick_s  # 5 % of a core is bytes, whatever the tick
    assert pacer.tick_s == pytest.approx(0.001 / (0.10 - 0.05), rel=0.01)


@given(st.lists(st.floats(0, 0.2), max_size=50), st.floats(0, 100), st.floats(0, 400))
def test_the_bounds_always_hold(passes: list[float], min_ms: float, more_ms: float) -> None:
    pacer = Pacer(min_ms, min_ms + more_ms)
    for pass_s in passes:
        pacer.note(pass_s)
        assert min_ms / 1000 <= pacer.tick_s <= (min_ms + more_ms) / 1000
    pacer.rest()
    assert pacer.tick_s <= max(min_ms, CHEAP_TICK_MS) / 1000
