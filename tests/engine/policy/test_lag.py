"""What happens to a player that falls behind."""

import pytest

from engine.policy.lag import LagLimits, SlowPlayer, SlowPolicy, Verdict

SECOND_US = 1_000_000
LIMITS = LagLimits(max_lag_s=4, max_lag_bytes=1_000)


def judge(player: SlowPlayer, *, lag_s: float = 0, lag_bytes: int = 0, now: float = 0) -> Verdict:
    """A player that began with two seconds and 500 bytes of debt."""
    return player.judge(int(lag_s * SECOND_US), lag_bytes, 2 * SECOND_US, 500, now)


@pytest.mark.parametrize(
    ("lag_s", "lag_bytes", "verdict"),
    [(0, 0, Verdict.STAY), (6, 1_500, Verdict.STAY), (6.1, 0, Verdict.JUMP), (0, 1_501, Verdict.JUMP)],
)
def test_only_lag_beyond_the_start_debt_counts(lag_s: float, lag_bytes: int, verdict: Verdict) -> None:
    assert judge(SlowPlayer(LIMITS), lag_s=lag_s, lag_bytes=lag_bytes) is verdict


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (SlowPolicy.JUMP, Verdict.JUMP),
        (SlowPolicy.WAIT, Verdict.WAIT),
        (SlowPolicy.DISCONNECT, Verdict.CLOSE),
    ],
)
def test_the_policy_has_a_name(policy: SlowPolicy, verdict: Verdict) -> None:
    limits = LagLimits(max_lag_s=4, max_lag_bytes=1_000, policy=policy)
    assert judge(SlowPlayer(limits), lag_s=9) is verdict


def test_the_third_jump_in_half_a_minute_closes() -> None:
    player = SlowPlayer(LIMITS)
    verdicts = [judge(player, lag_s=9, now=now) for now in (0, 10, 29.9)]
    assert verdicts == [Verdict.JUMP, Verdict.JUMP, Verdict.CLOSE]


def test_old_jumps_are_forgiven() -> None:
    player = SlowPlayer(LIMITS)
    assert [judge(player, lag_s=9, now=now) for now in (0, 20, 30, 51)] == [Verdict.JUMP] * 4


def test_a_player_may_be_allowed_no_jump_at_all() -> None:
    assert judge(SlowPlayer(LagLimits(max_jumps=1)), lag_s=9) is Verdict.CLOSE
