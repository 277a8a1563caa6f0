"""How many log lines of one kind are written: a flood of one event must not drown the others or fill a disk.

A kind is the name of an event, so there are as many as the source has; each has a bucket of its own. What is
left out is counted by kind, and taken with `take_left_out` by whoever says so.
"""

from typing import Final

from engine.policy.token_bucket import TokenBucket

BURST_S: Final = 10.0
"""So many seconds' worth of a kind may come at once: the thousand players of a worker who return after a
break tell one line each, and none of those is a flood. journald (RateLimitBurst) takes 10,000 lines in 30
s."""


class LineRates:
    """The buckets of one process. `now` is in seconds of a clock that never goes back."""

    def __init__(self, lines_per_s: float) -> None:
        self._lines_per_s = lines_per_s
        self._buckets: dict[str, TokenBucket] = {}
        self._left_out: dict[str, int] = {}

    def allow(self, kind: str, now: float) -> bool:
        """Whether one more line of the kind is written now; it is counted as left out if not."""
        bucket = self._buckets.get(kind)
        if bucket is None:
            bucket = self._buckets[kind] = TokenBucket(self._lines_per_s, self._lines_per_s * BURST_S, now)
        if bucket.take(now):
            return True
        self._left_out[kind] = self._left_out.get(kind, 0) + 1
        return False

    def set_rate(self, lines_per_s: float) -> None:
        """Take another rate, from now on."""
        if lines_per_s != self._lines_per_s:
            self._lines_per_s = lines_per_s
            self._buckets.clear()

    def take_left_out(self) -> dict[str, int]:
        """What was left out since the last time, by kind."""
        left_out, self._left_out = self._left_out, {}
        return left_out
