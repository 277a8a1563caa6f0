"""The player page in Chromium: what it says when it cannot play, and what a thumb can reach on a phone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from bench.browser.publisher import CODECS
from bench.lines import Child
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine
from tests.e2e.media import Media, publish
from tests.house.source import ROOT

pytestmark = pytest.mark.slow

PROGRAM: Final = ROOT / "tests" / "browser" / "look.mjs"
PHONE: Final = (390, 844)
THUMB_PIXELS: Final = 44
NAME: Final = "live/film"


def look(engine: RunningEngine, words: str = "", **surroundings: str) -> dict[str, Any]:
    """Open the page and wait until it says `words`, or plays; gives what is there then, and after a click."""
    url = f"http://{engine.addresses['http']}/play/{NAME}"
    seen = subprocess.run(
        [Path(sys.executable).with_name("node"), PROGRAM, url, words],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=os.environ | surroundings,
    )
    assert seen.returncode == 0, seen.stderr
    answer: dict[str, Any] = json.loads(seen.stdout)
    return answer


@contextmanager
def live(engine: RunningEngine, codec: str = "h264") -> Iterator[None]:
    """A stream without end, from ffmpeg."""
    with Child("bench.browser.publisher", "--url", engine.rtmp_url(NAME), "--codec", codec):
        engine.wait_for_stream(NAME, tags=100, timeout_s=40)
        yield


@pytest.mark.parametrize("wait_s", [0.2, 20])  # refused soon, and held for longer than the page has patience
def test_a_stream_that_is_not_live_is_said_to_be_so(wait_s: float, start_engine: StartEngine) -> None:
    engine = start_engine({"play": {"wait_s": wait_s}})
    seen = look(engine, "This stream is not live.")["before"]
    assert seen["state"] == "waiting"
    assert seen["reconnects"] >= 1


def test_a_codec_that_the_browser_cannot_play_is_named(
    engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    with ExitStack() as running:
        publisher = publish(ffmpeg, media.hevc, engine.rtmp_url(NAME))
        running.callback(publisher.communicate)
        running.callback(publisher.kill)
        engine.wait_for_stream(NAME, tags=20)
        seen = look(engine, "This browser cannot play HEVC (hvc1.")["before"]
    assert seen["state"] == "error"
    assert seen["action"]


def test_a_browser_that_wants_silence_first_offers_the_sound(engine: RunningEngine) -> None:
    with live(engine):
        seen = look(engine, AUTOPLAY="document-user-activation-required", CLICK="sound")
    assert (seen["before"]["muted"], seen["before"]["sound"]) == (True, True)
    assert (seen["after"]["muted"], seen["after"]["sound"]) == (False, False)


def test_a_browser_that_wants_a_click_first_says_so_and_plays_after_it(engine: RunningEngine) -> None:
    with live(engine):
        seen = look(engine, "wants a click", BLOCKED="yes", CLICK="action")
    assert seen["before"]["action"]
    assert seen["after"]["state"] == "playing"
    assert not seen["after"]["muted"]


@pytest.mark.parametrize("codec", [name for name in CODECS if name.startswith("av1")])
def test_the_page_plays_av1(codec: str, engine: RunningEngine) -> None:
    with live(engine, codec):
        seen = look(engine)["before"]
    assert seen["codecs"].startswith("av01.")
    assert seen["codecs"].endswith("opus" if codec == "av1-opus" else "mp4a.40.2")
    assert (seen["width"], seen["height"]) == (640, 360)


def test_a_thumb_reaches_every_control_on_a_phone(engine: RunningEngine) -> None:
    with live(engine):
        seen = look(engine, SCREEN="phone")["before"]
    assert {control["id"] for control in seen["controls"]} >= {"play", "mute", "live", "stats", "fullscreen"}
    for control in seen["controls"]:
        assert control["hit"], control
        assert min(control["width"], control["height"]) >= THUMB_PIXELS, control
        assert control["left"] >= 0, control
        assert control["left"] + control["width"] <= PHONE[0], control
        assert control["top"] + control["height"] <= PHONE[1], control
    assert not seen["scrolls"]
