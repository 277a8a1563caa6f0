"""The token bucket: so many a second in the long run, a few more at once. Pure; time is an argument.

A bucket holds `burst` tokens and is filled at `rate_per_s`. What is done takes one; where there is none it is
not done. Nobody queues here: who wants to wait asks `ready_in`.
"""


class TokenBucket:
    """One bucket, full at first. `now` is in seconds of a clock that never goes back."""

    __slots__ = ("_at", "_tokens", "burst", "rate_per_s")

    def __init__(self, rate_per_s: float, burst: float, now: float) -> None:
        self.rate_per_s = rate_per_s
        self.burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take tokens if all of them are there."""
        self._fill(now)
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True

    def ready_in(self, now: float, tokens: float = 1.0) -> float:
        """Seconds until so many are there if nobody else takes any; infinite for more than the bucket
        holds."""
        self._fill(now)
        missing = tokens - self._tokens
        if missing <= 0:
            return 0.0
        return missing / self.rate_per_s if tokens <= self.burst and self.rate_per_s > 0 else float("inf")

    def is_full(self, now: float) -> bool:
        """Whether it is as good as new: whoever keeps a bucket per stranger may forget this one."""
        self._fill(now)
        return self._tokens >= self.burst

    def _fill(self, now: float) -> None:
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate_per_s)
        self._at = now
