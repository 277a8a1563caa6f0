"""A dashboard: rows of panels, and the variables that their queries use."""

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from monitoring.panels import COLUMNS, DATASOURCE, Json, Row, panel_json, row_json

SCHEMA_VERSION: Final = 38
TAG: Final = "fanlight"


class Dashboard(NamedTuple):
    """One dashboard; its identity in Grafana, and its file's name, come from `name`."""

    name: str
    title: str
    rows: tuple[Row, ...]
    since: str = "now-3h"

    @property
    def uid(self) -> str:
        return f"fanlight-{self.name}"


def dashboard_text(dashboard: Dashboard) -> str:
    """The file as Grafana's provisioning reads it."""
    return json.dumps(dashboard_json(dashboard), indent=2) + "\n"


def dashboard_json(dashboard: Dashboard) -> Json:
    """The dashboard in Grafana's classic model."""
    panels = list(_placed(dashboard.rows))
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": dashboard.since, "to": "now"},
        "timezone": "browser",
        "links": [_LINKS],
        "templating": {"list": _variables(json.dumps(panels))},
        "annotations": {"list": [_ALERTS]},
        "panels": panels,
    }


def _placed(rows: tuple[Row, ...]) -> Iterator[Json]:
    """Lay panels out from left to right, and on where a line is full."""
    number, y = 1, 0
    for row in rows:
        yield row_json(row, number, y)
        number, y, x, tallest = number + 1, y + 1, 0, 0
        for shown in row.panels:
            if x + shown.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            yield panel_json(shown, number, x, y)
            number, x, tallest = number + 1, x + shown.width, max(tallest, shown.height)
        y += tallest


_LINKS: Final[Json] = {
    "type": "dashboards",
    "title": "Fanlight",
    "tags": [TAG],
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}

_ALERTS: Final[Json] = {
    "name": "Alerts",
    "enable": True,
    "iconColor": "red",
    "datasource": DATASOURCE,
    "expr": 'ALERTS{alertname=~"Fanlight.*", alertstate="firing"}',
}


class _Variable(NamedTuple):
    """A choice at the top of a dashboard, made of what series have as a label."""

    name: str
    series: str
    label: str
    regex: str = ""
    """What of the label's value is the choice."""
    all_value: str | None = ".*"
    """What "All" means; None: all that are offered."""


# A stream's name is application/stream, and the choice of the one narrows what is offered of the other.
_OFFERED: Final = (
    _Variable("instance", "fanlight_build_info", "instance"),
    _Variable("role", 'fanlight_worker_up{instance=~"$instance"}', "role"),
    _Variable("application", 'fanlight_stream_players{instance=~"$instance"}', "stream", "/^([^\\/]+)/"),
    _Variable(
        "stream",
        'fanlight_stream_players{instance=~"$instance", stream=~"($application)(/.*)?"}',
        "stream",
        all_value=None,
    ),
)


def _variables(panels: str) -> list[Json]:
    """The data source, and those variables that the panels use."""
    used = {offered.name for offered in _OFFERED if f"${offered.name}" in panels}
    if "stream" in used:
        used.add("application")
    datasource: Json = {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "hide": 0,
    }
    return [datasource, *(_variable(offered) for offered in _OFFERED if offered.name in used)]


def _variable(offered: _Variable) -> Json:
    return {
        "type": "query",
        "name": offered.name,
        "label": offered.name.capitalize(),
        "datasource": DATASOURCE,
        "query": {
            "query": f"label_values({offered.series}, {offered.label})",
            "refId": offered.name,
        },
        "regex": offered.regex,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": offered.all_value,
        "current": {"text": ["All"], "value": ["$__all"]},
        "hide": 0,
    }
