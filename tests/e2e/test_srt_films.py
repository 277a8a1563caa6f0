"""A film that comes in over SRT goes out as it is, whichever way; and out over SRT when it came over RTMP."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.elementary import check_run, frames_of
from tests.e2e.engine_process import RunningEngine
from tests.e2e.players import play_websocket
from tests.e2e.srt_tools import (
    GOP_FRAMES,
    Films,
    plain_url,
    publish_film,
    record,
    record_raw,
)

END_S: Final = 20.0

SRT_WAYS: Final = ("srt-ffmpeg.ts", "srt-live-transmit.ts")
ALL_WAYS: Final = (*SRT_WAYS, "http.flv", "rtmp.flv", "websocket.flv")
WAYS: Final = {"h264": ALL_WAYS, "hevc": ALL_WAYS, "audio": ("srt-ffmpeg.ts", "http.flv"), "rtmp": SRT_WAYS}

Start = Callable[[Path], subprocess.Popen[bytes]]


class Screening:
    """Players of one stream, each with a file."""

    def __init__(self, engine: RunningEngine, ffmpeg: Path, name: str, folder: Path) -> None:
        folder.mkdir()
        self.files: list[Path] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._folder = folder
        self._ways: dict[str, Start] = {
            "srt-ffmpeg.ts": lambda into: record(ffmpeg, engine.srt_url(name, "request"), into),
            "srt-live-transmit.ts": lambda into: record_raw(plain_url(engine, f"read:{name}"), into),
            "http.flv": lambda into: record(ffmpeg, engine.http_url(name), into),
            "rtmp.flv": lambda into: record(ffmpeg, engine.rtmp_url(name), into),
            "websocket.flv": lambda into: play_websocket(engine.ws_url(name), into=into),
        }

    def begin(self, *ways: str) -> None:
        for way in ways:
            self.files.append(self._folder / way)
            self._processes.append(self._ways[way](self.files[-1]))

    def end(self) -> None:
        """Wait until the stream is over for all."""
        for process in self._processes:
            process.communicate(timeout=END_S)


@pytest.mark.slow
def test_films_go_through_srt_as_they_are(
    engine: RunningEngine, ffmpeg: Path, films: Films, tmp_path: Path
) -> None:
    sources = {**films._asdict(), "rtmp": films.h264}
    forms = {name: "flv" if name == "rtmp" else "mpegts" for name in sources}
    urls = {name: engine.srt_url(f"live/{name}") for name in sources} | {"rtmp": engine.rtmp_url("live/rtmp")}
    publishers = [publish_film(ffmpeg, film, urls[name], forms[name]) for name, film in sources.items()]
    screenings = {name: Screening(engine, ffmpeg, f"live/{name}", tmp_path / name) for name in sources}
    for name, screening in screenings.items():
        engine.wait_for_stream(f"live/{name}", tags=10)
        screening.begin(*WAYS[name])
    engine.wait_for_stream("live/rtmp", tags=120)
    late = Screening(engine, ffmpeg, "live/rtmp", tmp_path / "late")
    late.begin(*WAYS["rtmp"])
    for publisher in publishers:
        publisher.communicate(timeout=END_S)
    for name, screening in (*screenings.items(), ("rtmp", late)):
        screening.end()
        published = frames_of(sources[name])
        for file in screening.files:
            begins = check_run(frames_of(file), published)
            assert begins.get("video", 0) % GOP_FRAMES == 0, file
            assert screening is not late or begins["video"] > 0
