"""Whether a process has come to hold more than its work explains: tasks, descriptors, memory.

The first five minutes are the baseline: the median of what was counted then, so that neither the start nor a
visitor decides it. From then on each count is compared with it, and three times as much is suspicious.

A worker with a thousand players has more of everything than it had with none, and that is no leak. So what
its connections explain is taken off first, and generously: what a leak leaves behind is what is still there
when they have gone. And a baseline of three tasks is no yardstick; below `FLOOR` nothing is suspicious.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

BASELINE_S: Final = 300.0
SUSPICIOUS: Final = 3.0

Resource = Literal["tasks", "descriptors", "memory"]
RESOURCES: Final[tuple[Resource, ...]] = ("tasks", "descriptors", "memory")


class Counts(NamedTuple):
    """What a process holds. `memory` is bytes that no other process shares."""

    tasks: int
    descriptors: int
    memory: int


PER_CLIENT: Final = Counts(tasks=6, descriptors=3, memory=256 * 1024)
"""What a connection explains: over TLS it has two tasks beside its own and over HTTP/2 one for each request;
a publisher over TLS has a pair of sockets; and what is not sent yet is memory."""

FLOOR: Final = Counts(tasks=20, descriptors=64, memory=48 * 1024 * 1024)
"""A baseline counts as this at least: an idle worker's, roughly."""


class LeakDetector:
    """Judges one process, from its first sample on."""

    def __init__(self) -> None:
        self._began_s: float | None = None
        self._samples: list[Counts] = []
        self.baseline: Counts | None = None
        """None in the first five minutes."""
        self.maximum = Counts(0, 0, 0)
        """The most that was counted of each, whatever explains it."""
        self.suspected: tuple[Resource, ...] = ()

    def sample(self, counts: Counts, clients: int, now_s: float) -> bool:
        """Take a sample; whether other resources are suspected now than before.

        clients: connections that the process holds. now_s: a clock that never goes back.
        """
        self.maximum = Counts._make(map(max, self.maximum, counts))
        unexplained = Counts._make(
            max(0, count - clients * each) for count, each in zip(counts, PER_CLIENT, strict=True)
        )
        if self.baseline is None:
            self._learn(unexplained, now_s)
            return False
        before, self.suspected = self.suspected, suspicious(unexplained, self.baseline)
        return self.suspected != before

    def _learn(self, unexplained: Counts, now_s: float) -> None:
        self._began_s = now_s if self._began_s is None else self._began_s
        self._samples.append(unexplained)
        if now_s - self._began_s >= BASELINE_S:
            self.baseline = medians(self._samples)
            self._samples.clear()


def suspicious(unexplained: Counts, baseline: Counts) -> tuple[Resource, ...]:
    """The resources of which there is more than three times the baseline."""
    compared = zip(RESOURCES, unexplained, baseline, FLOOR, strict=True)
    return tuple(name for name, count, base, floor in compared if count > SUSPICIOUS * max(base, floor))


def medians(samples: Iterable[Counts]) -> Counts:
    """Of each resource by itself; the upper of two in the middle."""
    columns = (sorted(column) for column in zip(*samples, strict=True))
    return Counts._make(column[len(column) // 2] for column in columns)
