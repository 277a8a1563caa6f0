"""The catalogue keeps Prometheus' rules, and its label sets stay small."""

import re
from itertools import pairwise
from math import prod

import pytest

from engine.metrics import CATALOGUE, COLLECTOR_METRICS, GROUPS, LABELS, WORKER_METRICS, Metric, markdown

UNITS = ("_seconds", "_bytes", "_ratio", "_per_second")
BOUNDED_BY_US = {"worker", "route", "status", "version", "stream", "path", "reason", "result", *LABELS}
ONE_IN_A_PROCESS = {"component"}

every_metric = pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)


def test_names_are_unique() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


@every_metric
def test_names_follow_prometheus(metric: Metric) -> None:
    assert re.fullmatch(r"fanlight(_[a-z]+[0-9]?)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.kind != "histogram" or metric.name.endswith(UNITS)


@every_metric
def test_help_is_a_sentence(metric: Metric) -> None:
    assert metric.help[0].isupper() or metric.help[0].isdigit()
    assert metric.help.endswith(".")
    assert "\n" not in metric.help


@every_metric
def test_labels_are_known_and_bounded(metric: Metric) -> None:
    own = dict(metric.own)
    assert set(metric.labels) <= BOUNDED_BY_US | own.keys()
    assert own.keys() <= set(metric.labels)
    assert all(own.values())
    assert bool({"reason", "result"} & set(metric.labels)) == bool(metric.reasons)
    assert "stream" not in metric.labels or metric.scope == "collector"


@every_metric
def test_buckets_rise_and_only_histograms_have_them(metric: Metric) -> None:
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert all(low < high for low, high in pairwise(metric.buckets))


def test_a_process_cannot_have_more_series_than_a_scrape_bears() -> None:
    # A scrape of 8 processes with 1,000 series each was measured at 13 ms, with 10,000 at 137 ms: 2,500 are a
    # third of what a scrape may take. What our own routes and workers bound is counted as one here.
    series = sum(
        prod(len(metric.allowed(label)) + 1 for label in metric.labels if label not in ONE_IN_A_PROCESS)
        * (len(metric.buckets) + 3 if metric.buckets else 1)
        for metric in WORKER_METRICS
    )
    assert series < 2_500


def test_what_was_not_foreseen_is_folded() -> None:
    ended = next(metric for metric in CATALOGUE if metric.name == "fanlight_players_ended_total")
    assert ended.fold("reason", "too_slow") == "too_slow"
    assert ended.fold("reason", "a text from a stranger") == "other"
    assert ended.fold("protocol", "gopher") == "other"


def test_roles_of_clients_are_not_those_of_workers() -> None:
    sessions = next(metric for metric in CATALOGUE if metric.name == "fanlight_session_seconds")
    restarts = next(metric for metric in CATALOGUE if metric.name == "fanlight_worker_restarts_total")
    assert (sessions.fold("role", "player"), sessions.fold("role", "ingest")) == ("player", "other")
    assert (restarts.fold("role", "player"), restarts.fold("role", "ingest")) == ("other", "ingest")


def test_a_label_may_mean_something_of_its_own() -> None:
    pressure = next(metric for metric in CATALOGUE if metric.name == "fanlight_host_pressure_ratio")
    requests = next(metric for metric in CATALOGUE if metric.name == "fanlight_hls_requests_total")
    assert (pressure.fold("resource", "io"), pressure.fold("resource", "part")) == ("io", "other")
    assert (requests.fold("resource", "io"), requests.fold("resource", "part")) == ("other", "part")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("fanlight_srt_bandwidth_bits_per_second", "bits per second"),
        ("fanlight_stream_frames_per_second", "frames per second"),
        ("fanlight_worker_cpu_seconds_total", "seconds"),
        ("fanlight_sent_bytes_total", "bytes"),
        ("fanlight_host_disk_ratio", "ratio"),
        ("fanlight_players", ""),
    ],
)
def test_a_name_tells_the_unit(name: str, unit: str) -> None:
    assert next(metric for metric in CATALOGUE if metric.name == name).unit == unit


def test_labels_that_we_bound_otherwise_are_left_alone() -> None:
    requests = next(metric for metric in CATALOGUE if metric.name == "fanlight_http_requests_total")
    assert requests.fold("status", "404") == "404"


@every_metric
def test_failures_of_ours_are_among_the_reasons(metric: Metric) -> None:
    assert set(metric.faults) <= set(metric.reasons)


def test_what_stands_at_nought_is_each_failure_of_ours_over_each_protocol() -> None:
    ended = next(metric for metric in CATALOGUE if metric.name == "fanlight_publishes_ended_total")
    assert list(ended.from_nought()) == [
        {"protocol": protocol, "reason": reason}
        for protocol in ("rtmp", "srt")
        for reason in ("worker_death", "error")
    ]
    requests = next(metric for metric in CATALOGUE if metric.name == "fanlight_http_requests_total")
    assert list(requests.from_nought()) == []


def test_scopes_divide_the_catalogue() -> None:
    assert {*WORKER_METRICS, *COLLECTOR_METRICS} == set(CATALOGUE)
    assert not {*WORKER_METRICS} & {*COLLECTOR_METRICS}


def test_the_page_names_every_metric() -> None:
    page = markdown(GROUPS)
    assert all(f"`{metric.name}`" in page for metric in CATALOGUE)
