"""What an attack costs: descriptors, memory and processor time of the engine's processes, from /proc."""

import os
from pathlib import Path
from typing import Final, NamedTuple

from tests.e2e.engine_process import RunningEngine

KIB: Final = 1024
MIB: Final = 1024 * KIB
RESET_PEAK: Final = "5"  # proc(5), /proc/pid/clear_refs


class Vitals(NamedTuple):
    """Of one process. `private_bytes` is memory that no other process shares; `peak_bytes` the highest
    resident size since `reset_peaks`, with what is shared.
    """

    descriptors: int
    threads: int
    private_bytes: int
    peak_bytes: int
    cpu_ms: float


def vitals_of(engine: RunningEngine) -> dict[str, Vitals]:
    """Of every worker by its name, and of the supervisor."""
    pids = {**engine.pids(), "supervisor": engine.process.pid}
    return {name: _vitals(Path(f"/proc/{pid}")) for name, pid in pids.items()}


def reset_peaks(engine: RunningEngine) -> None:
    """Let peaks be counted from now on."""
    for pid in engine.pids().values():
        Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)


def _vitals(process: Path) -> Vitals:
    rollup, status = _kib_rows(process / "smaps_rollup"), _kib_rows(process / "status")
    return Vitals(
        descriptors=len(os.listdir(process / "fd")),
        threads=len(os.listdir(process / "task")),
        private_bytes=rollup["Private_Clean"] + rollup["Private_Dirty"],
        peak_bytes=status["VmHWM"],
        cpu_ms=int((process / "schedstat").read_text().split()[0]) / 1e6,
    )


def _kib_rows(path: Path) -> dict[str, int]:
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0].rstrip(":"): int(row[1]) * KIB for row in rows if len(row) == 3 and row[2] == "kB"}
