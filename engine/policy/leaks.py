"""Whether a process has come to hold more than its work explains: tasks, descriptors, memory.

The first five minutes are the baseline: the median of what was counted then, so that neither the start nor a
visitor decides it. From then on each count is compared with it, and three times as much is suspicious.

A worker with a thousand players has more of everything than it had with none, and that is no leak. So what
its work explains is taken off first, and generously: what a leak leaves behind is what is still there when
the work is done. Connections are not all of the work: fifty streams that are packaged are fifty tasks without
one, and behind a cache two connections fetch the segments of them all. And a baseline of three tasks is no
yardstick; below `FLOOR` nothing is suspicious.

What counts as work is what a role's own books hold, each entry of which has an end of its own. What has
fallen out of the books and is there all the same is the leak: a task whose package has gone, a descriptor
that no longer belongs to a kept file. Books that never empty show as metrics of their own (connections,
`fanlight_hls_packages`, `fanlight_hls_open_files`), and their files, streams and requests have bounds.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
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


class Holdings(NamedTuple):
    """What a process is at work on, by number."""

    clients: int = 0
    """Connections."""
    requests: int = 0
    """Under way on connections that carry many at a time."""
    packages: int = 0
    """Streams that are being packaged."""
    shelves: int = 0
    """Packages that are being served."""
    files: int = 0
    """Segments kept open."""


KIB: Final = 1024
EACH: Final[Mapping[str, Counts]] = MappingProxyType(
    {
        # Over TLS a connection has two tasks beside its own; a publisher over TLS has a pair of sockets; and
        # what is not sent yet is memory.
        "clients": Counts(tasks=6, descriptors=3, memory=256 * KIB),
        # A request over HTTP/2 is a task, and one of its own where it waits; it may be sent from a file.
        "requests": Counts(tasks=2, descriptors=1, memory=64 * KIB),
        # Measured: a task, and the file of the segment that grows; the samples of a part, a second of
        # 8 Mbit/s.
        "packages": Counts(tasks=1, descriptors=1, memory=1024 * KIB),
        # A task, and its playlists.
        "shelves": Counts(tasks=1, descriptors=0, memory=256 * KIB),
        "files": Counts(tasks=0, descriptors=1, memory=KIB),
    }
)
"""What one of each explains."""

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

    def sample(self, counts: Counts, holdings: Holdings, now_s: float) -> bool:
        """Take a sample; whether other resources are suspected now than before.

        holdings: what the process is at work on. now_s: a clock that never goes back.
        """
        self.maximum = Counts._make(map(max, self.maximum, counts))
        explained = explained_by(holdings)
        unexplained = Counts._make(
            max(0, count - work) for count, work in zip(counts, explained, strict=True)
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


def explained_by(holdings: Holdings) -> Counts:
    """What so much work needs."""
    shares = [
        [number * each for each in EACH[what]]
        for what, number in zip(Holdings._fields, holdings, strict=True)
    ]
    return Counts._make(sum(column) for column in zip(*shares, strict=True))


def suspicious(unexplained: Counts, baseline: Counts) -> tuple[Resource, ...]:
    """The resources of which there is more than three times the baseline."""
    compared = zip(RESOURCES, unexplained, baseline, FLOOR, strict=True)
    return tuple(name for name, count, base, floor in compared if count > SUSPICIOUS * max(base, floor))


def medians(samples: Iterable[Counts]) -> Counts:
    """Of each resource by itself; the upper of two in the middle."""
    columns = (sorted(column) for column in zip(*samples, strict=True))
    return Counts._make(column[len(column) // 2] for column in columns)
