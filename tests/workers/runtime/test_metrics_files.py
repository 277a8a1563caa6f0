"""Metrics files: by slot, so that counters outlive a worker and gauges die with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from engine.metrics import WORKER_METRICS, Metric
from workers.runtime.metrics import DIRECTORY_VARIABLE, Children, Metrics, forget_gauges

MODULES = "workers.supervisor.main, workers.runtime.boot, workers.supervisor.supervisor"


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics are a matter of the whole process: put back what one test sets."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv(DIRECTORY_VARIABLE, "")


def scraped(directory: Path, name: str) -> dict[str, float]:
    """Samples of one metric as a scrape would show them, by the values of their labels."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(directory))  # type: ignore[no-untyped-call]
    samples = (sample for family in registry.collect() for sample in family.samples)
    return {",".join(sample.labels.values()): sample.value for sample in samples if sample.name == name}


def live_once(directory: Path, slot: str) -> None:
    """What a worker does with its metrics in a short life."""
    metrics = Metrics(slot, directory)
    metrics.bind("fanlight_players_started_total", protocol="rtmp").inc(3)
    metrics.bind("fanlight_players", protocol="rtmp").inc(2)
    metrics.bind("fanlight_join_seconds", protocol="rtmp").observe(0.01)


def test_counters_go_on_over_deaths_and_files_stay_as_many(tmp_path: Path) -> None:
    live_once(tmp_path, "fanout0")
    files = sorted(path.name for path in tmp_path.iterdir())
    for _ in range(9):
        live_once(tmp_path, "fanout0")
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    assert scraped(tmp_path, "fanlight_players_started_total") == {"rtmp": 30}
    assert scraped(tmp_path, "fanlight_join_seconds_count") == {"rtmp": 10}


def test_gauges_of_a_dead_worker_are_gone_and_the_others_stay(tmp_path: Path) -> None:
    live_once(tmp_path, "fanout0")
    live_once(tmp_path, "fanout1")
    assert scraped(tmp_path, "fanlight_players") == {"rtmp": 4}
    forget_gauges(tmp_path, "fanout0")
    assert scraped(tmp_path, "fanlight_players") == {"rtmp": 2}
    live_once(tmp_path, "fanout0")
    assert scraped(tmp_path, "fanlight_players") == {"rtmp": 4}


def without_labels(kind: str) -> list[Metric]:
    return [metric for metric in WORKER_METRICS if metric.kind == kind and not metric.labels]


def test_a_gauge_is_there_once_its_process_tells_it_and_not_as_a_zero_before(tmp_path: Path) -> None:
    metrics = {slot: Metrics(slot, tmp_path) for slot in ("ingest0", "fanout0")}
    gauges = without_labels("gauge")
    assert {metric.name: scraped(tmp_path, metric.name) for metric in gauges} == {
        metric.name: {} for metric in gauges
    }
    for metric in gauges:
        metrics["fanout0"].bind(metric.name).set(7)
    assert {metric.name: scraped(tmp_path, metric.name) for metric in gauges} == {
        metric.name: {"": 7} for metric in gauges
    }


def test_counters_and_histograms_without_labels_are_there_from_the_start(tmp_path: Path) -> None:
    Metrics("fanout0", tmp_path)
    names = [metric.name for metric in without_labels("counter")]
    names += [f"{metric.name}_count" for metric in without_labels("histogram")]
    assert {name: scraped(tmp_path, name) for name in names} == {name: {"": 0} for name in names}


def test_forgetting_a_slot_spares_slots_with_longer_names(tmp_path: Path) -> None:
    live_once(tmp_path, "fanout1")
    live_once(tmp_path, "fanout11")
    forget_gauges(tmp_path, "fanout1")
    assert scraped(tmp_path, "fanlight_players") == {"rtmp": 2}


def test_bound_child_is_the_same_object_each_time(tmp_path: Path) -> None:
    metrics = Metrics("fanout0", tmp_path)
    bound = metrics.bind("fanlight_players", protocol="rtmp")
    assert metrics.bind("fanlight_players", protocol="rtmp") is bound


def test_label_that_nobody_foresaw_counts_as_other(tmp_path: Path) -> None:
    metrics = Metrics("fanout0", tmp_path)
    for stranger in ("gopher", "../../etc/passwd"):
        metrics.bind("fanlight_players_started_total", protocol=stranger).inc()
    assert scraped(tmp_path, "fanlight_players_started_total") == {"other": 2}


def test_ten_thousand_strangers_words_are_one_series_and_the_files_stay(tmp_path: Path) -> None:
    metrics = Metrics("fanout0", tmp_path)
    metrics.bind("fanlight_players_started_total", protocol="other").inc()
    before = sorted((path.name, path.stat().st_size) for path in tmp_path.iterdir())
    for stranger in range(10_000):
        metrics.bind("fanlight_players_started_total", protocol=f"live/{stranger}").inc()
    assert sorted((path.name, path.stat().st_size) for path in tmp_path.iterdir()) == before
    assert scraped(tmp_path, "fanlight_players_started_total") == {"other": 10_001}


def test_failures_of_ours_are_there_before_the_first_and_go_on_after_a_death(tmp_path: Path) -> None:
    for _ in range(2):
        metrics = Metrics("ingest0", tmp_path)
        metrics.begin("fanlight_ring_failures_total", "fanlight_publishes_ended_total")
        metrics.bind("fanlight_ring_failures_total", reason="lost_ring").inc()
    failures = {"tag_too_large": 0, "no_memory": 0, "lost_ring": 2}
    assert scraped(tmp_path, "fanlight_ring_failures_total") == failures
    ends = {f"{protocol},{reason}" for protocol in ("rtmp", "srt") for reason in ("error", "worker_death")}
    assert scraped(tmp_path, "fanlight_publishes_ended_total") == dict.fromkeys(ends, 0)


def test_what_gathers_is_what_would_have_been_observed(tmp_path: Path) -> None:
    metrics = Metrics("fanout0", tmp_path)
    gathering = metrics.gather("fanlight_join_seconds", protocol="rtmp")
    for seconds in (0.001, 0.004, 0.03, 99.0):
        gathering.add(seconds)
        metrics.bind("fanlight_join_seconds", protocol="ws-flv").observe(seconds)
    assert scraped(tmp_path, "fanlight_join_seconds_count") == {"rtmp": 0, "ws-flv": 4}
    metrics.flush()
    metrics.flush()
    for name in ("fanlight_join_seconds_count", "fanlight_join_seconds_sum"):
        found = scraped(tmp_path, name)
        assert found["rtmp"] == found["ws-flv"]
    buckets = scraped(tmp_path, "fanlight_join_seconds_bucket")
    of = {key.partition(",")[::2]: count for key, count in buckets.items()}
    bounds = {bound for pair in of for bound in pair} - {"rtmp", "ws-flv"}
    assert len(bounds) == 13
    for bound in bounds:
        assert of.get(("rtmp", bound), of.get((bound, "rtmp"))) == of.get(
            ("ws-flv", bound), of.get((bound, "ws-flv"))
        )


def test_gathering_is_the_same_object_for_the_same_labels(tmp_path: Path) -> None:
    metrics = Metrics("fanout0", tmp_path)
    gathering = metrics.gather("fanlight_join_seconds", protocol="gopher")
    assert metrics.gather("fanlight_join_seconds", protocol="mole") is gathering


def test_metric_outside_the_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        Metrics("fanout0", tmp_path).bind("fanlight_typo_total")


def test_slot_name_that_the_collector_would_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="underscores"):
        Metrics("fan_out0", tmp_path)


def test_what_the_supervisor_imports_warns_of_nothing() -> None:
    environ = {name: value for name, value in os.environ.items() if name != DIRECTORY_VARIABLE}
    subprocess.run([sys.executable, "-W", "error", "-c", f"import {MODULES}"], check=True, env=environ)


def test_a_child_is_bound_once_for_each_set_of_values() -> None:
    asked: list[dict[str, str]] = []

    def bind(name: str, **labels: str) -> list[float]:
        assert name == "fanlight_http_request_seconds"
        asked.append(labels)
        return []

    took_s = Children(bind, "fanlight_http_request_seconds", "method", "route")
    for method in ("GET", "HEAD", "GET"):
        took_s.of(method, "/").append(0.1)
    assert asked == [{"method": "GET", "route": "/"}, {"method": "HEAD", "route": "/"}]
    assert (took_s.of("GET", "/"), took_s.of("HEAD", "/")) == ([0.1, 0.1], [0.1])
