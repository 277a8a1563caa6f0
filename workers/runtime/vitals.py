"""How busy this process is, and how much is left of what it lives on: read once a second, for the overload
ladder.

Each reading is one or two small files of /proc, some 50 us in all. Open descriptors are the size of
/proc/self/fd, which Linux tells since 6.2; before that they have to be counted, 10 ms for 20,000.
"""

import os
import resource
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine.policy.overload import Load

_DESCRIPTORS: Final = "/proc/self/fd"
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN_CGROUP: Final = Path("/proc/self/cgroup")


class Vitals:
    """One process's. The heartbeat notes the lag, twice a second; whoever judges takes a load."""

    def __init__(self) -> None:
        self._lag_s = 0.0
        self._wall_s, self._cpu_s = time.monotonic(), time.process_time()
        self._cgroup = own_cgroup()

    def note_lag(self, late_s: float) -> None:
        """The event loop was so late."""
        self._lag_s = max(self._lag_s, late_s)

    def take_load(self, max_loop_lag_s: float, max_cpu: float) -> Load:
        """How full the process is since this was last asked.

        max_loop_lag_s and max_cpu (1.0 is a core) are what counts as full. The lag is the longest noted: of
        two beats a second no percentile is another one.
        """
        lag_s, self._lag_s = self._lag_s, 0.0
        return Load(
            loop_lag=lag_s / max_loop_lag_s,
            cpu=self._take_cpu() / max_cpu,
            memory=max(machine_memory_use(), cgroup_memory_use(self._cgroup)),
            descriptors=open_descriptors() / resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        )

    def _take_cpu(self) -> float:
        """Processor time over time that has passed, since the last time."""
        wall_s, cpu_s = time.monotonic(), time.process_time()
        passed_s, spent_s = wall_s - self._wall_s, cpu_s - self._cpu_s
        self._wall_s, self._cpu_s = wall_s, cpu_s
        return spent_s / passed_s if passed_s > 0 else 0.0


def open_descriptors() -> int:
    """How many this process has."""
    return os.stat(_DESCRIPTORS).st_size or len(os.listdir(_DESCRIPTORS))


def private_bytes() -> int:
    """Memory of this process that it shares with no other and no file; proc(5), /proc/self/statm."""
    with open("/proc/self/statm", "rb") as statm:
        words = statm.read().split()
    return (int(words[1]) - int(words[2])) * _PAGE_BYTES


def machine_memory_use() -> float:
    """The share of the machine's memory that is not to be had; proc(5), /proc/meminfo."""
    with open("/proc/meminfo", "rb") as meminfo:
        rows = dict(line.split(b":", 1) for line in meminfo)
    total, available = (int(rows[name].split()[0]) for name in (b"MemTotal", b"MemAvailable"))
    return 1 - available / total


def own_cgroup(bound: str = "memory.max") -> Path | None:
    """The control group of this process, if it has this bound; cgroups(7), version 2.

    A container may see its path from outside and its own group alone as what is mounted: that is looked at as
    well. The root of all groups has no bounds.
    """
    with suppress(OSError, StopIteration):
        lines = _OWN_CGROUP.read_text().splitlines()
        path = next(line.removeprefix("0::/") for line in lines if line.startswith("0::/"))
        return next((group for group in (_CGROUPS / path, _CGROUPS) if is_bounded(group / bound)), None)
    return None


def is_bounded(bound: Path) -> bool:
    """Whether a file of a control group sets a bound: it may be missing, or say "max"."""
    with suppress(OSError):
        return not bound.read_text().startswith("max")
    return False


def cgroup_memory_use(group: Path | None) -> float:
    """The share of its bound that a control group uses, without file pages that would be given up at need."""
    if group is None:
        return 0.0
    with suppress(OSError, ValueError, StopIteration):
        most = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        rows = (group / "memory.stat").read_text().splitlines()
        spare = next(int(row.split()[1]) for row in rows if row.startswith("inactive_file "))
        return max(0, used - spare) / most
    return 0.0
