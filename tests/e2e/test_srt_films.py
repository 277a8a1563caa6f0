"""A film that comes in over SRT goes out as it is, whichever way; and out over SRT when it came over RTMP."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.elementary import Frame, Frames, frames_of
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

# libsrt drops what it has not sent when it is closed, and ffmpeg closes it at once.
LOST_BY_THE_SENDER_MS: Final = 500
EXACT_WITHIN_MS: Final = 1
END_S: Final = 20.0

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
        for way in ways or self._ways:
            self.files.append(self._folder / way)
            self._processes.append(self._ways[way](self.files[-1]))

    def end(self) -> None:
        """Wait until the stream is over for all."""
        for process in self._processes:
            process.communicate(timeout=END_S)


def check_run(received: Frames, published: Frames) -> dict[str, int]:
    """What was received is a run of what was published, whole and in time; gives where it begins."""
    begins = {kind: find_run(received[kind], frames) for kind, frames in published.items()}
    drifts = []
    for kind, begin in begins.items():
        for there, here in zip(received[kind], published[kind][begin:], strict=False):
            assert there.key == here.key
            drifts += [there.dts_ms - here.dts_ms, there.pts_ms - here.pts_ms]
    assert max(drifts) - min(drifts) <= EXACT_WITHIN_MS
    return begins


def find_run(received: list[Frame], published: list[Frame]) -> int:
    contents = [frame.data for frame in published]
    wanted = [frame.data for frame in received]
    begin = next(at for at in range(len(contents)) if contents[at : at + len(wanted)] == wanted)
    lost_ms = published[-1].dts_ms - published[begin + len(wanted) - 1].dts_ms
    assert lost_ms <= LOST_BY_THE_SENDER_MS
    return begin


@pytest.mark.slow
def test_films_go_through_srt_as_they_are(
    engine: RunningEngine, ffmpeg: Path, films: Films, tmp_path: Path
) -> None:
    urls = {name: engine.srt_url(f"live/{name}") for name in Films._fields}
    publishers = [publish_film(ffmpeg, film, urls[name]) for name, film in films._asdict().items()]
    screenings = {name: Screening(engine, ffmpeg, f"live/{name}", tmp_path / name) for name in Films._fields}
    for name, screening in screenings.items():
        engine.wait_for_stream(f"live/{name}", tags=10)
        screening.begin(*(["srt-ffmpeg.ts", "http.flv"] if name == "audio" else []))
    for player in publishers:
        player.communicate(timeout=END_S)
    for name, screening in screenings.items():
        screening.end()
        published = frames_of(getattr(films, name))
        for file in screening.files:
            begins = check_run(frames_of(file), published)
            assert begins.get("video", 0) % GOP_FRAMES == 0, file


@pytest.mark.slow
def test_a_film_comes_in_over_rtmp_and_goes_out_over_srt(
    engine: RunningEngine, ffmpeg: Path, films: Films, tmp_path: Path
) -> None:
    publisher = publish_film(ffmpeg, films.h264, engine.rtmp_url("live/film"), "flv")
    early, late = (Screening(engine, ffmpeg, "live/film", tmp_path / name) for name in ("early", "late"))
    engine.wait_for_stream("live/film", tags=10)
    early.begin("srt-ffmpeg.ts", "srt-live-transmit.ts")
    engine.wait_for_stream("live/film", tags=120)
    late.begin("srt-ffmpeg.ts", "srt-live-transmit.ts")
    publisher.communicate(timeout=END_S)
    published = frames_of(films.h264)
    for screening in (early, late):
        screening.end()
        for file in screening.files:
            begins = check_run(frames_of(file), published)
            assert begins["video"] % GOP_FRAMES == 0
            assert begins["video"] or screening is early
