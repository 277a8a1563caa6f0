"""The catalogue as a page of the documentation. A test holds the page equal to this."""

from collections.abc import Iterable, Iterator

from engine.metrics.metric import MAX_STREAMS_WITH_LABEL, Metric

_INTRODUCTION = f"""\
# Metrics

What `/metrics` serves, generated from `engine/metrics`. Metrics of scope *worker* are counted in each
process and added up; those of scope *collector* are read off shared memory at each scrape. Labels come from
the sets named here; whatever else there may be is counted as `other`. The {MAX_STREAMS_WITH_LABEL} streams
with the most players have a label of their own, the rest share the label `other`.
"""

_TITLES = ("Name", "Kind", "Labels", "Scope", "What it says")


def markdown(groups: Iterable[tuple[str, Iterable[Metric]]]) -> str:
    """Render groups of metrics, (title, metrics) each, as one markdown page."""
    return "\n".join([_INTRODUCTION, *(line for title, metrics in groups for line in _group(title, metrics))])


def _group(title: str, metrics: Iterable[Metric]) -> Iterator[str]:
    yield from (f"## {title}", "", row(_TITLES), row(("---",) * len(_TITLES)))
    yield from (row(_cells(metric)) for metric in metrics)
    yield ""


def _cells(metric: Metric) -> tuple[str, ...]:
    labels = "<br>".join(_label(metric, label) for label in metric.labels)
    help_text = metric.help
    if metric.buckets:
        help_text += f" Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}."
    return (f"`{metric.name}`", metric.kind, labels, metric.scope, help_text)


def _label(metric: Metric, label: str) -> str:
    values = metric.allowed(label)
    return f"`{label}`: {', '.join(values)}" if values else f"`{label}`"


def row(cells: Iterable[str]) -> str:
    """One row of a table in markdown."""
    return f"| {' | '.join(cells)} |"
