"""A budget that refills: how much of something a client may do at once, and over time."""

from engine.protocols.http2.limits import Rate


class Budget:
    """Starts full. Time is whatever clock the caller has, in seconds."""

    __slots__ = ("_left", "_rate", "_since_s")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._left = float(rate.burst)
        self._since_s: float | None = None

    def spend(self, now_s: float) -> bool:
        """Take one out. False when there is none left."""
        if self._since_s is not None:
            self.earn((now_s - self._since_s) * self._rate.per_s)
        self._since_s = now_s
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def earn(self, amount: float) -> None:
        """Put something in, as far as there is room."""
        self._left = min(self._left + amount, float(self._rate.burst))
