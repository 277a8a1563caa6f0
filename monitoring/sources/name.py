"""One metric of another system, and what stands for it here."""

from typing import NamedTuple

from engine.metrics.metric import Kind


class Name(NamedTuple):
    """A metric of another system.

    labels: as it has them. ours: names of the catalogue, or reserved ones. how: what to ask for instead, in
    PromQL, where the name alone does not say it. note: what else there is to say.
    """

    name: str
    labels: tuple[str, ...]
    ours: tuple[str, ...]
    how: str = ""
    note: str = ""


class Source(NamedTuple):
    """A system, and all metrics that its documents name."""

    title: str
    about: str
    names: tuple[Name, ...]


class Reserved(NamedTuple):
    """A metric whose subject does not exist here yet. Nothing of it is exported.

    panels: of dashboards to come, "dashboard: panel".
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
