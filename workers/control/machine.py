"""What Linux tells of the machine, read from its files: proc(5), and sysfs for disks.

Each reading is a small file. What a kernel, or a container, does not have is left out, and never an error.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

SECTOR_BYTES: Final = 512
"""Unit of /sys/block/*/stat, whatever the disk's own is: Documentation/block/stat.rst."""
RESOURCES: Final = ("cpu", "memory", "io")
_MICROSECOND: Final = 1e-6
_PERCENT: Final = 100.0
_LOOPBACK: Final = "lo"
_IDLE, _IO_WAIT, _GUEST = 3, 4, 8  # fields of /proc/stat's first line; guests are among the users too


class Ticks(NamedTuple):
    """Processor time since the machine began, in clock ticks."""

    busy: int
    all: int


class Traffic(NamedTuple):
    """Of one network interface since it was there: bytes and dropped packets."""

    bytes_in: int = 0
    bytes_out: int = 0
    drops_in: int = 0
    drops_out: int = 0


class Moved(NamedTuple):
    """Of one disk since it was there: bytes."""

    read: int = 0
    written: int = 0


class Pressure(NamedTuple):
    """How long tasks were stalled: the share of the last 10 s, and seconds since the machine began."""

    ratio: float
    total_s: float


class Machine:
    """Reads below `proc` and `sysfs`, which tests set up themselves."""

    def __init__(self, proc: Path = Path("/proc"), sysfs: Path = Path("/sys")) -> None:
        self._proc = proc
        self._sysfs = sysfs

    def ticks(self) -> Ticks | None:
        """Of all processors together."""
        for line in self._lines("stat"):
            if line.startswith("cpu "):
                spent = [int(word) for word in line.split()[1:]][:_GUEST]
                return Ticks(sum(spent) - spent[_IDLE] - spent[_IO_WAIT], sum(spent))
        return None

    def memory_bytes(self) -> int | None:
        """All that the machine has."""
        for line in self._lines("meminfo"):
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) * 1024
        return None

    def traffic(self) -> dict[str, Traffic]:
        """By network interface, without the loopback."""
        found = {}
        for line in self._lines("net/dev"):
            name, colon, rest = line.partition(":")
            words = rest.split()
            if colon and name.strip() != _LOOPBACK:
                received, sent = words[:8], words[8:]
                found[name.strip()] = Traffic(int(received[0]), int(sent[0]), int(received[3]), int(sent[3]))
        return found

    def disks(self) -> dict[str, Moved]:
        """By disk: whole ones that exist, and neither their partitions nor what is put together from them."""
        found = {}
        for disk in self._block_devices():
            with suppress(OSError, ValueError, IndexError):
                words = (disk / "stat").read_text().split()
                found[disk.name] = Moved(int(words[2]) * SECTOR_BYTES, int(words[6]) * SECTOR_BYTES)
        return found

    def pressure(self) -> dict[tuple[str, str], Pressure]:
        """By (resource, "some" or "full"); empty where the kernel keeps no account (PSI)."""
        found = {}
        for resource in RESOURCES:
            for line in self._lines(f"pressure/{resource}"):
                share, *words = line.split()
                fields = dict(word.split("=", 1) for word in words)
                found[resource, share] = Pressure(
                    float(fields["avg10"]) / _PERCENT, int(fields["total"]) * _MICROSECOND
                )
        return found

    def _block_devices(self) -> Iterator[Path]:
        with suppress(OSError):
            for disk in (self._sysfs / "block").iterdir():
                if (disk / "device").exists():
                    yield disk

    def _lines(self, name: str) -> list[str]:
        try:
            return (self._proc / name).read_text().splitlines()
        except OSError:
            return []


def disk_use(path: str) -> float | None:
    """The share of the file system under `path` that is not to be had for us, as df(1) tells it."""
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    used = found.f_blocks - found.f_bfree
    ours = used + found.f_bavail
    return used / ours if ours else None
