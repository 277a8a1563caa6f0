"""One engine for all hostile stories, with short deadlines, looked at when they are over: nobody may have got
anything out of it.
"""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.hostile.vitals import MIB

KEY: Final = "correct-horse-battery-staple"
NEXT_KEY: Final = "another-horse-another-staple"
DEADLINE_S: Final = 1.0

SETTINGS: Final[Settings] = {
    "rtmp": {"handshake_timeout_s": DEADLINE_S, "max_message_bytes": MIB},
    "http": {"head_timeout_s": DEADLINE_S, "cors_origin": "https://player.example"},
    "play": {"wait_s": 0.2},
    "publish": {"grace_s": 0.5},
    "fanout": {"max_lag_s": 30.0},
    'paths."guarded/*"': {"publish_key": KEY},
    'paths."silent/*"': {"first_packet_s": 0.5, "idle_s": 0.5, "grace_s": 0.0},
}


@pytest.fixture(scope="package")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine that outlives every story told about it."""
    with RunningEngine(tmp_path_factory.mktemp("fortress"), SETTINGS) as engine:
        before = engine.pids()
        yield engine
        assert engine.pids() == before, f"a worker died\n{engine.log}"
        check_words(engine)
    check_log(engine)


def check_words(engine: RunningEngine) -> None:
    """No key is shown to anybody."""
    shown = engine.metrics() + json.dumps([engine.api("streams"), engine.api("clients")])
    assert KEY not in shown
    assert NEXT_KEY not in shown


def check_log(engine: RunningEngine) -> None:
    """No key stands in the log of the whole run, and no fault of ours."""
    assert KEY not in str(engine.log)
    assert NEXT_KEY not in str(engine.log)
    faults = [
        line for line in engine.log.lines if line.get("level") in {"error", "critical"} or "raw" in line
    ]
    assert not faults, faults
