"""How fast the peer's clock runs against ours (draft section 4.7).

Two quartz clocks part by up to 100 ppm each: 12 ms a minute between the worst of them, which over hours fills
or empties any buffer. So the mean of a thousand samples becomes a correction of the play time, and what
exceeds 5 ms goes into the time base for good.
"""

from engine.protocols.srt.live_limits import DRIFT_SAMPLES, MAX_DRIFT_US


class DriftTracer:
    """Averages samples; `drift_us` is the correction at the moment."""

    __slots__ = ("_count", "_sum_us", "drift_us")

    def __init__(self) -> None:
        self.drift_us = 0
        self._sum_us = 0
        self._count = 0

    def add(self, sample_us: int) -> int:
        """Take a sample in. Gives what the time base must be moved by, mostly 0."""
        self._sum_us += sample_us
        self._count += 1
        if self._count < DRIFT_SAMPLES:
            return 0
        mean_us = self._sum_us // self._count
        self._sum_us = self._count = 0
        excess_us = 0
        if abs(mean_us) > MAX_DRIFT_US:
            excess_us = MAX_DRIFT_US if mean_us > 0 else -MAX_DRIFT_US
        self.drift_us = mean_us - excess_us
        return excess_us
