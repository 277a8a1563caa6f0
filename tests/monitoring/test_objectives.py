"""What is recorded of availability, failures and objectives, over times with some of them: by promtool."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from engine.metrics import CATALOGUE
from tests.monitoring.committed import PROMETHEUS, Json, rules
from tests.monitoring.promql import series_in
from tests.monitoring.timelines import SCRAPE_S
from tests.monitoring.tools import content
from workers.fanout.report import FROM_NOUGHT as FROM_FANOUT
from workers.ingest.report import FROM_NOUGHT as FROM_INGEST

RULES: Final = PROMETHEUS / "rules" / "slo.yml"
GROUPS: Final[list[Json]] = yaml.safe_load(RULES.read_text())["groups"]
TARGET: Final = 'job="fanlight", instance="one:9972"'
ANSWERS: Final = f"up{{{TARGET}}}"
INGEST: Final = f'fanlight_worker_up{{worker="ingest0", role="ingest", {TARGET}}}'
FANOUT: Final = f'fanlight_worker_up{{worker="fanout0", role="fanout", {TARGET}}}'
PROMETHEUS_IS_THERE: Final = 'fanlight:slo_budget{slo="availability"}'

AVAILABLE: Final = "fanlight:available"
FAILURES: Final = "fanlight:failures:count_30d"
BETWEEN: Final = "fanlight:time_between_failures_seconds:mean_30d"
RECOVERY: Final = "fanlight:recovery_seconds:mean_30d"
WINDOWS_S: Final = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600, "1d": 86400, "3d": 259200}

Series = dict[str, str]
Samples = list[dict[str, object]]


def sample(expr: str, value: float, scrape: int, *, name: str = "") -> dict[str, object]:
    """The one series that an expression has at a scrape; `name` is its own, where it has one."""
    expected = {"labels": f"{name}{{{TARGET}}}", "value": value}
    return {"expr": expr, "eval_time": f"{scrape * SCRAPE_S}s", "exp_samples": [expected]}


def recorded(name: str, value: float, scrape: int) -> dict[str, object]:
    return sample(name, value, scrape, name=name)


def check(folder: Path, series: Series, expected: Samples, groups: list[Json]) -> None:
    """These rules make this of these series."""
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    test = {
        "interval": f"{SCRAPE_S}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": expected,
    }
    document: dict[str, Any] = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{SCRAPE_S}s",
        "group_eval_order": [group["name"] for group in groups],
        "tests": [test],
    }
    path = folder / "objectives.yml"
    path.write_text(yaml.safe_dump(document))
    assert "SUCCESS" in content("promtool", "test", "rules", path)


def all_the_same(values: str) -> Series:
    """An engine that comes and goes with its workers."""
    return dict.fromkeys((ANSWERS, INGEST, FANOUT), values)


def test_failures_are_counted_and_the_time_between_them_and_to_recover(tmp_path: Path) -> None:
    """Of 39 scrapes ten are without a fanout worker, and five without an answer at all: 24 are good."""
    series = {
        ANSWERS: "1x29 0x4 1x3",
        INGEST: "1x29 stale _x4 1x3",
        FANOUT: "1x9 0x9 1x9 stale _x4 1x3",
    }
    expected = [
        recorded(AVAILABLE, 0, 33),
        recorded(AVAILABLE, 1, 38),
        recorded(FAILURES, 2, 38),
        recorded(BETWEEN, 24 * SCRAPE_S / 2, 38),
        recorded(RECOVERY, 15 * SCRAPE_S / 2, 38),
    ]
    check(tmp_path, series, expected, GROUPS)


def test_the_means_of_two_hours_are_those_of_two_hours(tmp_path: Path) -> None:
    series = all_the_same("1x480") | {FANOUT: "1x100 0x1 1x100 0x1 1x100 0x1 1x171"}
    expected = [
        recorded(FAILURES, 3, 480),
        recorded(BETWEEN, (481 - 6) * SCRAPE_S / 3, 480),
        recorded(RECOVERY, 30, 480),
    ]
    check(tmp_path, series, expected, GROUPS)


def test_without_a_failure_the_time_between_them_is_all_that_was_seen(tmp_path: Path) -> None:
    check(tmp_path, all_the_same("1x40"), [recorded(BETWEEN, 41 * SCRAPE_S, 40)], GROUPS)


def test_a_target_that_is_gone_for_half_an_hour_was_not_available_meanwhile(tmp_path: Path) -> None:
    """A pod that is deleted is no target any more, and comes back under the same name: 120 of 481 scrapes."""
    ratio = 'fanlight:slo_errors:ratio_30d{slo="availability"}'
    unavailable = sample(f"round({ratio} * 481)", 120, 480) | {
        "exp_samples": [{"labels": f'{{slo="availability", {TARGET}}}', "value": 120}]
    }
    expected = [
        recorded(AVAILABLE, 0, 250),
        recorded(AVAILABLE, 1, 480),
        recorded(FAILURES, 1, 480),
        recorded(RECOVERY, 1800, 480),
        unavailable,
    ]
    check(tmp_path, all_the_same("1x239 stale _x119 1x120"), expected, GROUPS)


def test_a_target_that_stays_away_counts_for_a_day(tmp_path: Path) -> None:
    """After that it was taken away for good."""
    needed = [group for group in GROUPS if group["name"] in ("availability", "budgets")]
    gone: dict[str, object] = {"expr": AVAILABLE, "eval_time": f"{25 * 3600}s", "exp_samples": []}
    expected = [recorded(AVAILABLE, 0, 5700), gone]
    check(tmp_path, all_the_same("1x39 stale"), expected, needed)


def test_that_prometheus_itself_was_away_is_no_failure(tmp_path: Path) -> None:
    """Its rules run before it has scraped anybody: the first scrape here is three of their rounds later."""
    away = "1x39 _x60 1x20"
    series = all_the_same("1x39 _x63 1x17") | {PROMETHEUS_IS_THERE: away}
    (rule,) = (rule.body for rule in rules() if rule.name == AVAILABLE)
    expected = [sample(f"resets({AVAILABLE}[1h])", 0, 119), recorded(AVAILABLE, 1, 119)]
    check(tmp_path, series, expected, [{"name": "availability", "rules": [rule]}])


def test_seconds_are_those_of_the_rounds_in_which_samples_are_recorded() -> None:
    of_samples = [group for group in GROUPS if group["name"] in ("availability", "what was bad")]
    assert [group["interval"] for group in of_samples] == ["15s", "15s"]
    factors = {
        (rule.name, factor)
        for rule in rules()
        for factor in re.findall(r"(\d+) \* (?:sum_over_time|\(count_over_time)", rule.expr)
    }
    assert {factor for _, factor in factors} == {"15"}
    assert {name for name, _ in factors} == {BETWEEN, RECOVERY, *map(burning, WINDOWS_S)}


def burning(window: str) -> str:
    return f"fanlight:slo_errors:ratio_{window}"


@pytest.mark.parametrize("window", WINDOWS_S)
def test_shares_are_of_the_whole_window(window: str) -> None:
    (rule,) = (rule for rule in rules() if rule.name == burning(window))
    assert set(re.findall(r"\[(\w+)\]", rule.expr)) == {window}
    assert f"]) / {WINDOWS_S[window]} /" in rule.expr


def test_every_failure_that_objectives_count_stands_at_nought_before_it_happens() -> None:
    """Or else the first one is not seen: a series does not grow by being there."""
    by_name = {metric.name: metric for metric in CATALOGUE}
    bad = (rule.expr for rule in rules() if rule.name == "fanlight:slo_bad")
    counters = [series for expr in bad for series in series_in(expr) if series.name in by_name]
    told = {
        series.name: {choice for matcher in series.matchers for choice in matcher.choices}
        or set(by_name[series.name].reasons)
        for series in counters
        if "reason" in by_name[series.name].labels
    }
    assert told == {metric.name: set(metric.faults) for metric in CATALOGUE if metric.faults}
    assert set(told) <= {*FROM_FANOUT, *FROM_INGEST}
