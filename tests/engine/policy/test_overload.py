"""The overload ladder: three seconds up, ten down, and never because of one bad second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.overload import DOWN_SAMPLES, STEPS, UP_SAMPLES, Ladder, Level, Load, level_for


def climb(ladder: Ladder, *cpu: float) -> list[Level]:
    return [ladder.sample(Load(cpu=share)) for share in cpu]


@pytest.mark.parametrize(
    ("share", "level"),
    [
        (0.0, Level.CALM),
        (0.849, Level.CALM),
        (0.85, Level.SLOW_API),
        (0.92, Level.NO_PLAYERS),
        (0.95, Level.NO_PUBLISHERS),
        (0.98, Level.DROP_PLAYERS),
        (7.0, Level.DROP_PLAYERS),
    ],
)
def test_each_step_has_its_share(share: float, level: Level) -> None:
    assert level_for(share) is level


def test_the_scarcest_decides() -> None:
    assert Load(loop_lag=0.1, cpu=0.5, memory=0.93, descriptors=0.2).worst() == ("memory", 0.93)


def test_two_bad_seconds_are_nothing_and_three_are_overload() -> None:
    ladder = Ladder()
    assert climb(ladder, 1.0, 1.0, 0.1, 1.0, 1.0, 0.1) == [Level.CALM] * 6
    assert climb(ladder, 1.0, 1.0, 1.0)[-1] is Level.DROP_PLAYERS


def test_it_goes_up_only_as_far_as_all_three_ask() -> None:
    assert climb(Ladder(), 1.0, 0.93, 0.96)[-1] is Level.NO_PLAYERS


def test_it_comes_down_after_ten_calm_seconds_and_one_bad_one_begins_them_anew() -> None:
    ladder = Ladder()
    climb(ladder, 0.99, 0.99, 0.99)
    assert climb(ladder, *[0.1] * 9) == [Level.DROP_PLAYERS] * 9
    climb(ladder, 0.99)
    assert climb(ladder, *[0.1] * 9)[-1] is Level.DROP_PLAYERS
    assert climb(ladder, 0.1)[-1] is Level.CALM


def test_it_comes_down_only_as_far_as_all_ten_allow() -> None:
    ladder = Ladder()
    climb(ladder, 0.99, 0.99, 0.99)
    assert climb(ladder, *[0.1] * 5, 0.93, *[0.1] * 4)[-1] is Level.NO_PLAYERS


@given(st.lists(st.sampled_from([0.0, *STEPS]), max_size=80))
def test_it_stands_where_a_look_at_all_samples_puts_it(shares: list[float]) -> None:
    ladder, level, asked = Ladder(), Level.CALM, list[Level]()
    for share in shares:
        asked.append(level_for(share))
        if len(asked) >= UP_SAMPLES and all(one > level for one in asked[-UP_SAMPLES:]):
            level = min(asked[-UP_SAMPLES:])
        elif len(asked) >= DOWN_SAMPLES and all(one < level for one in asked[-DOWN_SAMPLES:]):
            level = max(asked[-DOWN_SAMPLES:])
        assert ladder.sample(Load(memory=share)) is level
