"""The heartbeat: what a worker writes on its page of the board twice a second, and how late it was to do
so."""

import os
import time
from typing import Final

import trio

from workers.runtime.leak_watch import LeakWatch
from workers.runtime.logs import look_after_logs
from workers.runtime.self_watch import SelfWatch
from workers.runtime.worker import Worker

BEAT_S: Final = 0.5  # the supervisor's shortest allowed heartbeat timeout, 1 s, is two beats
MEMORY_EVERY_BEATS: Final = 8
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


async def beat(worker: Worker) -> None:
    """Write heartbeat, loop lag and memory on the board until cancelled, look for leaks and after the
    log."""
    with SelfWatch(worker) as itself:
        await _beat(worker, itself)


async def _beat(worker: Worker, itself: SelfWatch) -> None:
    due = trio.current_time()
    beats = 0
    leaks = LeakWatch(worker)
    while True:
        await trio.sleep_until(due)
        late_s = max(0.0, trio.current_time() - due)
        with_memory = beats % MEMORY_EVERY_BEATS == 0
        _write(worker, late_s, with_memory=with_memory)
        worker.vitals.note_lag(late_s)
        itself.note_lag(late_s)
        itself.flush()
        if with_memory:
            leaks.look()
            look_after_logs(worker.log)
        beats += 1
        due = trio.current_time() + BEAT_S


def _write(worker: Worker, late_s: float, *, with_memory: bool) -> None:
    cell = worker.cell
    cell.heartbeat_ns = time.monotonic_ns()
    cell.loop_lag_us = int(late_s * 1e6)
    if with_memory:
        cell.rss_bytes = resident_bytes()


def resident_bytes() -> int:
    """Resident memory of this process, shared pages included; proc(5), /proc/self/statm, second number."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[1]) * _PAGE_BYTES
