"""PromQL made from the catalogue. A name, label or label value that is not in it raises at once.

Every series is narrowed to what is chosen at the top of the dashboard, as far as its labels go: the
instance always, the stream, the role of workers. A worker is named after its role (`fanout0`), so its name
is narrowed by the role as well.
"""

from typing import Final, NamedTuple

from engine.metrics import CATALOGUE, Metric

BY_NAME: Final = {metric.name: metric for metric in CATALOGUE}
RECORDED_PREFIX: Final = "fanlight:"
QUANTILES: Final = ("0.5", "0.9", "0.99")
RATE: Final = "$__rate_interval"
"""Grafana's own: at least four scrapes, and as much as one pixel of the panel shows."""

_HISTOGRAM_SUFFIXES: Final = ("_bucket", "_count", "_sum")
_BUCKET: Final = "le"
_OF_TARGETS: Final = ("job", "instance")
"""Labels that Prometheus adds to whatever it scrapes."""


class Query(NamedTuple):
    """One line, or bundle of lines, of a panel; `metrics` are those of the catalogue that it reads."""

    expr: str
    legend: str = ""
    metrics: tuple[str, ...] = ()


def metric_of(name: str) -> Metric:
    """The metric that a series belongs to; KeyError for a stranger."""
    for suffix in _HISTOGRAM_SUFFIXES:
        base = name.removesuffix(suffix)
        if base != name and base in BY_NAME and BY_NAME[base].kind == "histogram":
            return BY_NAME[base]
    if BY_NAME[name].kind == "histogram":
        raise KeyError(f"{name} is a histogram: it has {', '.join(_HISTOGRAM_SUFFIXES)}")
    return BY_NAME[name]


def recorded_quantiles(metric: Metric) -> str:
    """The name under which the rules record a histogram's quantiles; their label `quantile` tells which."""
    return f"{RECORDED_PREFIX}{metric.name.removeprefix('fanlight_')}:quantile_5m"


def series(name: str, **where: str) -> str:
    """Select a series. Values are `"a"`, `"a|b"`, or `"!a|b"` for all but these."""
    metric = metric_of(name)
    check_labels(metric, name, where)
    matchers = [matcher(label, value) for label, value in where.items()]
    return f"{name}{{{', '.join([*matchers, *_chosen(metric, where)])}}}"


def check_labels(metric: Metric, name: str, where: dict[str, str]) -> None:
    """Raises ValueError where a metric has no such label, or the label can have no such value."""
    for label, value in where.items():
        if label == _BUCKET and name.endswith("_bucket"):
            continue
        if label not in metric.labels:
            raise ValueError(f"{metric.name} has no label {label}")
        allowed = metric.allowed(label)
        strange = set(value.removeprefix("!").split("|")) - set(allowed) if allowed else set()
        if strange:
            raise ValueError(f"{metric.name} has no {label} {', '.join(sorted(strange))}")


def matcher(label: str, value: str) -> str:
    """Write one condition on a label."""
    bare = value.removeprefix("!")
    sign = "!" if bare != value else ""
    return f'{label}{sign or "="}~"{bare}"' if "|" in bare else f'{label}{sign}="{bare}"'


def _chosen(metric: Metric, where: dict[str, str]) -> list[str]:
    """What the variables at the top of a dashboard narrow."""
    chosen = ['instance=~"$instance"']
    if "stream" in metric.labels and "stream" not in where:
        chosen.append('stream=~"$stream"')
    if "worker" in metric.labels and "worker" not in where:
        chosen.append('worker=~"($role)[0-9]*"')
    elif "role" in metric.labels and not metric.roles and "role" not in where:
        chosen.append('role=~"$role"')
    return chosen


def _by(labels: tuple[str, ...], *names: str) -> str:
    """Keep these labels apart; ValueError where one of the metrics does not have one."""
    for name in names:
        if strange := set(labels) - {*metric_of(name).labels, *_OF_TARGETS}:
            raise ValueError(f"{name} has no label {', '.join(sorted(strange))}")
    return f" by ({', '.join(labels)})" if labels else ""


def _legend(labels: tuple[str, ...], legend: str) -> str:
    return legend or " ".join(f"{{{{{label}}}}}" for label in labels)


def now(name: str, *by: str, how: str = "sum", legend: str = "", **where: str) -> Query:
    """A gauge, added up (or `how` it comes together) over everything but the labels `by`."""
    return Query(f"{how}{_by(by, name)} ({series(name, **where)})", _legend(by, legend), (name,))


def rate(name: str, *by: str, legend: str = "", **where: str) -> Query:
    """A counter's growth per second."""
    expr = f"sum{_by(by, name)} (rate({series(name, **where)}[{RATE}]))"
    return Query(expr, _legend(by, legend), (name,))


def grown(name: str, *by: str, legend: str = "", **where: str) -> Query:
    """By how much a counter has grown in the time that the dashboard shows."""
    expr = f"sum{_by(by, name)} (increase({series(name, **where)}[$__range]))"
    return Query(expr, _legend(by, legend), (name,))


def quantiles(name: str, *by: str, which: str = "0.5|0.9|0.99", legend: str = "", **where: str) -> Query:
    """A histogram's recorded quantiles, the worst instance's."""
    metric = BY_NAME[name]
    check_labels(metric, name, where)
    conditions = {"quantile": which, **where}
    matchers = ", ".join(matcher(label, value) for label, value in conditions.items())
    _by(by, f"{name}_bucket")
    labels = (*by, "quantile")
    recorded = f'{recorded_quantiles(metric)}{{{matchers}, instance=~"$instance"}}'
    return Query(f"max{_by(labels)} ({recorded})", _legend(labels, legend), (name,))


def share(part: Query, whole: Query, legend: str) -> Query:
    """One query's value as a share of another's; nothing while there is no whole, 0 while no part."""
    expr = f"({part.expr} or {whole.expr} * 0) / ({whole.expr} > 0)"
    return Query(expr, legend, (*part.metrics, *whole.metrics))


def or_nought(query: Query, like: Query, *on: str) -> Query:
    """The first query, and 0 where by the labels `on` it has nothing and the second has something.

    A counter is not there before its first event; whether there could have been one the second tells.
    """
    expr = f"{query.expr} or on ({', '.join(on)}) {like.expr} * 0"
    return query._replace(expr=expr, metrics=(*query.metrics, *like.metrics))


def times(query: Query, factor: float) -> Query:
    """The same in another unit."""
    return query._replace(expr=f"{query.expr} * {factor:g}")


def top(count: int, query: Query) -> Query:
    """The largest few, as of now."""
    return query._replace(expr=f"topk({count}, {query.expr})")
