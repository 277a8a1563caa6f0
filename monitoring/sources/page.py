"""The names of other systems beside ours, as a page of the documentation. A test holds the page equal to
this.
"""

from collections.abc import Iterable, Iterator

from engine.metrics.metric import Metric
from engine.metrics.table import row
from monitoring.sources.name import Name, Reserved, Source

_INTRODUCTION = """\
# Metrics of other systems, by our names

Whoever comes with dashboards of another system finds here what each of its metrics is called in this
engine. Written by `make dashboards` from `monitoring/sources`; [metrics.md](metrics.md) says what ours mean.
What is in _italics_ is reserved: its subject does not exist here yet, and nothing of it is exported.
"""

_TITLES = ("Theirs", "Its labels", "Ours", "How")
_RESERVED_TITLES = ("Name", "Kind", "Labels", "What it will say", "Panels")
_RESERVED_INTRODUCTION = """\
## Reserved names

They are kept free for what is to come, with the panels of dashboards that will show them.
"""


def names_page(
    sources: Iterable[Source],
    reserved: Iterable[tuple[str, Iterable[Reserved]]],
    catalogue: Iterable[Metric],
) -> str:
    """Render the page. Raises KeyError for a name that is neither in the catalogue nor reserved."""
    groups = [(title, tuple(waiting)) for title, waiting in reserved]
    marks = {metric.name: f"`{metric.name}`" for metric in catalogue}
    marks |= {one.name: f"_`{one.name}`_" for _, waiting in groups for one in waiting}
    lines = [_INTRODUCTION]
    for source in sources:
        lines += _source(source, marks)
    lines.append(_RESERVED_INTRODUCTION)
    for title, waiting in groups:
        lines += _reserved(title, waiting)
    return "\n".join(lines)


def _source(source: Source, marks: dict[str, str]) -> Iterator[str]:
    yield from (f"## {source.title}", "", source.about, "", row(_TITLES), row(("---",) * len(_TITLES)))
    yield from (_name(name, marks) for name in source.names)
    yield ""


def _name(name: Name, marks: dict[str, str]) -> str:
    labels = ", ".join(f"`{label}`" for label in name.labels)
    ours = "<br>".join(marks[ours] for ours in name.ours)
    return row((f"`{name.name}`", labels, ours, _how(name)))


def _how(name: Name) -> str:
    query = f"`{name.how}`".replace("|", "\\|") if name.how else ""
    return ": ".join(filter(None, (query, name.note)))


def _reserved(title: str, waiting: Iterable[Reserved]) -> Iterator[str]:
    yield from (f"### {title}", "", row(_RESERVED_TITLES), row(("---",) * len(_RESERVED_TITLES)))
    for one in waiting:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        yield row((f"`{one.name}`", one.kind, labels, one.help, "<br>".join(one.panels)))
    yield ""
