"""A browser plays the stream with mpegts.js, over HTTP and over a WebSocket."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.e2e.engine_process import RunningEngine
from tests.e2e.media import Media, publishing
from tests.house.source import ROOT

PROGRAM = ROOT / "tests" / "browser" / "play.mjs"
WATCH_S = 2
FRAMES_LEAST = 40


def watch_in_browser(url: str) -> dict[str, Any]:
    """Play for a while in Chromium; gives the frames and the size of the picture as the page counted them."""
    node = Path(sys.executable).with_name("node")
    seen = subprocess.run(
        [node, PROGRAM, url, str(WATCH_S)], capture_output=True, text=True, timeout=60, check=False
    )
    assert seen.returncode == 0, seen.stderr
    answer: dict[str, Any] = json.loads(seen.stdout)
    return answer


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["http", "ws"])
def test_chromium_plays_what_ffmpeg_publishes(
    transport: Literal["http", "ws"], engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=20)
        url = engine.http_url("live/film") if transport == "http" else engine.ws_url("live/film")
        seen = watch_in_browser(url)
    assert (seen["width"], seen["height"]) == (320, 180)
    assert seen["frames"] >= FRAMES_LEAST


@pytest.mark.slow
def test_the_player_page_plays_fragments_over_a_websocket(
    engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    address = f"http://{engine.addresses['http']}"
    node = Path(sys.executable).with_name("node")
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=20)
        seen = subprocess.run(
            [node, PROGRAM.with_name("play_page.mjs"), f"{address}/play/live/film", str(WATCH_S)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        with urllib.request.urlopen(f"{address}/") as index:
            assert b'href="/play/live/film"' in index.read()
    assert seen.returncode == 0, seen.stderr
    shown = json.loads(seen.stdout)
    assert (shown["width"], shown["height"]) == (320, 180)
    assert shown["codecs"].startswith("avc1.")
