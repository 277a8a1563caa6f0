"""The dashboards are what Grafana takes, and can be read."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from engine.metrics import CATALOGUE
from monitoring.boards import DASHBOARDS
from monitoring.queries import BY_NAME, now, quantiles, rate, series, share
from tests.monitoring.committed import GRAFANA, Target, dashboards, targets
from tests.monitoring.promql import series_in

each_dashboard = pytest.mark.parametrize("name", dashboards())


def panels(name: str) -> list[dict[str, Any]]:
    return list(dashboards()[name]["panels"])


def lost(ours: object, theirs: object, place: str = "") -> Iterator[str]:
    """What Grafana's model does not give back as it was given."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs.get(key), f"{place}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(*pair, f"{place}/{number}")
    elif ours != theirs:
        yield f"{place}: {ours!r} became {theirs!r}"


def through_grafana(dashboard: dict[str, Any]) -> dict[str, Any]:
    """A dashboard as Grafana's own model reads it and writes it again."""
    register_default_plugins()
    read: dict[str, Any] = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    return read


@each_dashboard
def test_grafana_knows_every_field_and_takes_its_value(name: str) -> None:
    dashboard = dashboards()[name]
    assert list(lost(dashboard, through_grafana(dashboard))) == []


def test_a_field_that_grafana_does_not_know_would_be_found() -> None:
    strange = json.loads(json.dumps(dashboards()["srt"]))
    strange["panels"][1]["options"]["colourMode"] = "value"
    assert list(lost(strange, through_grafana(strange))) == [
        "/panels/1/options/colourMode: 'value' became None"
    ]


@each_dashboard
def test_panels_do_not_cover_each_other(name: str) -> None:
    for one, other in combinations((panel["gridPos"] for panel in panels(name)), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)
        assert one["x"] + one["w"] <= 24


@each_dashboard
def test_panels_have_numbers_of_their_own_and_say_what_they_show(name: str) -> None:
    numbers = [panel["id"] for panel in panels(name)]
    assert len(numbers) == len(set(numbers))
    shown = [panel for panel in panels(name) if panel["type"] != "row"]
    recorded = {
        "Engines up",
        "Alerts firing",
        "Alerts",
        "Available",
        "Objectives",
        "Kept",
        "Budget left",
        "Failures",
    }
    assert [
        panel["title"] for panel in shown if not panel["description"] and panel["title"] not in recorded
    ] == []


@each_dashboard
def test_every_variable_that_is_used_can_be_chosen(name: str) -> None:
    text = (GRAFANA / "dashboards" / f"{name}.json").read_text()
    offered = {variable["name"] for variable in dashboards()[name]["templating"]["list"]}
    used = {
        word for word in ("datasource", "instance", "role", "application", "stream") if f"${word}" in text
    }
    used |= {"datasource"}
    assert used == offered


def test_dashboards_have_identities_of_their_own() -> None:
    uids = [dashboard["uid"] for dashboard in dashboards().values()]
    assert len(set(uids)) == len(uids) == len(DASHBOARDS)


def test_every_metric_is_on_a_dashboard() -> None:
    read = {series.name for target in targets() for series in series_in(target.expr)}
    bare = {name.removeprefix("fanlight:").removesuffix(":quantile_5m") for name in read}
    bare |= {name.removeprefix("fanlight_") for name in read}
    assert {metric.name for metric in CATALOGUE if metric.name.removeprefix("fanlight_") not in bare} == set()


_SUMS = re.compile(r"sum(?: by \(([^)]*)\))? \((fanlight_\w+)\{")
ONE_ENGINES = ("ratio", "seconds", "frames per second")
"""Units of gauges whose sum over engines means nothing: 3 % and 3 % lost are not 6 %."""


def added_up(expr: str) -> Iterator[str]:
    """Gauges of such a unit that a query adds up over engines."""
    for labels, name in _SUMS.findall(expr):
        metric = BY_NAME.get(name)
        if metric and metric.kind == "gauge" and metric.unit in ONE_ENGINES and "instance" not in labels:
            yield name


@pytest.mark.parametrize("target", targets(), ids=lambda target: f"{target.dashboard}, {target.panel}")
def test_what_is_one_engines_is_not_added_up_over_engines(target: Target) -> None:
    assert list(added_up(target.expr)) == []


def test_such_a_sum_would_be_found() -> None:
    loss = "fanlight_stream_srt_loss_ratio"
    assert list(added_up(now(loss, "stream").expr)) == [loss]
    assert list(added_up(now(loss, "instance", "stream").expr)) == []


def test_shares_of_descriptors_are_of_the_same_engine() -> None:
    (expr,) = (target.expr for target in targets() if target.panel == "Share of descriptors")
    assert set(re.findall(r"by \(([^)]*)\)", expr)) == {"instance, worker"}


def test_grafana_finds_the_data_source_and_the_files() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/fanlight.yml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/fanlight.yml").read_text())["providers"]
    assert provider["options"]["path"] in (GRAFANA / "README.md").read_text()


def test_a_renamed_metric_or_label_is_an_error_and_no_empty_panel() -> None:
    with pytest.raises(KeyError):
        now("fanlight_viewers")
    with pytest.raises(KeyError, match="is a histogram"):
        rate("fanlight_join_seconds")
    with pytest.raises(ValueError, match="has no label stream"):
        series("fanlight_players", stream="live/film")
    with pytest.raises(ValueError, match="has no label stream"):
        now("fanlight_players", "instance", "stream")
    with pytest.raises(ValueError, match="has no label port"):
        quantiles("fanlight_join_seconds", "port")
    with pytest.raises(ValueError, match="has no protocol rtsp"):
        series("fanlight_players", protocol="rtmp|rtsp")


def test_a_share_is_nought_while_nothing_of_it_has_happened() -> None:
    expr = share(rate("fanlight_jumps_total"), rate("fanlight_sent_tags_total"), "").expr
    assert expr == (
        '(sum (rate(fanlight_jumps_total{instance=~"$instance"}[$__rate_interval])) or'
        ' sum (rate(fanlight_sent_tags_total{instance=~"$instance"}[$__rate_interval])) * 0) /'
        ' (sum (rate(fanlight_sent_tags_total{instance=~"$instance"}[$__rate_interval])) > 0)'
    )
