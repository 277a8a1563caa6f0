"""What a player is told whom a worker does not let in: each protocol and reason in its words."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.config import Config
from engine.protocols.http import http1_head, parse_route
from workers.fanout.admission import Admission, Refused
from workers.fanout.audience import Audience, Full
from workers.fanout.guard import BANNED, OVERLOADED
from workers.fanout.rtmp_connection import code_of


class Busy:
    """An audience that takes nobody, for a reason."""

    def __init__(self, reason: str) -> None:
        async def wait_to_play(name: str, seconds: float) -> object:
            return object()

        self.full = Full(reason, f"it is {reason}")
        self.worker = SimpleNamespace(tracer=None, config=Config())
        self.hub = SimpleNamespace(
            wait_to_play=wait_to_play, settings_for=lambda name: SimpleNamespace(wait_s=0.0)
        )

    async def feed_for(self, record: object, host: str, key_id: str) -> None:
        raise self.full


@pytest.mark.parametrize(
    ("reason", "status", "retry"),
    [(OVERLOADED, 503, True), ("too_many_players", 503, True), (BANNED, 403, False)],
)
async def test_http_says_when_to_come_back(reason: str, status: int, retry: bool) -> None:
    admission = Admission(cast("Audience", cast("Any", Busy(reason))), "the id")
    name = admission.name(parse_route("/live/a.flv", {}))
    with pytest.raises(Refused) as refused:
        await admission.find(name, "192.0.2.1", "")
    written = http1_head(refused.value.answer.head, keep_alive=False)
    assert (refused.value.status, refused.value.reason) == (status, reason)
    assert (b"Retry-After: 10\r\n" in written) == retry
    assert b"X-Request-Id: the id\r\n" in written


def test_rtmp_says_whether_it_is_the_stream_or_the_server() -> None:
    codes = [code_of(Full(reason, "")) for reason in (OVERLOADED, "too_many_players", BANNED)]
    assert codes == ["NetConnection.Connect.Rejected", *["NetStream.Play.StreamNotFound"] * 2]
