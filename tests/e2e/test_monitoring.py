"""A live engine, Debian's Prometheus, and every query of rules and dashboards: none is wrong, none empty."""

import math
import re
import time
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.metrics import CATALOGUE
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.hook_service import hook_service, hooked
from tests.e2e.media import Media
from tests.e2e.prometheus import Server, prometheus
from tests.e2e.small_load import SRT, SmallLoad, small_load
from tests.e2e.srt_tools import Films
from tests.e2e.tls import tls_section
from tests.monitoring.committed import rules, targets
from tests.monitoring.promql import series_in

# Longer than its own patience with what has to start, and with the queries.
pytestmark = [pytest.mark.slow, pytest.mark.hard_timeout(300)]

PATIENCE_S: Final = 60.0  # a loaded machine; else it takes a third of this
GRAFANA: Final = {
    "$__rate_interval": "6s",
    "$__range": "60s",
    "$instance": ".*",
    "$role": ".*",
    "$stream": ".*",
}
"""What Grafana puts in the place of variables."""

SETTINGS: Final[Settings] = {
    # More than anybody's film has, so that there is somebody who sends more than he may.
    f'paths."{SRT}".limits': {"max_bitrate_bps": 100_000, "over_limit": "warn"},
}

UNEVENTFUL: Final = {
    "fanlight_control_refusals_total",
    "fanlight_hls_failures_total",
    "fanlight_hls_gaps_total",
    "fanlight_hls_refused_holds_total",
    "fanlight_http2_floods_total",
    "fanlight_jumps_total",
    "fanlight_log_lines_left_out_total",
    "fanlight_reconnects_total",
    "fanlight_trace_spans_dropped_total",
}
"""Counters of what does not happen here: a series with labels is there from its first event on."""

NOT_EVERYWHERE: Final = {
    "fanlight_cgroup_cpu_ratio",
    "fanlight_cgroup_memory_ratio",
    "fanlight_host_disk_bytes_total",  # whose disks have no device behind them
    "fanlight_host_pressure_ratio",
    "fanlight_host_pressure_seconds_total",
}
"""What not every machine tells."""

Place = tuple[str, str]


def as_grafana_asks(expr: str) -> str:
    for variable, value in GRAFANA.items():
        expr = expr.replace(variable, value)
    return expr


def has_figures(answer: list[dict[str, Any]]) -> bool:
    """Whether there is a figure among the series, and not only what is none (NaN)."""
    return any(not math.isnan(float(series["value"][1])) for series in answer)


def empty_places(server: Server) -> set[Place]:
    """Panels none of whose queries has an answer, and rules that have recorded nothing.

    Each query is asked, and none may be refused.
    """
    full: dict[Place, bool] = {}
    for target in targets():
        place = (target.dashboard, target.panel)
        answer = has_figures(server.query(as_grafana_asks(target.expr)))
        full[place] = full.get(place, False) or answer or is_not_told_here(server, target.expr)
    for rule in rules():
        if not rule.is_alert:
            full["recorded", rule.name] = bool(server.query(rule.name))
    return {place for place, is_full in full.items() if not is_full}


def is_not_told_here(server: Server, expr: str) -> bool:
    """Whether the query reads nothing but what this machine does not tell."""
    names = {series.name for series in series_in(expr)}
    return bool(names) and names <= NOT_EVERYWHERE and not any(server.query(name) for name in names)


def check_rules(server: Server) -> None:
    """Every rule was evaluated, and none failed."""
    groups = server.get("/api/v1/rules")["data"]["groups"]
    seen = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in seen} == {rule.name for rule in rules()}
    assert {rule["name"]: rule["lastError"] for rule in seen if rule.get("lastError")} == {}
    assert {rule["name"]: rule["health"] for rule in seen if rule["health"] != "ok"} == {}


def exported(engine: RunningEngine) -> set[str]:
    """Names of series that the engine has right now."""
    families = text_string_to_metric_families(engine.metrics())
    return {sample.name for family in families for sample in family.samples}


def check_names(engine: RunningEngine) -> None:
    names = exported(engine)
    suffixes = ("", "_bucket", "_count", "_sum")
    catalogued = {metric.name + suffix for metric in CATALOGUE for suffix in suffixes}
    assert {name for name in names if not name.endswith("_created")} <= catalogued
    exprs = [target.expr for target in targets()] + [rule.expr for rule in rules()]
    read = {series.name for expr in exprs for series in series_in(expr) if not series.is_recorded}
    assert read - names <= UNEVENTFUL | NOT_EVERYWHERE


def check_faults(engine: RunningEngine) -> None:
    """Failures of ours are there at 0, or whatever it is by now, before they have happened."""
    families = list(text_string_to_metric_families(engine.metrics()))
    told = {
        (sample.name, frozenset(sample.labels.items())) for family in families for sample in family.samples
    }
    wanted = {
        (metric.name, frozenset(labels.items()))
        for metric in CATALOGUE
        if metric.faults
        for labels in metric.from_nought()
    }
    assert wanted - told == set()


def wait_until_all_is_full(server: Server, load: SmallLoad) -> None:
    deadline = time.monotonic() + PATIENCE_S
    empty = empty_places(server)
    while empty:
        assert time.monotonic() < deadline, "\n".join(map(str, sorted(empty)))
        load.go_on()
        empty &= empty_places(server)  # what happens now and then need not all have happened just now


def test_every_query_has_an_answer(
    start_engine: StartEngine, ffmpeg: Path, media: Media, films: Films, tmp_path: Path
) -> None:
    with hook_service() as service:
        settings = hooked(service, str(tmp_path / "spool"))
        engine = start_engine({**settings, **SETTINGS, "tls": tls_section(tmp_path)})
        with (
            prometheus(tmp_path / "prometheus", engine.addresses["metrics"]) as server,
            small_load(engine, ffmpeg, media, films, service, tmp_path / "load") as load,
        ):
            wait_until_all_is_full(server, load)
            check_rules(server)
            check_names(engine)
            check_faults(engine)


def test_no_variable_of_grafana_is_left() -> None:
    asked = [as_grafana_asks(target.expr) for target in targets()]
    assert [expr for expr in asked if re.search(r"\$[a-z_]", expr)] == []
