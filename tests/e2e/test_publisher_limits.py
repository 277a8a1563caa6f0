"""Publishers that send more or other media than they may: ended with a reason, or warned about."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from engine.config.key_table import hash_line
from engine.config.secret import digest
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import scrape
from tests.e2e.hostile.counting import counted
from tests.e2e.media import Media, finish, publish
from tests.e2e.srt_tools import Films, plain_url, publish_film

END_S: Final = 30.0
KEY: Final = "the-key-of-a-guest"

SETTINGS: Final[Settings] = {
    "publish": {"grace_s": 20.0},
    'paths."slim/*"': {"max_bitrate_bps": 20_000, "limit_window_s": 1.0},
    'paths."hevc/*"': {"allowed_codecs": "hevc,aac"},
    'paths."short/*"': {"max_session_s": 1.0},
    'paths."keyed/*".publish_keys': {"guest": hash_line(digest(KEY), None)},
    'paths."keyed/*"': {"limit_window_s": 1.0},
    'paths."keyed/*".key_limits.guest': {"max_bitrate_bps": 20_000},
    'paths."warned/*"': {
        "over_limit": "warn",
        "max_width": 160,
        "max_height": 90,
        "max_frame_rate": 10.0,
        "limit_window_s": 1.0,
        "max_keyframe_interval_s": 0.5,
    },
}
ENDS: Final = {"slim": "bitrate", "hevc": "codec", "short": "session_length", "keyed": "bitrate"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """One engine for all of them: each has a path of its own."""
    with RunningEngine(tmp_path_factory.mktemp("limits"), SETTINGS) as running:
        yield running


Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture(params=["rtmp", "srt"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(protocol: str, engine: RunningEngine, ffmpeg: Path, media: Media, films: Films) -> Start:
    """Publishing H.264 with AAC under a name, by ffmpeg."""
    if protocol == "rtmp":
        return lambda name: publish(ffmpeg, media.h264, f"{engine.rtmp_url(name)}?key={KEY}")
    return lambda name: publish_film(
        ffmpeg, films.h264, plain_url(engine, f"publish:{name}?key={KEY}"), speed=0.5
    )


@pytest.mark.slow
@pytest.mark.parametrize(("app", "limit"), ENDS.items())
def test_a_publisher_over_its_limit_is_ended_and_everybody_can_know_why(
    app: str, limit: str, protocol: str, start: Start, engine: RunningEngine
) -> None:
    name, before = f"{app}/{protocol}", scrape(engine)
    publisher = start(name)
    broken = engine.log.wait_for("limit_broken", timeout_s=END_S, where=lambda line: line["stream"] == name)
    assert (broken["limit"], broken["ends"], broken["protocol"]) == (limit, True, protocol)
    assert broken["key"] == ("guest" if app == "keyed" else "")
    ended = engine.log.wait_for("unpublished", timeout_s=END_S, where=lambda line: line["stream"] == name)
    assert ended["reason"] == "over_limit"
    publisher.communicate(timeout=END_S)
    shown = next(stream for stream in engine.api("streams")["streams"] if stream["name"] == name)
    assert (shown["state"], shown["over_limits"]) == ("grace", [limit])
    assert counted(before, engine, "fanlight_limits_broken_total", limit, 1)
    assert counted(before, engine, "fanlight_publishes_ended_total", "over_limit", 1)


@pytest.mark.slow
def test_a_publisher_that_is_only_warned_about_goes_on_to_its_end(
    protocol: str, start: Start, engine: RunningEngine
) -> None:
    name = f"warned/{protocol}"
    finish(start(name))
    engine.log.wait_for(
        "unpublished", where=lambda line: line["stream"] == name and line["reason"] == "finished"
    )
    lines = [
        line for line in engine.log.lines if line.get("event") == "limit_broken" and line["stream"] == name
    ]
    assert not any(line["ends"] for line in lines)
    told = [str(line["limit"]) for line in lines]
    # At half its speed, over SRT, it still has 15 frames a second.
    assert sorted(told) == ["frame_rate", "keyframe_interval", "resolution"]
