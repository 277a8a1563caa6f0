"""What is done about a player that cannot keep up.

A player's lag is how far its cursor stands behind the head, with what the kernel still holds for it. Part of
it is its start debt: whoever begins at a keyframe two seconds old is two seconds behind by right. Only what
goes beyond that counts. Past the limit the player jumps to a start point ahead of it, or waits for the next
one to come, or is closed, as configured. A player that must jump again and again is not helped by jumping:
the third time within half a minute it is closed, and may come back to a smaller rendition.
"""

from collections import deque
from enum import Enum, IntEnum

import msgspec


class SlowPolicy(Enum):
    """What happens to a player past its limit."""

    JUMP = "jump"
    WAIT = "wait"
    DISCONNECT = "disconnect"


class Verdict(IntEnum):
    """What the pump does with a player now."""

    STAY = 0
    JUMP = 1  # to the newest start point ahead of it
    WAIT = 2  # send nothing until the next start point comes
    CLOSE = 3


class LagLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How far a player may fall behind beyond its start debt, and how often it may be helped."""

    max_lag_s: float = 4.0
    max_lag_bytes: int = 8 * 1024 * 1024
    policy: SlowPolicy = SlowPolicy.JUMP
    max_jumps: int = 3  # the jump that would be the third within the window is a disconnection
    jump_window_s: float = 30.0


class SlowPlayer:
    """Judges one player. Keeps the times of its last jumps, nothing else. `limits` may be replaced."""

    __slots__ = ("_jumps", "limits")

    def __init__(self, limits: LagLimits) -> None:
        self.limits = limits
        self._jumps: deque[float] | None = None

    def judge(self, lag_us: int, lag_bytes: int, debt_us: int, debt_bytes: int, now: float) -> Verdict:
        """Say what to do, given the lag and the debt the player started with (after a jump: with its new
        one).

        A verdict of JUMP or WAIT counts as a jump, so ask again only when it has been carried out. now in
        seconds.
        """
        limits = self.limits
        if (
            lag_us - debt_us <= limits.max_lag_s * 1_000_000
            and lag_bytes - debt_bytes <= limits.max_lag_bytes
        ):
            return Verdict.STAY
        if limits.policy is SlowPolicy.DISCONNECT or self._too_often(now):
            return Verdict.CLOSE
        return Verdict.JUMP if limits.policy is SlowPolicy.JUMP else Verdict.WAIT

    def _too_often(self, now: float) -> bool:
        """Count a jump; whether it is one too many."""
        if self._jumps is None:  # most players never jump, so the deque (760 bytes) waits until it is needed
            self._jumps = deque()
        self._jumps.append(now)
        while self._jumps[0] <= now - self.limits.jump_window_s:
            self._jumps.popleft()
        return len(self._jumps) >= self.limits.max_jumps
