"""More than a rate allows, sustained: what a mean over a window says, without the window.

A publisher whose network stalls for a second sends two seconds' worth in the next one. A mean over a fixed
window takes that for twice the rate; a smaller window catches more of such bursts, a larger one looks away
for longer. So what is kept is the *excess*: what has come beyond what the rate allows, never below nothing.
It is the largest excess over all stretches of time that end now (a test holds it equal to that), in two
numbers, whatever the window. Past `rate * window_s` it is sustained: at twice the rate after `window_s`
seconds, at 1.1 times after ten times that, at ten times the rate in a ninth of it, and never at the rate.

This is the leaky bucket as a meter (ITU-T I.371, GCRA).
"""

from typing import Final

OVER_AT_HALF: Final = 0.5
"""An episode is over when the excess has fallen to this share of what began it: one that stands on the edge
must not begin again with every keyframe."""


class Excess:
    """Meters one quantity.

    Args:
        rate: how much a second is allowed; above 0.
        window_s: see above.
        now_s: a clock that never goes back.
    """

    __slots__ = ("_excess", "_now_s", "_rate", "_window_s", "sustained")

    def __init__(self, rate: float, window_s: float, now_s: float) -> None:
        self._rate = rate
        self._window_s = window_s
        self._now_s = now_s
        self._excess = 0.0
        self.sustained = False
        """Whether there is too much now."""

    @property
    def amount(self) -> float:
        """The excess as of the last `add`."""
        return self._excess

    def add(self, amount: float, now_s: float) -> bool:
        """Take in what has come since the last time; whether it is too much, as `sustained` says."""
        allowed = self._rate * max(0.0, now_s - self._now_s)
        self._now_s = max(self._now_s, now_s)
        self._excess = max(0.0, self._excess + amount - allowed)
        most = self._rate * self._window_s
        self.sustained = self._excess > (most * OVER_AT_HALF if self.sustained else most)
        return self.sustained
