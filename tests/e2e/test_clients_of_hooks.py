"""The `client_id` that a service is told is the client's in the API, whatever becomes of its stream's
name."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.children import ended, start
from tests.e2e.engine_process import RunningEngine
from tests.e2e.hook_service import PATIENCE_S, Body, HookService, hook_service, hooked
from tests.e2e.media import Media, command, publishing
from tests.e2e.test_bans import ban

pytestmark = pytest.mark.slow

RENAMED: Final = {"live/rtmp": "vip/rtmp", "live/srt": "vip/one", "live/unwanted": "vip/banned"}
"""Streams of the one ingest, and names that the other one gets; and a name that is banned."""

FORMS: Final = {"rtmp": "flv", "srt": "mpegts"}
LOOK_S: Final = 0.1


@pytest.fixture(scope="module")
def service() -> Iterator[HookService]:
    with hook_service() as made:
        made.answer = lambda body: (200, json.dumps({"code": 0, **renamed(body)}))
        yield made


def renamed(body: Body) -> dict[str, str]:
    return {"stream": RENAMED[body["name"]]} if body["name"] in RENAMED else {}


@pytest.fixture(scope="module")
def engine(service: HookService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    folder = tmp_path_factory.mktemp("clients")
    settings = hooked(service, str(folder / "spool"))
    with RunningEngine(folder, {**settings, "workers": {"ingest": 2, "fanout": 1}}) as running:
        yield running


def told(service: HookService, action: str, protocol: str) -> dict[str, Any]:
    return service.wait_for(action, where=lambda body: body["protocol"] == protocol)


def publisher_of(
    name: str, protocol: str, engine: RunningEngine, ffmpeg: Path, media: Media
) -> "subprocess.Popen[bytes]":
    """One that goes on until it is ended."""
    url = engine.rtmp_url(name) if protocol == "rtmp" else engine.srt_url(name)
    arguments = command(ffmpeg, "-re", "-stream_loop", "-1", "-i", media.h264, "-c", "copy")
    return start([*arguments, "-f", FORMS[protocol], url])


@pytest.mark.parametrize("protocol", FORMS)
def test_a_publisher_whose_new_name_is_another_ingests_is_found_and_sent_away(
    protocol: str, engine: RunningEngine, service: HookService, ffmpeg: Path, media: Media
) -> None:
    asked = f"live/{protocol}"
    with ended(publisher_of(asked, protocol, engine, ffmpeg, media)):
        engine.wait_for_stream(RENAMED[asked], tags=10)
        client_id = told(service, "on_publish", protocol)["client_id"]
        shown = engine.api(f"clients/{client_id}")
        assert (client_id.partition("-")[0], shown["worker"]) == ("ingest0", "ingest1")
        assert (shown["role"], shown["stream"]) == ("publisher", RENAMED[asked])
        engine.api(f"clients/{client_id}", method="DELETE")
        assert told(service, "on_unpublish", protocol)["reason"] == "kicked"


@pytest.mark.parametrize(("protocol", "refused"), [("rtmp", "publish_refused"), ("srt", "srt_refused")])
def test_a_publisher_that_gets_a_banned_name_is_never_let_in(
    protocol: str, refused: str, engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    ban(engine, kind="stream", value="vip/banned")
    with ended(publisher_of("live/unwanted", protocol, engine, ffmpeg, media)):
        engine.log.wait_for(refused, timeout_s=PATIENCE_S, where=lambda line: line["reason"] == "banned")
    published = [line["stream"] for line in engine.log.lines if line.get("event") == "publishing"]
    assert "vip/banned" not in published


def test_a_player_of_hls_is_listed_and_gets_no_more_once_it_is_sent_away(
    engine: RunningEngine, service: HookService, ffmpeg: Path, media: Media
) -> None:
    playlist = engine.http_url("live/film").replace(".flv", ".m3u8")
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        deadline_s = time.monotonic() + PATIENCE_S
        while engine.status(playlist) != 200:
            assert time.monotonic() < deadline_s
            time.sleep(LOOK_S)
        client_id = told(service, "on_play", "hls")["client_id"]
        listed = [one for one in engine.api("clients?stream=live/film")["clients"] if one["role"] == "player"]
        assert [(one["id"], one["protocol"], one["state"]) for one in listed] == [
            (client_id, "hls", "asking")
        ]
        assert listed[0] == engine.api(f"clients/{client_id}")
        engine.api(f"clients/{client_id}", method="DELETE")
        assert engine.status(playlist) == 403
        assert told(service, "on_stop", "hls")["reason"] == "kicked"
        assert engine.status(engine.api_url(f"clients/{client_id}")) == 404
