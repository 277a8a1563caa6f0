"""What a process says of itself, whatever its role: processor time, the event loop's lag, pauses of the
garbage collector, the limit of its descriptors.
"""

import gc
import resource
import time
from typing import Self

from workers.runtime.worker import Worker


class SelfWatch:
    """One process's. As a context manager it hears of the garbage collector; `flush` hands everything on.

    The collector may run in the middle of anything, also of a write to the metrics, so its pauses are only
    added up when it has run.
    """

    def __init__(self, worker: Worker) -> None:
        slot, metrics = worker.slot, worker.metrics
        self._metrics = metrics
        self._cpu = metrics.bind("fanlight_worker_cpu_seconds_total", worker=slot.name, role=slot.role)
        self._lag = metrics.gather("fanlight_loop_lag_seconds", role=slot.role)
        self._pauses = metrics.gather("fanlight_gc_pause_seconds", role=slot.role)
        self._counted_s = 0.0  # of process_time, which begins with the process
        self._paused_s = 0.0
        limit = metrics.bind("fanlight_worker_descriptors_limit", worker=slot.name)
        limit.set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])

    def __enter__(self) -> Self:
        gc.callbacks.append(self._hear_collector)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._hear_collector)
        self.flush()

    def note_lag(self, late_s: float) -> None:
        """The event loop was so late."""
        self._lag.add(late_s)

    def flush(self) -> None:
        """Hand on what has gathered."""
        used_s = time.process_time()
        self._cpu.inc(used_s - self._counted_s)
        self._counted_s = used_s
        self._metrics.flush()

    def _hear_collector(self, phase: str, _info: dict[str, int]) -> None:
        now_s = time.perf_counter()
        if phase == "start":
            self._paused_s = now_s
        else:
            self._pauses.add(now_s - self._paused_s)
