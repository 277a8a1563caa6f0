"""Bans in a running engine: they hold at once, outlive control, and end."""

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from tests.e2e.clients import Player, url_of
from tests.e2e.engine_process import REQUEST_TIMEOUT_S, RunningEngine
from tests.e2e.figures import scrape, wait_for_figures
from tests.e2e.hostile.counting import counted
from tests.e2e.hostile.strangers import codes, exchange, rtmp_request
from tests.e2e.media import Media, publish, publishing
from tests.e2e.srt_client import SrtClient, call
from tests.e2e.studio import replace_worker
from tests.e2e.wires import PROTOCOLS

pytestmark = pytest.mark.slow

END_S: Final = 30.0
FORBIDDEN: Final = 1403


def ban(engine: RunningEngine, **wanted: object) -> dict[str, Any]:
    """POST /api/v1/bans."""
    request = urllib.request.Request(
        engine.api_url("bans"), json.dumps(wanted).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:
        assert answer.status == 201
        made: dict[str, Any] = json.loads(answer.read())
    return made


async def refused_publish(engine: RunningEngine) -> str:
    """The last status that a publisher of live/film hears."""
    return codes(await exchange(engine, "rtmp", rtmp_request("publish", "live", "film")))[-1]


async def test_a_banned_streams_publisher_goes_and_stays_out_until_the_ban_is_lifted(
    engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    publisher = publish(ffmpeg, media.h264, engine.rtmp_url("live/film"))
    engine.wait_for_stream("live/film", tags=20)
    made = ban(engine, kind="stream", value="film", reason="a test")
    assert (made["value"], made["until"]) == ("live/film", None)
    publisher.communicate(timeout=END_S)
    ended = engine.log.wait_for("unpublished")
    assert ended["reason"] == "kicked"
    before = scrape(engine)
    assert await refused_publish(engine) == "NetStream.Publish.BadName"
    with SrtClient(engine.addresses["srt"], call("publish:live/film")) as caller:
        assert await trio.to_thread.run_sync(caller.refused_with) == FORBIDDEN
    assert counted(before, engine, "fanlight_publish_refusals_total", "banned", 2)
    await trio.to_thread.run_sync(replace_worker, engine, "control0", signal.SIGKILL)
    assert [one["id"] for one in engine.api("bans")["bans"]] == [made["id"]]
    assert await refused_publish(engine) == "NetStream.Publish.BadName"
    engine.api(f"bans/{made['id']}", method="DELETE")
    assert engine.api("bans")["bans"] == []
    publisher = publish(ffmpeg, media.h264, engine.rtmp_url("live/film"))
    engine.wait_for_stream("live/film", tags=20)
    publisher.kill()
    publisher.communicate()


async def test_a_banned_address_is_cut_off_everywhere_until_the_ban_is_over(
    engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    players = [Player(protocol, url_of(engine, protocol, "live/film")) for protocol in PROTOCOLS]
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=20)
        async with trio.open_nursery() as nursery:
            for player in players:
                await nursery.start(player.play)
                await player.until(lambda player: bool(player.tags))
            before = scrape(engine)
            ban(engine, kind="address", value="127.0.0.0/8", seconds=4)
            for player in players:
                await player.ended()
        assert counted(before, engine, "fanlight_players_ended_total", "banned", len(players))
        assert engine.log.wait_for("unpublished")["reason"] == "kicked"
        assert await exchange(engine, "http", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") == b""
    now = wait_for_figures(engine, lambda now: engine.api("bans")["bans"] == [])
    assert now.sum("fanlight_handshake_failures_total", reason="banned") >= 1
    assert (await exchange(engine, "http", b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")).startswith(b"HTTP/1.")


def test_what_cannot_be_banned_is_a_sentence(engine: RunningEngine) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        ban(engine, kind="address", value="example.org")
    with refusal.value:
        said = json.loads(refusal.value.read())
    assert (refusal.value.code, said["error"]) == (400, "bad_ban")
    assert refusal.value.headers["x-request-id"]
