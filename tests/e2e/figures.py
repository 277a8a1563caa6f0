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

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """The same for each value of a label; what is 0 is left out."""
        values = {sample.labels[label] for sample in self.samples if sample.name == name}
        sums = {value: self.sum(name, **labels, **{label: value}) for value in values}
        return {value: total for value, total in sums.items() if total}

    def counters(self) -> Counters:
        """All that may only grow: counters, and the buckets, counts and sums of histograms."""
        growing = ("_total", "_bucket", "_count", "_sum")
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for sample in self.samples
            if sample.name.endswith(growing)
        }


def check_connections(engine: RunningEngine, **open_now: int) -> None:
    """So many connections of each protocol are open, as soon as all who come and go have been counted."""
    name = "fanlight_connections"
    figures = wait_for_figures(engine, lambda figures: figures.by("protocol", name) == open_now)
    assert figures.by("protocol", name) == open_now


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
