"""Kills of workers that had been serving are no crash loop, however many they are."""

import os
import signal
import time
from pathlib import Path
from typing import Final

import pytest

from engine.policy.restart import EARLY_DEATH_S
from tests.workers.supervisor.engines import Engine

ROUNDS: Final = 40 if "NIGHTLY" in os.environ else 2

pytestmark = [pytest.mark.slow, pytest.mark.hard_timeout(180 + ROUNDS * 30)]


def test_workers_killed_after_a_while_of_service_are_replaced_at_once_for_ever(tmp_path: Path) -> None:
    # One early death would be forgiven; every round kills everybody, within one window of 60 s.
    with Engine(tmp_path, restart_intensity=1) as engine:
        engine.until("ready")
        for _ in range(ROUNDS):
            time.sleep(
                EARLY_DEATH_S + 0.5
            )  # another process's clock: nothing tells us that it has served so long
            mark = len(engine.events)
            pids = engine.pids()
            for pid in pids.values():
                os.kill(pid, signal.SIGKILL)
            for slot in pids:
                engine.until("worker_ready", since=mark, slot=slot)
        died = engine.named("worker_died")
        assert len(died) == ROUNDS * len(pids)
        assert {each["restart_in_s"] for each in died} == {0}
        assert engine.stop() == 0
