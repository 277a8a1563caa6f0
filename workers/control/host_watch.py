"""Looks at the machine every few seconds and puts what it finds into the metrics.

Counters are counted on from look to look, interface by interface and disk by disk: those come and go, and a
sum over what is there now would fall when one goes. A control that takes over begins with the difference
from its own first look, in the counters of the one before.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import trio
from structlog.typing import FilteringBoundLogger

from workers.control.machine import Machine, Moved, Ticks, Traffic, disk_use
from workers.control.process_memory import memory_by_type
from workers.control.processor_bound import CPU_MAX, ProcessorBound
from workers.runtime.metrics import Binder
from workers.runtime.vitals import cgroup_memory_use, machine_memory_use, own_cgroup

LOOK_S: Final = 5.0
"""Between two looks: three in the usual interval of scrapes."""
MEMORY_EVERY_LOOKS: Final = 3

Counts = TypeVar("Counts", Traffic, Moved)


class HostWatch:
    """The machine's figures.

    Args:
        metrics: takes them.
        folders: paths whose file systems are looked at, as they are now.
        pids: the engine's processes by name, as they are now.
        log: hears of what cannot be read, once for each part of a look.
        machine: where to read.
        bound: the processor time that we may have.
    """

    def __init__(
        self,
        metrics: Binder,
        folders: Callable[[], Sequence[str]],
        pids: Callable[[], Mapping[str, int]],
        log: FilteringBoundLogger,
        machine: Machine | None = None,
        bound: ProcessorBound | None = None,
    ) -> None:
        self._metrics = metrics
        self._folders = folders
        self._pids = pids
        self._log = log
        self._failed: set[str] = set()
        self._machine = machine or Machine()
        self._cgroup = own_cgroup()
        self._bound = bound or ProcessorBound(own_cgroup(CPU_MAX))
        self._ticks: Ticks | None = None
        self._traffic: dict[str, Traffic] | None = None
        self._moved: dict[str, Moved] | None = None
        self._stalled_s: dict[tuple[str, str], float] = {}
        self.memory: Mapping[str, Mapping[str, int]] = {}
        """Bytes by process and type, as they were a few looks ago."""
        self.disks: Mapping[str, float] = {}
        """The full share of the file system under each folder, as it was at the last look. Not in the metrics
        files: a path that is looked at no more would stay there with its last value."""

    async def run(self) -> None:
        """Look until cancelled. In a thread: a file system that hangs must not hang the API."""
        looks = 0
        limiter = trio.CapacityLimiter(1)
        while True:
            begun_s = time.monotonic()
            with_memory = looks % MEMORY_EVERY_LOOKS == 0
            await trio.to_thread.run_sync(self.look, with_memory, limiter=limiter, abandon_on_cancel=True)
            looks += 1
            await trio.sleep(max(0.0, LOOK_S - (time.monotonic() - begun_s)))

    def look(self, with_memory: bool = True) -> None:
        """Look once."""
        self._try("processors", self._look_at_processors)
        self._try("processors of the control group", self._look_at_bound)
        self._try("memory", self._look_at_memory)
        self._try("folders", self._look_at_folders)
        self._try("disks", self._look_at_disks)
        self._try("network", self._look_at_network)
        self._try("pressure", self._look_at_pressure)
        if with_memory:
            self._try("processes", self._look_at_processes)

    def _try(self, part: str, look: Callable[[], None]) -> None:
        """Whatever a kernel tells in a way of its own costs that part of the look, and neither control nor
        the parts beside it."""
        try:
            look()
        except Exception as error:
            if part not in self._failed:
                self._failed.add(part)
                self._log.warning("host_look_failed", part=part, exc_info=error)

    def _look_at_processes(self) -> None:
        self.memory = memory_by_type(self._pids())

    def _look_at_processors(self) -> None:
        before, self._ticks = self._ticks, self._machine.ticks()
        if before is None or self._ticks is None or self._ticks.all <= before.all:
            return
        busy, passed = self._ticks.busy - before.busy, self._ticks.all - before.all
        self._set("fanlight_host_cpu_ratio", max(0, busy) / passed)

    def _look_at_bound(self) -> None:
        share = self._bound.take_use()
        if share is not None:
            self._set("fanlight_cgroup_cpu_ratio", share)

    def _look_at_memory(self) -> None:
        total = self._machine.memory_bytes()
        if total is not None:
            self._set("fanlight_host_memory_bytes", total)
            self._set("fanlight_host_memory_ratio", machine_memory_use())
        if self._cgroup is not None:
            self._set("fanlight_cgroup_memory_ratio", cgroup_memory_use(self._cgroup))

    def _look_at_folders(self) -> None:
        found = {folder: disk_use(folder) for folder in self._folders()}
        self.disks = {folder: used for folder, used in found.items() if used is not None}

    def _look_at_disks(self) -> None:
        before, self._moved = self._moved, self._machine.disks()
        if before is None or not self._moved:
            return
        moved = Moved._make(grown(before, self._moved, Moved()))
        self._add("fanlight_host_disk_bytes_total", moved.read, direction="read")
        self._add("fanlight_host_disk_bytes_total", moved.written, direction="written")

    def _look_at_network(self) -> None:
        before, self._traffic = self._traffic, self._machine.traffic()
        if before is None:
            return
        more = Traffic._make(grown(before, self._traffic, Traffic()))
        self._add("fanlight_host_network_bytes_total", more.bytes_in, direction="in")
        self._add("fanlight_host_network_bytes_total", more.bytes_out, direction="out")
        self._add("fanlight_host_network_drops_total", more.drops_in, direction="in")
        self._add("fanlight_host_network_drops_total", more.drops_out, direction="out")

    def _look_at_pressure(self) -> None:
        for key, pressure in self._machine.pressure().items():
            labels = {"resource": key[0], "share": key[1]}
            more_s = pressure.total_s - self._stalled_s.get(key, pressure.total_s)
            self._stalled_s[key] = pressure.total_s
            self._set("fanlight_host_pressure_ratio", pressure.ratio, **labels)
            self._add("fanlight_host_pressure_seconds_total", max(0.0, more_s), **labels)

    def _set(self, name: str, value: float, **labels: str) -> None:
        self._metrics.bind(name, **labels).set(value)

    def _add(self, name: str, more: float, **labels: str) -> None:
        self._metrics.bind(name, **labels).inc(more)


def grown(before: Mapping[str, Counts], now: Mapping[str, Counts], nothing: Counts) -> list[int]:
    """By how much the counts have grown together. Who is new, or counts anew, has grown from nothing."""
    more = [0] * len(nothing)
    for name, counts in now.items():
        for at, (old, new) in enumerate(zip(before.get(name, nothing), counts, strict=True)):
            more[at] += new - old if new >= old else new
    return more


def folders_of(*paths: str | os.PathLike[str]) -> list[str]:
    """The root and those of `paths` that exist, each once: what is looked at for how full it is."""
    # Not Path.is_dir: it raises PermissionError for what is below a folder that we may not enter.
    return list(dict.fromkeys(["/", *(str(path) for path in paths if path and os.path.isdir(path))]))
