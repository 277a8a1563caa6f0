"""Generated films, ffmpeg as publisher and player, and what ffmpeg says that it received."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.e2e.children import ended, start

FRAME_RATE: Final = 25
GOP_FRAMES: Final = 25
DURATION_S: Final = 6

_PICTURE: Final = ["-f", "lavfi", "-i", f"testsrc=size=320x180:rate={FRAME_RATE}:duration={DURATION_S}"]
_SOUND: Final = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:duration={DURATION_S}"]
_AAC: Final = ["-c:a", "aac", "-b:a", "96k"]
# Closed GOPs of exactly one second, with B-frames: decoding order and display order differ, as in real life.
_X264: Final = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-bf",
    "2",
    "-g",
    str(GOP_FRAMES),
    "-sc_threshold",
    "0",
]
_X265_PARAMS: Final = (
    f"keyint={GOP_FRAMES}:min-keyint={GOP_FRAMES}:scenecut=0:open-gop=0:bframes=2:log-level=error"
)
_X265: Final = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", _X265_PARAMS]


class Packet(NamedTuple):
    """One line of ffmpeg's framehash: times in the stream's own ticks (milliseconds in FLV)."""

    dts: int
    pts: int
    size_bytes: int
    sha256: str


class Received(NamedTuple):
    """What a player received: codec headers and packets by kind of stream, in decoding order."""

    headers: dict[str, str]
    packets: dict[str, list[Packet]]


class Media(NamedTuple):
    """Files to publish as they are."""

    h264: Path
    hevc: Path
    audio: Path


def make_media(ffmpeg: Path, folder: Path) -> Media:
    """Generate the films; takes a second or two."""
    made = Media(folder / "h264.flv", folder / "hevc.flv", folder / "audio.flv")
    run(ffmpeg, *_PICTURE, *_SOUND, *_X264, "-pix_fmt", "yuv420p", *_AAC, made.h264)
    run(ffmpeg, *_PICTURE, *_SOUND, *_X265, "-pix_fmt", "yuv420p", *_AAC, made.hevc)
    run(ffmpeg, *_SOUND, *_AAC, made.audio)
    return made


def make_heavy_film(ffmpeg: Path, path: Path, rate: str = "24M") -> Path:
    """Make one of a constant bit rate, whatever is in its pictures; 20 s."""
    picture = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=20"]
    rates = ["-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", "4M"]
    x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-x264-params", "nal-hrd=cbr:force-cfr=1"]
    run(ffmpeg, *picture, *x264, *rates, "-pix_fmt", "yuv420p", path)
    return path


def command(ffmpeg: Path, *arguments: str | Path) -> list[str | Path]:
    """Write a command line that says only what goes wrong and never asks."""
    return [ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *arguments]


def run(ffmpeg: Path, *arguments: str | Path) -> bytes:
    """Run ffmpeg to its end and give its standard output; raises CalledProcessError with what it said."""
    return subprocess.run(command(ffmpeg, *arguments), capture_output=True, check=True, timeout=60).stdout


def publish(ffmpeg: Path, source: Path, url: str) -> subprocess.Popen[bytes]:
    """Start publishing a file as it is, in real time."""
    arguments = command(ffmpeg, "-re", "-i", source, "-map", "0", "-c", "copy", "-f", "flv", url)
    return start(arguments)


def publish_for(ffmpeg: Path, source: Path, seconds: float, url: str) -> subprocess.Popen[bytes]:
    """Start publishing the first seconds of a file."""
    form = ["-t", str(seconds), "-map", "0", "-c", "copy", "-f", "flv"]
    return start(command(ffmpeg, "-re", "-i", source, *form, url))


@contextmanager
def publishing(ffmpeg: Path, source: Path, url: str) -> Iterator[None]:
    """The same over and over, for players that take their time; ends with the `with` block."""
    arguments = command(ffmpeg, "-re", "-stream_loop", "-1", "-i", source, "-map", "0", "-c", "copy")
    with ended(start([*arguments, "-f", "flv", url])):
        yield


def play(ffmpeg: Path, url: str, *, into: Path) -> subprocess.Popen[bytes]:
    """Start a player that writes down every packet it receives, until the stream ends."""
    return start(command(ffmpeg, *hash_arguments(url), into))


def finish(process: subprocess.Popen[bytes], timeout_s: float = 40.0) -> None:
    """Wait for one of these to end, and assert that it was content."""
    _, said = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, said.decode(errors="replace")


def hash_file(ffmpeg: Path, source: Path) -> Received:
    """Read a media file as a player would."""
    return parse_framehash(run(ffmpeg, *hash_arguments(source), "-").decode())


def hash_arguments(source: str | Path) -> list[str | Path]:
    return ["-copyts", "-i", source, "-map", "0", "-c", "copy", "-f", "framehash", "-hash", "sha256"]


def parse_framehash(text: str) -> Received:
    """Read ffmpeg's framehash.

    Its lines: `#extradata 0, size, hash`, `#media_type 0: video`, `0, dts, pts, duration, size, hash`.
    """
    kinds: dict[str, str] = {}
    headers: dict[str, str] = {}
    packets: dict[str, list[Packet]] = {}
    for line in text.splitlines():
        match re.split(r"[,:]?\s+", line):
            case ["#extradata", stream, _, digest]:
                headers[stream] = digest
            case ["#media_type", stream, kind]:
                kinds[stream] = kind
                packets[kind] = []
            case [stream, dts, pts, _, size, digest] if stream in kinds:
                packets[kinds[stream]].append(Packet(int(dts), int(pts), int(size), digest))
    return Received({kinds[stream]: digest for stream, digest in headers.items()}, packets)
