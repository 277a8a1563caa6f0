"""Rules and dashboards read only what there is: the catalogue with its labels, and what rules record."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from engine.metrics import CATALOGUE
from monitoring.queries import metric_of, recorded_quantiles
from tests.monitoring.committed import alerts, rules, targets
from tests.monitoring.promql import Series, series_in

PLACES: Final = {
    **{f"rule {rule.name} {rule.body.get('labels', '')}": rule.expr for rule in rules()},
    **{f"{target.dashboard}, {target.panel}, {target.expr}": target.expr for target in targets()},
}
TARGET_LABELS: Final = {"job", "instance"}
RECORDED: Final = {rule.name for rule in rules() if not rule.is_alert}


def complaints(series: Series) -> Iterator[str]:
    """What is wrong with a selector of a metric."""
    try:
        metric = metric_of(series.name)
    except KeyError as error:
        yield f"no such metric: {error}"
        return
    for matcher in series.matchers:
        if matcher.label in TARGET_LABELS or (matcher.label == "le" and metric.buckets):
            continue
        allowed = metric.allowed(matcher.label)
        if matcher.label not in metric.labels:
            yield f"{series.name} has no label {matcher.label}"
        elif allowed and (strange := set(matcher.choices) - set(allowed)):
            yield f"{series.name} has no {matcher.label} {strange}"


@pytest.mark.parametrize("place", PLACES)
def test_every_metric_and_label_is_in_the_catalogue(place: str) -> None:
    found = [series for series in series_in(PLACES[place]) if not series.is_recorded]
    assert [complaint for series in found for complaint in complaints(series)] == []


@pytest.mark.parametrize("place", PLACES)
def test_whatever_is_read_as_recorded_is_recorded(place: str) -> None:
    assert {series.name for series in series_in(PLACES[place]) if series.is_recorded} <= RECORDED


def test_a_stranger_would_be_found() -> None:
    (series,) = series_in('rate(fanlight_players_total{protocol="rtmp"}[5m])')
    assert list(complaints(series))
    (series,) = series_in('fanlight_players{protocol=~"rtmp|rtsp"}')
    assert list(complaints(series)) == ["fanlight_players has no protocol {'rtsp'}"]
    (series,) = series_in('fanlight_players{stream=~"$stream"}')
    assert list(complaints(series)) == ["fanlight_players has no label stream"]


def test_buckets_that_are_named_are_there() -> None:
    for expr in PLACES.values():
        for series in series_in(expr):
            bounds = [matcher.value for matcher in series.matchers if matcher.label == "le"]
            if bounds:
                assert set(map(float, bounds)) <= set(metric_of(series.name).buckets), expr


def test_every_histogram_has_its_quantiles() -> None:
    wanted = {recorded_quantiles(metric) for metric in CATALOGUE if metric.kind == "histogram"}
    assert {name for name in RECORDED if name.endswith(":quantile_5m")} == wanted
    for name in wanted:
        labels = [rule.body["labels"]["quantile"] for rule in rules() if rule.name == name]
        assert labels == ["0.5", "0.9", "0.99"]


def test_alerts_say_what_they_have_to() -> None:
    for name, rule in alerts().items():
        notes = rule.body["annotations"]
        assert set(notes) == {"summary", "description", "runbook"}, name
        assert "{{" not in notes["summary"], name
        assert "$value" in notes["description"], name
        assert rule.body["labels"]["severity"] in ("critical", "warning"), name
        labels = set(re.findall(r"\$labels\.(\w+)", notes["description"]))
        assert labels or name == "FanlightNotScraped", name
