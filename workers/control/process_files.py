"""What all processes have counted, summed over the files that prometheus-client keeps for each.

Theory of operation. In multiprocess mode a process has a file for each type of metric (`counter_fanout0.db`,
`gauge_livemax_fanout0.db`), with a JSON text before each value that says what it is. The client's own
collector parses every text of every file at every scrape. But a series has the same text in every process:
so values are added up under their texts, and a text is parsed once in the engine's life. With eight workers
that is a third of the time.

The files are written and read by the client, which alone knows how they look inside; a test compares the
sums with those of its own collector.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import add
from pathlib import Path
from typing import Final, NamedTuple, cast

from prometheus_client.mmap_dict import MmapedDict

from engine.metrics.metric import Kind
from workers.control.prometheus_text import Family, escaped, head, number

MAX_TEXTS: Final = 16_384
"""Texts that are remembered parsed. The catalogue's closed sets of labels make about 2,000; one more than
these costs 5 us at each scrape."""

JOIN: Final[Mapping[str, Callable[[float, float], float]]] = {
    "counter": add,
    "histogram": add,
    "gauge_livesum": add,
    "gauge_livemax": max,
    "gauge_livemin": min,
}
"""How a file's name begins -> how the values of one series come together."""

BOUND: Final = "le"
"""The label that a histogram's buckets have, and nothing else."""


class Series(NamedTuple):
    """What a text says: to which family its value belongs, and the line it becomes."""

    family: str
    help_text: str
    line: str
    """Up to the value."""
    bound: float | None
    """Of a histogram's bucket, else None."""
    count_line: str
    """Of a bucket: the line of its histogram's count, which is what the buckets of one histogram share."""


Bucket = tuple[float, str, float]
"""Its bound, its line and its value."""


def counted(directory: str | os.PathLike[str]) -> Iterator[Family]:
    """Every family that some process has counted. Gauges of dead processes are in no file any more."""
    for kind, sums in _sums(Path(directory)).items():
        yield from _families(cast("Kind", kind.partition("_")[0]), sums)


def _sums(directory: Path) -> dict[str, dict[str, float]]:
    """By how the files' names begin, and by the values' texts."""
    sums: dict[str, dict[str, float]] = {kind: {} for kind in JOIN}
    for path in directory.glob("*.db"):
        kind = path.name.rpartition("_")[0]
        join, joined = JOIN[kind], sums[kind]
        for text, value in _values(path):
            joined[text] = join(joined[text], value) if text in joined else value
    return sums


def _values(path: Path) -> Iterator[tuple[str, float]]:
    """Texts and values of one file; nothing if it has just gone with its process."""
    try:
        read = MmapedDict.read_all_values_from_file(path)  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        return
    for text, value, _, _ in read:
        yield text, value


def _families(kind: Kind, sums: Mapping[str, float]) -> Iterator[Family]:
    families: dict[str, Family] = {}
    histograms: dict[tuple[str, str], list[Bucket]] = {}
    for text, value in sums.items():
        series = parse(text)
        if series.family not in families:
            families[series.family] = Family(series.family, kind, series.help_text)
        if series.bound is None:
            families[series.family].add_line(series.line, value)
        else:
            buckets = histograms.setdefault((series.family, series.count_line), [])
            buckets.append((series.bound, series.line, value))
    for (family, count_line), buckets in histograms.items():
        _add_buckets(families[family], count_line, buckets)
    return iter(families.values())


def _add_buckets(family: Family, count_line: str, buckets: list[Bucket]) -> None:
    """A bucket tells what is below its bound, so also what those before it hold; the last one tells all."""
    count = 0.0
    for _, line, value in sorted(buckets):
        count += value
        family.add_line(line, count)
    family.add_line(count_line, count)


@lru_cache(MAX_TEXTS)
def parse(text: str) -> Series:
    """Read `["fanlight_x", "fanlight_x_bucket", {"le": "0.1", "protocol": "srt"}, "what it is"]`."""
    family, sample, said, help_text = json.loads(text)
    labels = [(label, escaped(value)) for label, value in said.items() if label != BOUND]
    if BOUND not in said:
        return Series(_declared(family, sample), help_text, head(sample, labels), None, "")
    bound = float(said[BOUND])
    line = head(sample, [*labels, (BOUND, number(bound))])
    return Series(family, help_text, line, bound, head(f"{family}_count", labels))


def _declared(family: str, sample: str) -> str:
    """A counter is declared as its samples are called; the client leaves `_total` out of a family's name."""
    return sample if sample == f"{family}_total" else family
