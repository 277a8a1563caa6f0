"""A browser plays the stream: with mpegts.js over HTTP and over a WebSocket, with hls.js over HTTP/2."""

import urllib.request
from pathlib import Path
from typing import Literal

import pytest

from tests.e2e.browser import run_program, watch_in_browser
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import wait_for_figures
from tests.e2e.media import Media, publishing
from tests.e2e.tls import tls_section

FRAMES_LEAST = 40


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
def test_chromium_plays_low_latency_hls_over_http2(
    start_engine: StartEngine, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    engine = start_engine({"tls": tls_section(tmp_path)})
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=150)
        seen = watch_in_browser(f"https://{engine.addresses['https']}/live/film.m3u8")
    assert (seen["width"], seen["height"]) == (320, 180)
    assert seen["protocols"] == ["h2"]
    fetched = "fanlight_hls_requests_total"
    figures = wait_for_figures(engine, lambda now: now.sum(fetched, resource="part") > 0)
    assert figures.sum(fetched, resource="part", status="200") > 0
    assert figures.sum("fanlight_http2_requests_total") >= figures.sum(fetched) > 0
    assert figures.sum("fanlight_connections_accepted_total", protocol="http") == 0


@pytest.mark.slow
def test_the_player_page_plays_fragments_over_a_websocket(
    engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    address = f"http://{engine.addresses['http']}"
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=20)
        shown = run_program("play_page.mjs", f"{address}/play/live/film")
        with urllib.request.urlopen(f"{address}/") as index:
            assert b'href="/play/live/film"' in index.read()
    assert (shown["width"], shown["height"]) == (320, 180)
    assert shown["codecs"].startswith("avc1.")
