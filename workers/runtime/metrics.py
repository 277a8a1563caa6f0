"""Metrics of one process, in prometheus-client's multiprocess mode, filed under the slot's name.

Theory of operation. Each process keeps its values in small mmapped files, one per type, in a directory on
tmpfs; whoever is scraped (control) reads and adds them all. The files carry the slot's name and not the
pid, so that the successor of a dead worker goes on with its counters: sums stay right and the number of
files stays what it was, however often workers die. (With pids: five restarts, fifteen files, a gauge five
times too large.)

A gauge says what is true now, so a dead worker's gauges go: the supervisor deletes those files when it sees
the death, and boot does so once more. Counters and histograms stay. And a process that knows nothing of what
a gauge tells has none: else it would put a 0 into the smallest of all processes' values, and tell of what is
not there.

This costs about 0.7 us per call on a bound child, so nothing here is called per packet: hot paths count in
plain integers and add the difference about once per tick; for histograms `gather` does that. Labels come from
small closed sets, because a label set can never be removed again; what is per stream lives in shared memory
and is exported by control.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Generic, Protocol, TypeAlias, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from engine.metrics import WORKER_METRICS, BucketCounts, Metric

DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"

Key: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""A metric's name and its labels."""


class Child(Protocol):
    """A metric with its labels bound: `inc` for counters, `set` (and `inc`, `dec`) for gauges, `observe`."""

    def inc(self, amount: float = 1) -> None: ...

    def dec(self, amount: float = 1) -> None: ...

    def set(self, value: float) -> None: ...

    def observe(self, amount: float) -> None: ...


class Binder(Protocol):
    """The part of `Metrics` that is needed to count."""

    def bind(self, name: str, **labels: str) -> Child:
        """The metric of that name with these labels."""
        ...


Bound = TypeVar("Bound", covariant=True)


class Binds(Protocol[Bound]):
    """`Metrics.bind` or `Metrics.gather`."""

    def __call__(self, name: str, **labels: str) -> Bound: ...


class Children(Generic[Bound]):
    """One metric, bound once for each set of label values that is asked for: a look into a dict from then on.

    For whoever counts with each request. Nothing is forgotten, so values come from small closed sets.
    """

    def __init__(self, bind: Binds[Bound], name: str, *labels: str) -> None:
        self._bind = bind
        self._name = name
        self._labels = labels
        self._children: dict[tuple[str, ...], Bound] = {}

    def of(self, *values: str) -> Bound:
        """The one with these values, in the order of the labels."""
        child = self._children.get(values)
        if child is None:
            child = self._bind(self._name, **dict(zip(self._labels, values, strict=True)))
            self._children[values] = child
        return child


class Gathering(BucketCounts):
    """Values of one histogram with its labels bound, in plain numbers until `Metrics.flush`.

    A bucket's value is written by itself, which the client has no public way for: `observe` once a value is
    six times as dear, and what is added here is added for each request and each read of a publisher.
    """

    __slots__ = ("_buckets", "_total")

    def __init__(self, histogram: Histogram, bounds: Sequence[float]) -> None:
        super().__init__(bounds)
        self._buckets = histogram._buckets
        self._total = histogram._sum

    def flush(self) -> None:
        """Hand on what has gathered."""
        counts, total = self.take()
        if not any(counts):
            return
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._total.inc(total)


class Metrics:
    """All metrics of the catalogue for one process. Make one per process: the last one made is in force."""

    def __init__(
        self, slot_name: str, directory: str | os.PathLike[str], catalogue: Iterable[Metric] = WORKER_METRICS
    ) -> None:
        if "_" in slot_name:
            raise ValueError(f"the collector splits file names at underscores: {slot_name!r}")
        self.directory = Path(directory)
        os.environ[DIRECTORY_VARIABLE] = str(directory)
        forget_gauges(directory, slot_name)
        # A class of values of its own: what was inherited over fork belongs to the parent, and stays
        # untouched.
        values.ValueClass = values.MultiProcessValue(lambda: slot_name)  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()  # not the global one: it would refuse names a second time
        self._catalogue = {metric.name: metric for metric in catalogue}
        self._metrics = {
            metric.name: _build(metric, self._registry)
            for metric in self._catalogue.values()
            if not _waits(metric)
        }
        self._children: dict[Key, Child] = {}
        self._gatherings: dict[Key, Gathering] = {}

    def bind(self, name: str, **labels: str) -> Child:
        """The metric with these labels: one object per label set. KeyError if it is not in the catalogue.

        A label value that the catalogue does not foresee counts as `other`. A gauge is exported from here on,
        as 0 until it is set.
        """
        metric = self._catalogue[name]
        folded = {label: metric.fold(label, value) for label, value in labels.items()}
        key = (name, tuple(sorted(folded.items())))
        if key not in self._children:
            built = self._built(metric)
            self._children[key] = cast("Child", built.labels(**folded) if folded else built)
        return self._children[key]

    def _built(self, metric: Metric) -> Counter | Gauge | Histogram:
        if metric.name not in self._metrics:
            self._metrics[metric.name] = _build(metric, self._registry)
        return self._metrics[metric.name]

    def begin(self, *names: str) -> None:
        """Let those series of these metrics be there at 0 that must be seen to grow: `from_nought`."""
        for name in names:
            for labels in self._catalogue[name].from_nought():
                self.bind(name, **labels)

    def gather(self, name: str, **labels: str) -> Gathering:
        """The histogram with these labels, to be added to often; the same object for the same labels."""
        metric = self._catalogue[name]
        key = (name, tuple(sorted((label, metric.fold(label, value)) for label, value in labels.items())))
        if key not in self._gatherings:
            histogram = cast("Histogram", self.bind(name, **labels))
            self._gatherings[key] = Gathering(histogram, metric.buckets)
        return self._gatherings[key]

    def flush(self) -> None:
        """Hand on what has gathered in histograms; every heartbeat does so."""
        for gathering in list(self._gatherings.values()):
            gathering.flush()


def _waits(metric: Metric) -> bool:
    """Whether it is built when it is first bound: the client writes what has no labels as soon as it is
    built."""
    return metric.kind == "gauge" and not metric.labels


def _build(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.kind == "counter":
        return Counter(metric.name, metric.help, metric.labels, registry=registry)
    if metric.kind == "gauge":
        mode = metric.gauge_mode  # a live one always: the collector forgives files that vanish for these only
        return Gauge(metric.name, metric.help, metric.labels, registry=registry, multiprocess_mode=mode)
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)


def forget_gauges(directory: str | os.PathLike[str], slot_name: str) -> None:
    """Delete the gauges of the process that had this slot; it is dead."""
    for path in Path(directory).glob(f"gauge_*_{slot_name}.db"):
        path.unlink(missing_ok=True)
