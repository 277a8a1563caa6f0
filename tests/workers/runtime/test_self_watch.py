"""What a process says of itself: processor time that goes on, the collector's pauses, lags, its errors."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from engine.config import Log
from workers.runtime.logs import begin_as_child, configure_logs, count_lines, open_log
from workers.runtime.metrics import DIRECTORY_VARIABLE, Metrics
from workers.runtime.self_watch import SelfWatch
from workers.runtime.worker import Worker


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Metrics and logs are matters of the whole process: put back what one test sets."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv(DIRECTORY_VARIABLE, "")
    yield
    begin_as_child()
    configure_logs(Log())


def watch_in(folder: Path) -> SelfWatch:
    slot = SimpleNamespace(name="fanout0", role="fanout")
    worker = SimpleNamespace(slot=slot, metrics=Metrics("fanout0", folder))
    return SelfWatch(cast("Worker", cast("Any", worker)))


def value(folder: Path, name: str, **labels: str) -> float:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    found = registry.get_sample_value(name, labels)
    return -1.0 if found is None else found


def test_processor_time_goes_on_where_the_predecessor_was_killed(tmp_path: Path) -> None:
    labels = {"worker": "fanout0", "role": "fanout"}
    watch_in(tmp_path).flush()
    before = value(tmp_path, "fanlight_worker_cpu_seconds_total", **labels)
    watch_in(tmp_path).flush()  # the successor; this process's time again, as if it were another one
    after = value(tmp_path, "fanlight_worker_cpu_seconds_total", **labels)
    assert before > 0
    assert after >= 2 * before


def test_processor_time_counts_once(tmp_path: Path) -> None:
    watch = watch_in(tmp_path)
    for _ in range(3):
        watch.flush()
    spent = value(tmp_path, "fanlight_worker_cpu_seconds_total", worker="fanout0", role="fanout")
    assert spent <= sum(os.times()[:2]) + 0.05


def test_pauses_of_the_collector_are_heard_while_the_watch_is_on(tmp_path: Path) -> None:
    listeners = len(gc.callbacks)
    with watch_in(tmp_path) as watch:
        gc.collect()
        watch.flush()
        assert value(tmp_path, "fanlight_gc_pause_seconds_count", role="fanout") >= 1
    assert len(gc.callbacks) == listeners


def test_the_last_word_is_handed_on_at_the_end(tmp_path: Path) -> None:
    with watch_in(tmp_path) as watch:
        watch.note_lag(0.02)
        assert value(tmp_path, "fanlight_loop_lag_seconds_count", role="fanout") == 0
    assert value(tmp_path, "fanlight_loop_lag_seconds_count", role="fanout") == 1
    assert value(tmp_path, "fanlight_loop_lag_seconds_bucket", role="fanout", le="0.01") == 0
    assert value(tmp_path, "fanlight_loop_lag_seconds_bucket", role="fanout", le="0.03") == 1


def test_descriptors_have_a_limit(tmp_path: Path) -> None:
    watch_in(tmp_path)
    assert value(tmp_path, "fanlight_worker_descriptors_limit", worker="fanout0") > 0


def test_what_is_logged_as_an_error_counts_as_one_though_it_is_left_out(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    configure_logs(Log(level="error", format="json", max_lines_per_s=1))
    count_lines(Metrics("fanout0", tmp_path), "fanout")
    log = open_log("fanout0", writer)
    for slot in range(30):
        log.error("bus_packet_unusable", slot=slot)
    log.error("of a kind that nobody foresaw")
    log.warning("too_slow")
    try:
        raise ValueError
    except ValueError:
        log.exception("feed_failed")
    told = len(os.read(reader, 65536).splitlines())
    os.close(reader)
    os.close(writer)
    assert told < 32
    name = "fanlight_errors_total"
    assert value(tmp_path, name, component="fanout", type="bus_packet_unusable") == 30
    assert value(tmp_path, name, component="fanout", type="feed_failed") == 1
    assert value(tmp_path, name, component="fanout", type="other") == 1
