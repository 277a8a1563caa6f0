"""The rules and dashboards as they are committed, for every test that looks at them."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from tests.house.source import ROOT

PROMETHEUS: Final = ROOT / "configs" / "prometheus"
ALERTMANAGER: Final = ROOT / "configs" / "alertmanager"
GRAFANA: Final = ROOT / "configs" / "grafana"
RULE_FILES: Final = sorted((PROMETHEUS / "rules").glob("*.yml"))
DASHBOARD_FILES: Final = sorted((GRAFANA / "dashboards").glob("*.json"))

Json = dict[str, Any]


class Rule(NamedTuple):
    """One rule: its group's file, its name as an alert or as what it records, and all that it says."""

    file: Path
    name: str
    body: Json

    @property
    def is_alert(self) -> bool:
        return "alert" in self.body

    @property
    def expr(self) -> str:
        return str(self.body["expr"])


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of every file."""
    return tuple(
        Rule(file, str(body.get("alert") or body["record"]), body)
        for file in RULE_FILES
        for group in yaml.safe_load(file.read_text())["groups"]
        for body in group["rules"]
    )


def alerts() -> dict[str, Rule]:
    """Every alert by its name."""
    found = {rule.name: rule for rule in rules() if rule.is_alert}
    assert len(found) == sum(rule.is_alert for rule in rules()), "two alerts have one name"
    return found


@cache
def dashboards() -> dict[str, Json]:
    """Every dashboard by its file's name."""
    return {file.stem: json.loads(file.read_text()) for file in DASHBOARD_FILES}


class Target(NamedTuple):
    """One query of a panel."""

    dashboard: str
    panel: str
    expr: str


def targets() -> list[Target]:
    """Every query of every panel."""
    return [
        Target(name, panel["title"], target["expr"])
        for name, dashboard in dashboards().items()
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]
