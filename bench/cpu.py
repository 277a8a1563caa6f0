"""Processor time and memory of a whole process tree: `python -m bench.cpu PID`.

Time is the first field of every thread's schedstat (Documentation/scheduler/sched-stats of the kernel):
nanoseconds on a processor, user and system together; that is exact where utime and stime are ticks of
10 ms. A thread that has ended takes its count along, so the servers here are ones whose threads stay.
Memory is PSS: a page that four workers share counts a quarter in each, and their sum counts it once.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
KIB = 1024


class Memory(NamedTuple):
    """Of a process tree, bytes."""

    pss: int
    #: The part of `pss` that grows with players. The rest is files, whose share falls when anybody else maps
    #: the same interpreter, and `shared`: rings that fill up with media, whoever watches.
    anonymous: int
    shared: int
    rss: int
    processes: int


class Reading(NamedTuple):
    """One reading of the clocks of a tree and of the machine."""

    at_s: float
    tree_s: float
    machine_s: float


def tree(root: int) -> list[int]:
    """`root` and all that descends from it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = list[int](), [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def read(root: int) -> Reading:
    """The clocks now."""
    return Reading(time.monotonic(), sum(map(process_s, tree(root))), machine_s())


def process_s(pid: int) -> float:
    """Seconds on a processor of all living threads of `pid`; 0 if there is no such process."""
    total_ns = 0
    try:
        tasks = list((PROC / str(pid) / "task").iterdir())
    except OSError:
        return 0.0
    for task in tasks:
        text = _text(task / "schedstat")
        total_ns += int(text.split()[0]) if text else 0
    return total_ns / 1e9


def machine_s() -> float:
    """Seconds that all processors were busy, interrupts included; shows what no process is charged for."""
    fields = [int(field) for field in _text(PROC / "stat").split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _wait, hard, soft = fields[:7]
    return (user + nice + system + hard + soft) / os.sysconf("SC_CLK_TCK")


def memory(root: int) -> Memory:
    """Memory of the tree now."""
    pids = tree(root)
    rollups = [_rollup(pid) for pid in pids]
    return Memory(
        pss=sum(rollup.get("Pss", 0) for rollup in rollups),
        anonymous=sum(rollup.get("Pss_Anon", 0) for rollup in rollups),
        shared=sum(rollup.get("Pss_Shmem", 0) for rollup in rollups),
        rss=sum(rollup.get("Rss", 0) for rollup in rollups),
        processes=len(pids),
    )


def kernel_memory() -> dict[str, int]:
    """What the kernel holds for sockets, bytes: buffers of TCP, and the slabs of everything."""
    slab = next(line for line in _text(PROC / "meminfo").splitlines() if line.startswith("Slab:"))
    tcp = next(line for line in _text(PROC / "net/sockstat").splitlines() if line.startswith("TCP:"))
    words = tcp.split()
    return {
        "slab": int(slab.split()[1]) * KIB,
        "tcp_buffers": int(words[words.index("mem") + 1]) * PAGE_BYTES,
        "tcp_sockets": int(words[words.index("inuse") + 1]),
    }


def descriptors(root: int) -> int:
    """Open descriptors of the tree."""
    count = 0
    for pid in tree(root):
        try:
            count += len(os.listdir(PROC / str(pid) / "fd"))
        except OSError:
            continue
    return count


def _parent(entry: Path) -> int | None:
    text = _text(entry / "stat")
    # The name in brackets may hold anything, brackets and blanks included; after the last one it is regular.
    return int(text.rpartition(")")[2].split()[1]) if text else None


def _rollup(pid: int) -> dict[str, int]:
    lines = _text(PROC / str(pid) / "smaps_rollup").splitlines()[1:]
    return {name: int(rest.split()[0]) * KIB for name, _, rest in (line.partition(":") for line in lines)}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def main() -> None:
    """Watch a tree for a second and print what it used."""
    root = int(sys.argv[1])
    before = read(root)
    time.sleep(1)
    after = read(root)
    print(
        json.dumps(
            {
                "pids": tree(root),
                "cores": round((after.tree_s - before.tree_s) / (after.at_s - before.at_s), 4),
                "memory": memory(root)._asdict(),
                "kernel": kernel_memory(),
            }
        )
    )


if __name__ == "__main__":
    main()
