"""How much memory each process has, by type: read from the kernel now and then, in a thread.

Not at each scrape: the kernel walks all pages of a process for it, 13 ms for 256 MiB of rings that it has
touched. Nor by the processes themselves, whose loops would stand still as long.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

TYPES: Final = {"Pss_Anon": "heap", "Pss_Shmem": "shared", "Pss_File": "file"}
"""Rows of /proc/PID/smaps_rollup, proc(5), Linux 5.9 and later -> types in the catalogue. Each page counts in
the share that a process has of it."""

KIB: Final = 1024


def memory_by_type(pids: Mapping[str, int], proc: Path = Path("/proc")) -> dict[str, dict[str, int]]:
    """Bytes by process name and type. Who has gone, or may not be looked at, is left out."""
    found = {name: _read(proc / str(pid) / "smaps_rollup") for name, pid in pids.items()}
    return {name: types for name, types in found.items() if types}


def _read(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    rows = dict(line.split(":", 1) for line in lines if ":" in line)
    return {word: int(rows[row].split()[0]) * KIB for row, word in TYPES.items() if row in rows}
