"""A real fault reaches who is on call: engine, Prometheus, Alertmanager, webhook; the all-clear does too."""

import os
import signal
from pathlib import Path
from typing import Final

import pytest

from engine.policy.breaker import FAILURES
from tests.e2e.alert_receiver import alert_receiver
from tests.e2e.conftest import StartEngine
from tests.e2e.hook_service import Answer, Body, hook_service, hooked
from tests.e2e.media import Media, publishing
from tests.e2e.prometheus import alertmanager, prometheus
from tests.e2e.studio import signal_worker

# Five waits of `PATIENCE_S`, and what has to start first.
pytestmark = [pytest.mark.slow, pytest.mark.hard_timeout(400)]


ASKED: Final = {"dependency": "hook_decisions"}
"""Nobody sends these again: whether the service is back is known when somebody comes, or never."""


def test_faults_are_told_and_their_ends(
    start_engine: StartEngine, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    down = False

    def answer(_body: Body) -> Answer:
        return (503, "") if down else (200, "0")

    with hook_service() as service, alert_receiver() as receiver:
        service.answer = answer
        settings = hooked(service, str(tmp_path / "spool"), timeout_s=1)
        # Nobody replaces the stopped worker before Prometheus has missed it.
        engine = start_engine({**settings, "workers": {"heartbeat_timeout_s": 60}})
        with (
            alertmanager(tmp_path / "alertmanager", receiver.url) as manager,
            prometheus(tmp_path / "prometheus", engine.addresses["metrics"], manager.address),
            publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")),
        ):
            engine.wait_for_stream("live/film", tags=10)

            down = True
            for _ in range(FAILURES):
                engine.status(engine.http_url("live/film"))  # each player is asked about
            told = receiver.wait_for("FanlightBreakerOpen", "firing", **ASKED)
            assert told.receiver == "everybody"
            assert told.labels["instance"] == engine.addresses["metrics"]
            assert "is open (state 2)" in told.annotations["description"]
            down = False  # and nobody comes any more who would find that out
            receiver.wait_for("FanlightBreakerOpen", "resolved", **ASKED)

            control = signal_worker(engine, "control0", signal.SIGSTOP)
            try:
                told = receiver.wait_for("FanlightDown", "firing")
                assert told.annotations["runbook"] == "docs/runbooks.md#fanlightdown"
            finally:
                os.kill(control, signal.SIGCONT)
            receiver.wait_for("FanlightDown", "resolved")
