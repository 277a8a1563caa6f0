"""Panels of a dashboard, and how Grafana writes them (the classic model, schema version 38: Grafana 10)."""

from typing import Final, Literal, NamedTuple, TypedDict, Unpack

from monitoring.queries import BY_NAME, Query

Json = dict[str, object]
Kind = Literal["timeseries", "stat", "bargauge", "table"]

DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS: Final = 24
"""Grafana's grid is so wide."""
HEIGHT: Final = {"timeseries": 8, "bargauge": 8, "table": 8, "stat": 4}

PLAIN: Final = "short"
SECONDS: Final = "s"
BYTES: Final = "bytes"
BYTES_PER_S: Final = "Bps"
BITS_PER_S: Final = "bps"
PER_S: Final = "cps"
REQUESTS_PER_S: Final = "reqps"
SHARE: Final = "percentunit"
"""Units, as Grafana calls them."""


class Step(NamedTuple):
    """From this value on a figure has this colour."""

    value: float | None
    colour: str


GOOD: Final = (Step(None, "green"),)


def above(warning: float, critical: float) -> tuple[Step, ...]:
    """Green, amber from the one value on and red from the other."""
    return (Step(None, "green"), Step(warning, "orange"), Step(critical, "red"))


def below(warning: float, critical: float) -> tuple[Step, ...]:
    """Red below the one value, amber below the other."""
    return (Step(None, "red"), Step(critical, "orange"), Step(warning, "green"))


class Panel(NamedTuple):
    """One panel: what it asks Prometheus, and how it shows the answers."""

    title: str
    queries: tuple[Query, ...]
    unit: str = PLAIN
    kind: Kind = "timeseries"
    width: int = 8
    steps: tuple[Step, ...] = GOOD
    note: str = ""
    """What to know, before what the catalogue says of its metrics."""
    stacked: bool = False
    words: tuple[tuple[float, str], ...] = ()
    """Values that are shown as words."""

    @property
    def height(self) -> int:
        return HEIGHT[self.kind]


class Row(NamedTuple):
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


class How(TypedDict, total=False):
    """The fields of a panel beside its title and queries."""

    unit: str
    kind: Kind
    width: int
    steps: tuple[Step, ...]
    note: str
    stacked: bool
    words: tuple[tuple[float, str], ...]


def panel(title: str, *queries: Query, **how: Unpack[How]) -> Panel:
    """A panel with these queries."""
    return Panel(title, queries, **how)


def stat(title: str, query: Query, **how: Unpack[How]) -> Panel:
    """One large figure."""
    shown: How = {"kind": "stat", "width": 4, **how}
    return panel(title, query, **shown)


def bars(title: str, query: Query, **how: Unpack[How]) -> Panel:
    """A ranking, as of now."""
    shown: How = {"kind": "bargauge", **how}
    return panel(title, query, **shown)


def table(title: str, query: Query, **how: Unpack[How]) -> Panel:
    """The labels and the value of every series, as of now."""
    shown: How = {"kind": "table", **how}
    return panel(title, query, **shown)


def panel_json(shown: Panel, number: int, x: int, y: int) -> Json:
    """A panel as Grafana reads it, at a place of the grid."""
    return {
        "id": number,
        "type": shown.kind,
        "title": shown.title,
        "description": _description(shown),
        "datasource": DATASOURCE,
        "gridPos": {"h": shown.height, "w": shown.width, "x": x, "y": y},
        "targets": [_target(shown, query, index) for index, query in enumerate(shown.queries)],
        "fieldConfig": {"defaults": _defaults(shown), "overrides": []},
        "options": _OPTIONS[shown.kind],
    }


def row_json(row: Row, number: int, y: int) -> Json:
    """The heading of a row."""
    place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
    return {
        "id": number,
        "type": "row",
        "title": row.title,
        "collapsed": False,
        "gridPos": place,
        "panels": [],
    }


def _description(shown: Panel) -> str:
    names = dict.fromkeys(
        name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
        for query in shown.queries
        for name in query.metrics
    )
    told = [f"{name}: {BY_NAME[name].help}" for name in names]
    return "\n\n".join([*([shown.note] if shown.note else []), *told])


def _target(shown: Panel, query: Query, index: int) -> Json:
    is_now = shown.kind != "timeseries"
    return {
        "refId": chr(ord("A") + index),
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": is_now,
        "range": not is_now,
        "format": "table" if shown.kind == "table" else "time_series",
    }


def _defaults(shown: Panel) -> Json:
    steps = [{"value": step.value, "color": step.colour} for step in shown.steps]
    return {
        "unit": shown.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "palette-classic" if shown.kind == "timeseries" else "thresholds"},
        "custom": _drawn(shown) if shown.kind == "timeseries" else {},
        "mappings": _mappings(shown),
    }


def _drawn(shown: Panel) -> Json:
    stacking = {"mode": "normal", "group": "A"} if shown.stacked else {"mode": "none", "group": "A"}
    marked = "line" if len(shown.steps) > 1 else "off"
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if shown.stacked else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": stacking,
        "thresholdsStyle": {"mode": marked},
    }


def _mappings(shown: Panel) -> list[Json]:
    if not shown.words:
        return []
    options = {
        f"{value:g}": {"text": word, "index": index} for index, (value, word) in enumerate(shown.words)
    }
    return [{"type": "value", "options": options}]


_LAST: Final[Json] = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Final[dict[str, Json]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": _LAST,
        "orientation": "auto",
        "textMode": "auto",
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
    },
    "bargauge": {
        "reduceOptions": _LAST,
        "orientation": "horizontal",
        "displayMode": "basic",
        "showUnfilled": True,
        "valueMode": "color",
        "minVizWidth": 0,
        "minVizHeight": 10,
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
}
