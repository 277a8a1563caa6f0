"""What /metrics says: the text format of Prometheus, as far as a benchmark reads it."""

import re
import urllib.request
from collections.abc import Mapping

from bench.servers import HOST, Server

_SAMPLE = re.compile(r"^([a-z_:][\w:]*(?:\{.*\})?) ([^ ]+)$", re.MULTILINE | re.IGNORECASE)
_BOUND = re.compile(r'le="([^"]+)"')
SCRAPE_S = 30.0

Samples = Mapping[str, float]


def scrape(server: Server) -> str:
    """The text now."""
    url = f"http://{HOST}:{server.ports['metrics']}/metrics"
    with urllib.request.urlopen(url, timeout=SCRAPE_S) as answer:
        text: str = answer.read().decode()
    return text


def samples(text: str) -> dict[str, float]:
    """Values by name and labels, as they are written."""
    return {name: float(value) for name, value in _SAMPLE.findall(text)}


def total(found: Samples, name: str) -> float:
    """A metric over all its labels."""
    return sum(value for key, value in found.items() if key == name or key.startswith(name + "{"))


def quantile(before: Samples, after: Samples, name: str, part: float) -> float:
    """The bucket's upper bound below which `part` of what a histogram saw between two scrapes lies.

    Labels are added up. Infinity if nothing was seen.
    """
    counts = dict[float, float]()
    for key, value in after.items():
        if key.startswith(f"{name}_bucket{{") and (bound := _BOUND.search(key)):
            seen = value - before.get(key, 0.0)
            counts[float(bound[1])] = counts.get(float(bound[1]), 0.0) + seen
    everything = max(counts.values(), default=0.0)
    if not everything:
        return float("inf")
    return next(bound for bound in sorted(counts) if counts[bound] >= part * everything)
