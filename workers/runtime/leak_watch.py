"""Looks at what this process holds, every few heartbeats: gauges, and a line when it is more than its work
explains.
"""

import trio

from engine.policy.leaks import RESOURCES, Counts, LeakDetector
from workers.runtime.vitals import open_descriptors, private_bytes
from workers.runtime.worker import Worker

GAUGES = ("fanlight_worker_tasks", "fanlight_worker_descriptors", "fanlight_worker_private_bytes")
"""In the order of `Counts`."""


class LeakWatch:
    """One process's."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._detector = LeakDetector()

    def look(self) -> None:
        """Count, and say what it comes to."""
        counts = Counts(
            tasks=trio.lowlevel.current_statistics().tasks_living,
            descriptors=open_descriptors(),
            memory=private_bytes(),
        )
        if self._detector.sample(counts, self._worker.holdings(), trio.current_time()):
            self._tell(counts)
        self._show(counts)

    def _show(self, counts: Counts) -> None:
        bind, name = self._worker.metrics.bind, self._worker.slot.name
        for gauge, count, most in zip(GAUGES, counts, self._detector.maximum, strict=True):
            bind(gauge, worker=name).set(count)
            bind(f"{gauge}_max", worker=name).set(most)
        for resource in RESOURCES:
            suspected = resource in self._detector.suspected
            bind("fanlight_leak_suspected", worker=name, reason=resource).set(suspected)

    def _tell(self, counts: Counts) -> None:
        detector, log = self._detector, self._worker.log
        if not detector.suspected:
            log.info("leak_suspicion_over", **counts._asdict())
            return
        log.warning(
            "leak_suspected",
            of=list(detector.suspected),
            baseline=detector.baseline._asdict() if detector.baseline else None,
            **self._worker.holdings()._asdict(),
            **counts._asdict(),
        )
