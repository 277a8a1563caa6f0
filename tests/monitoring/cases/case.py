"""A case of an alert: what happens at a sick engine, and at one that is nearly so and must be silent."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from tests.monitoring.timelines import BEGAN_MIN, born, bumped, steady, unscraped

Series = dict[str, str]
"""Names with their labels -> values; the labels `job` and `instance` are added."""
Labels = Mapping[str, str]

NONE: Final[Labels] = MappingProxyType({})
FIRES_MIN: Final = 31.0
"""A minute before trouble is over, after eleven of it."""


class Case(NamedTuple):
    """The alert fires at the sick engine, with these labels and this description, and at no other."""

    alert: str
    sick: Series
    well: Series
    says: str
    labels: Labels = NONE
    fires_min: float = FIRES_MIN
    """When it is looked for. That it is silent before its `for` is over is looked at in every case."""
    recovered_min: float = 50
    of_instance: bool = True
    """Whether the alert is about one engine; else its labels are only those given."""
    began_min: float = BEGAN_MIN
    """When trouble begins."""


def always(
    series: str,
    sick: str,
    well: str,
    alert: str,
    says: str,
    *,
    labels: Labels = NONE,
    fires_min: float = FIRES_MIN,
) -> Case:
    """A case in which both engines have the same series."""
    return Case(alert, {series: sick}, {series: well}, says, labels, fires_min)


def named(metric: str, **labels: str) -> str:
    """A series by its metric and labels."""
    inside = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{metric}{{{inside}}}"


def buckets(histogram: str, counts: Mapping[str, str], **labels: str) -> Series:
    """The buckets of a histogram: their upper bounds -> values."""
    return {named(f"{histogram}_bucket", **labels, le=bound): values for bound, values in counts.items()}


def after_failed_scrapes(series: str, count: float) -> Series:
    """A counter that has stood so for long, of an engine that answers again after many failed scrapes."""
    return {"up": unscraped(1, meanwhile="0"), series: unscraped(count)}


class Counted(NamedTuple):
    """An alert that tells how often something was counted of late."""

    alert: str
    counter: str
    says: str
    """With `{count}`, and the labels that it names."""
    by: tuple[str, ...] = ("reason",)
    """Labels of the counter that the alert has."""
    fires_min: float = FIRES_MIN

    def first(self, count: int, *, harmless: Labels = NONE, **labels: str) -> Case:
        """A series that was not there before; at the other engine something harmless is new, or nothing."""
        well = {named(self.counter, **harmless): born(count)} if harmless else {}
        return self._case(count, labels, born(count), well)

    def first_and_not_seen_again(self, count: int, **labels: str) -> Case:
        """A series that was not there before; the other engine's was only not to be seen, and is old."""
        well = after_failed_scrapes(named(self.counter, **labels), count)
        return self._case(count, labels, born(count), well)

    def again(self, before: int, count: int, *, stands: int, **labels: str) -> Case:
        """A series that had stood `before`; at the other engine it `stands` all the time."""
        well = {named(self.counter, **labels): steady(stands)}
        return self._case(count, labels, bumped(before, count), well)

    def _case(self, count: int, labels: Labels, values: str, well: Series) -> Case:
        says = self.says.format(count=count, **labels)
        shown = {label: labels[label] for label in self.by}
        return Case(self.alert, {named(self.counter, **labels): values}, well, says, shown, self.fires_min)
