"""An event that was not delivered and is tried again: a warning, without anything that nobody may read."""

from pathlib import Path
from typing import Final

import pytest
import trio
from structlog.testing import capture_logs

from engine.hooks.notices import Began
from tests.workers.control.hooks.office import config_of, session, small_office
from tests.workers.control.hooks.services import (
    Behaviour,
    FakeService,
    is_down,
    is_known_to_be_down,
    says,
)

QUERY_KEY: Final = "a-key-in-the-query"
SECRET: Final = "the-secret-of-signatures"
CONFIG: Final = f"""
[hooks]
url = "http://hooks.example/hook?key={QUERY_KEY}"
secret = "{SECRET}"
"""
FAILURES: Final = 2


@pytest.mark.parametrize(
    ("behave", "reason", "level"),
    [
        (is_down, "unreachable", "warning"),
        (says(503, QUERY_KEY.encode()), "bad_status", "warning"),
        (is_known_to_be_down, "breaker_open", "debug"),
    ],
)
async def test_a_delivery_that_is_tried_again_is_told(
    behave: Behaviour, reason: str, level: str, tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(behave)
    with capture_logs() as logs:
        async with small_office(tmp_path, service, config_of(CONFIG)) as office:
            await office.tell(Began(session(kind="play")))
            while len(service.calls) < FAILURES:  # noqa: ASYNC110 - the sender tells nobody
                await trio.sleep(0.05)
            service.behave = says(200)
            await office.until_empty()
    told = [line for line in logs if line["event"] == "hook_failed"]
    assert len(told) == FAILURES
    for line in told:
        assert (line["log_level"], line["reason"]) == (level, reason)
        assert (line["action"], line["stream"]) == ("on_play", "live/cam")
        assert line["error"]
        assert line["again_in_s"] > 0
    assert not [line for line in logs if QUERY_KEY in str(line) or SECRET in str(line)]
