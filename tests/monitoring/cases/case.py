"""A case of an alert: what happens at a sick engine, and at one that is nearly so and must be silent."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

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
