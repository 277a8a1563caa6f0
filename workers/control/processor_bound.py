"""How much is used of the processor time that a control group may have.

A container or unit with a limit is throttled long before its machine is busy: /proc/stat tells of all
processors, the control group of its own share. cgroups(7), version 2: cpu.max, cpu.stat.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

CPU_MAX: Final = "cpu.max"
_MICROSECOND: Final = 1e-6


class _Reading(NamedTuple):
    at_s: float
    used_s: float


class ProcessorBound:
    """Asked again and again, it tells the share since it was last asked.

    Args:
        group: folder of the control group; None where it has no bound.
        clock: seconds that pass.
    """

    def __init__(self, group: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._group = group
        self._clock = clock
        self._before: _Reading | None = None

    def take_use(self) -> float | None:
        """1.0 is all that it may have. None at first, and without a bound: it may be lifted while we run."""
        if self._group is None:
            return None
        with suppress(OSError, ValueError, StopIteration):
            quota, period = (int(word) for word in (self._group / CPU_MAX).read_text().split())
            rows = (self._group / "cpu.stat").read_text().splitlines()
            used = next(int(row.split()[1]) for row in rows if row.startswith("usage_usec "))
            return self._take(_Reading(self._clock(), used * _MICROSECOND), quota / period)
        return None

    def _take(self, now: _Reading, cores: float) -> float | None:
        before, self._before = self._before, now
        if before is None or now.at_s <= before.at_s:
            return None
        return max(0.0, now.used_s - before.used_s) / (now.at_s - before.at_s) / cores
