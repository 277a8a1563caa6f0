"""Figures of /metrics, by name and labels."""

import time
from collections.abc import Callable
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.engine_process import RunningEngine

LOOK_S: Final = 0.1
PATIENCE_S: Final = 15.0  # workers hand their figures on once a second

Counters = dict[tuple[str, tuple[tuple[str, str], ...]], float]
"""Values by name and sorted labels."""


class Figures:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self._families for sample in family.samples]

    def names(self) -> set[str]:
        """Of all metrics that have a sample, as the catalogue has them."""
        told = (family for family in self._families if family.samples)
        return {f"{family.name}_total" if family.type == "counter" else family.name for family in told}

    def sum(self, name: str, **labels: str) -> float:
        """The sum over all samples with these labels, whatever else they are labelled with."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def counters(self) -> Counters:
        """All that may only grow: counters, and the buckets, counts and sums of histograms."""
        growing = ("_total", "_bucket", "_count", "_sum")
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for sample in self.samples
            if sample.name.endswith(growing)
        }


def scrape(engine: RunningEngine) -> Figures:
    return Figures(engine.metrics())


def wait_for_figures(engine: RunningEngine, condition: Callable[[Figures], bool]) -> Figures:
    """Scrape until the condition holds; gives the last scrape in any case, for the assertion to judge."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        figures = scrape(engine)
        if condition(figures) or time.monotonic() > deadline:
            return figures
        time.sleep(LOOK_S)
