"""Fifty kills of workers leave no descriptor, no memory and no file behind."""

import os
import signal
from pathlib import Path

import pytest

from tests.workers.supervisor.engines import Engine, descriptors_of

pytestmark = pytest.mark.slow

KILLS = 50


def shared_memory_files(directory: Path) -> set[str]:
    return {path.name for path in directory.glob("fanlight-metrics-*/*")}


def test_fifty_kills_leave_nothing_behind(tmp_path: Path) -> None:
    with Engine(tmp_path, restart_intensity=100) as engine:
        engine.until("ready")
        slots = sorted(engine.pids())
        for slot in slots:  # one of each first: what is opened lazily is open then
            kill_and_wait(engine, slot)
        supervisor = descriptors_of(engine.process.pid)
        workers = [descriptors_of(engine.pids()[slot]) for slot in slots]
        files = shared_memory_files(tmp_path)
        for count in range(KILLS):
            kill_and_wait(engine, slots[count % len(slots)])
        assert descriptors_of(engine.process.pid) == supervisor
        assert [descriptors_of(engine.pids()[slot]) for slot in slots] == workers
        assert shared_memory_files(tmp_path) == files
        assert children_of(engine.process.pid) == set(engine.pids().values())
        assert engine.stop() == 0


def children_of(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def kill_and_wait(engine: Engine, slot: str) -> None:
    mark = len(engine.events)
    os.kill(engine.pids()[slot], signal.SIGKILL)
    engine.until("worker_ready", since=mark, slot=slot)
