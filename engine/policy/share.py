"""A share of a processor for what strangers ask for: bursts pass, a flood costs its share and no more."""


class Share:
    """Books processor time.

    Args:
        part: of one core, in the long run; 0.1 is a tenth.
        burst_s: processor time that may be taken at once, seconds.
    """

    def __init__(self, part: float, burst_s: float) -> None:
        self._part = part
        self._burst_s = burst_s
        self._debt_s = 0.0  # taken, and not yet earned by the passing of time
        self._booked_s = 0.0

    def spend(self, spent_s: float, now_s: float) -> float:
        """Book processor time; how long to rest for it, seconds: not at all while the burst lasts.

        now_s: a clock that never goes back.
        """
        earned_s = self._part * (now_s - self._booked_s)
        self._debt_s = max(0.0, self._debt_s - earned_s) + spent_s
        self._booked_s = now_s
        return max(0.0, (self._debt_s - self._burst_s) / self._part)
