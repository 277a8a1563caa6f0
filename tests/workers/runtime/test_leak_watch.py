"""The leak detector in a worker: it counts what is really there, and tells once."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from engine.policy.leaks import BASELINE_S, FLOOR, Holdings
from tests.workers.control.house import CountingMetrics, Lines
from workers.runtime import vitals
from workers.runtime.leak_watch import LeakWatch
from workers.runtime.vitals import (
    Vitals,
    cgroup_memory_use,
    machine_memory_use,
    open_descriptors,
    own_cgroup,
    private_bytes,
)
from workers.runtime.worker import Worker


@pytest.fixture
def metrics() -> CountingMetrics:
    return CountingMetrics()


@pytest.fixture
def lines() -> Lines:
    return Lines()


def watch_of(
    metrics: CountingMetrics, lines: Lines, holdings: Callable[[], Holdings] = Holdings
) -> LeakWatch:
    worker = SimpleNamespace(
        slot=SimpleNamespace(name="fanout0"),
        metrics=metrics,
        log=lines.logger(),
        holdings=holdings,
    )
    return LeakWatch(cast("Worker", cast("Any", worker)))


async def look_for(watch: LeakWatch, seconds: float) -> None:
    for _ in range(int(seconds / 4)):
        watch.look()
        await trio.sleep(4)


async def test_tasks_that_stay_are_suspected_and_told_once(
    metrics: CountingMetrics, lines: Lines, autojump_clock: MockClock
) -> None:
    watch = watch_of(metrics, lines)
    await look_for(watch, BASELINE_S + 8)
    assert lines.lines == []
    async with trio.open_nursery() as nursery:
        for _ in range(3 * FLOOR.tasks + 10):
            nursery.start_soon(trio.sleep_forever)
        await look_for(watch, 60)
        nursery.cancel_scope.cancel()
    await look_for(watch, 60)
    assert [line["event"] for line in lines.lines] == ["leak_suspected", "leak_suspicion_over"]
    assert lines.lines[0]["of"] == ["tasks"]
    flags = metrics.bind("fanlight_leak_suspected", worker="fanout0", reason="tasks").values
    assert (flags[0], max(flags), flags[-1]) == (0, 1, 0)
    tasks = metrics.bind("fanlight_worker_tasks", worker="fanout0").values
    most = metrics.bind("fanlight_worker_tasks_max", worker="fanout0").values
    assert most[-1] == max(tasks) > tasks[-1]


async def test_tasks_that_work_explains_are_not_suspected_and_the_line_has_what_there_was(
    metrics: CountingMetrics, lines: Lines, autojump_clock: MockClock
) -> None:
    work = [Holdings()]
    watch = watch_of(metrics, lines, lambda: work[0])
    await look_for(watch, BASELINE_S + 8)
    async with trio.open_nursery() as nursery:
        for _ in range(3 * FLOOR.tasks + 10):
            nursery.start_soon(trio.sleep_forever)
        work[0] = Holdings(packages=3 * FLOOR.tasks + 10)
        await look_for(watch, 60)
        assert lines.lines == []
        work[0] = Holdings(packages=2, files=3)
        await look_for(watch, 60)
        nursery.cancel_scope.cancel()
    (line,) = lines.lines
    assert (line["event"], line["packages"], line["files"], line["clients"]) == ("leak_suspected", 2, 3, 0)


def test_an_open_descriptor_counts() -> None:
    before = open_descriptors()
    opened = [os.dup(0) for _ in range(10)]
    try:
        assert open_descriptors() == before + 10
    finally:
        for descriptor in opened:
            os.close(descriptor)


def test_memory_is_that_of_this_process_alone() -> None:
    before = private_bytes()
    held = bytearray(64 * 1024 * 1024)
    held[::4096] = b"x" * len(held[::4096])
    assert private_bytes() - before > 50 * 1024 * 1024


def test_a_load_is_what_came_since_the_last_one() -> None:
    own = Vitals()
    for late_s in (0.1, 0.5, 0.2):
        own.note_lag(late_s)
    load = own.take_load(max_loop_lag_s=1.0, max_cpu=1.0)
    assert load.loop_lag == 0.5
    assert 0 < load.memory < 1.5
    assert 0 < load.descriptors < 1
    assert own.take_load(1.0, 1.0).loop_lag == 0
    assert 0 < machine_memory_use() < 1


def test_a_control_groups_bound_counts_without_what_would_be_given_up(tmp_path: Path) -> None:
    group = tmp_path
    (group / "memory.max").write_text("1000\n")
    (group / "memory.current").write_text("900\n")
    (group / "memory.stat").write_text("anon 700\ninactive_file 150\n")
    assert cgroup_memory_use(group) == 0.75
    (group / "memory.max").write_text("max\n")
    assert cgroup_memory_use(group) == 0.0
    assert cgroup_memory_use(None) == 0.0


def test_bounds_are_found_by_the_path_or_by_what_is_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vitals, "_CGROUPS", tmp_path)
    monkeypatch.setattr(vitals, "_OWN_CGROUP", tmp_path / "own")
    (tmp_path / "own").write_text("1:cpu:/elsewhere\n0::/pod/engine\n")
    assert own_cgroup("memory.max") is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert own_cgroup("memory.max") == tmp_path
    assert own_cgroup("cpu.max") is None
    engine = tmp_path / "pod" / "engine"
    engine.mkdir(parents=True)
    (engine / "cpu.max").write_text("200000 100000\n")
    assert own_cgroup("cpu.max") == engine
