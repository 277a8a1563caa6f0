"""libsrt as publisher and player: ffmpeg's, and Debian's srt-live-transmit; and films to send."""

import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from tests.e2e.children import start
from tests.e2e.engine_process import RunningEngine
from tests.e2e.media import command, run

FRAME_RATE: Final = 30
GOP_FRAMES: Final = 30
DURATION_S: Final = 3

_PICTURE: Final = ("-f", "lavfi", "-i", f"testsrc=size=320x180:rate={FRAME_RATE}:duration={DURATION_S}")
_SOUND: Final = ("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={DURATION_S}")
_AAC: Final = ("-c:a", "aac", "-b:a", "96k")
_GOP: Final = ("-g", str(GOP_FRAMES), "-bf", "2", "-sc_threshold", "0", "-pix_fmt", "yuv420p")
_X264: Final = ("-c:v", "libx264", "-preset", "ultrafast", *_GOP)
_X265_PARAMS: Final = (
    f"keyint={GOP_FRAMES}:min-keyint={GOP_FRAMES}:scenecut=0:open-gop=0:bframes=2:log-level=error"
)
_X265: Final = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", _X265_PARAMS)


class Films(NamedTuple):
    """Transport streams to publish as they are; their frames do not come at whole milliseconds."""

    h264: Path
    hevc: Path
    audio: Path


def make_films(ffmpeg: Path, folder: Path) -> Films:
    """Generate the films; takes a second or two."""
    films = Films(*(folder / f"{name}.ts" for name in Films._fields))
    run(ffmpeg, *_PICTURE, *_SOUND, *_X264, *_AAC, films.h264)
    run(ffmpeg, *_PICTURE, *_SOUND, *_X265, *_AAC, films.hevc)
    run(ffmpeg, *_SOUND, *_AAC, films.audio)
    return films


def publish_film(
    ffmpeg: Path, film: Path, url: str, form: str = "mpegts", *, speed: float = 1.0
) -> subprocess.Popen[bytes]:
    """Start publishing a film as it is; `form` is "flv" for RTMP, `speed` 1 is real time."""
    paced = ("-readrate", str(speed), "-i", film)
    arguments = command(ffmpeg, *paced, "-map", "0", "-c", "copy", "-f", form, url)
    return start(arguments)


def record(ffmpeg: Path, url: str, into: Path) -> subprocess.Popen[bytes]:
    """Start playing into a file, until the stream ends."""
    arguments = command(ffmpeg, "-copyts", "-i", url, "-map", "0", "-c", "copy", into)
    return start(arguments)


def transmit(source: str, target: str, *options: str) -> list[str]:
    """Write a command line of srt-live-transmit that ends with its connection."""
    return ["srt-live-transmit", "-v", "-a:no", f"-c:{7 * 188}", *options, source, target]


def record_raw(url: str, into: Path) -> subprocess.Popen[bytes]:
    """Start srt-live-transmit as a player: every byte it delivers goes into the file."""
    with into.open("wb") as file:
        return start(transmit(url, "file://con"), stdout=file)


class Transmission:
    """A film on its way through srt-live-transmit: ffmpeg gives it its pace, the tool sends it on."""

    def __init__(self, film: subprocess.Popen[bytes], tool: subprocess.Popen[bytes]) -> None:
        self._film, self._tool = film, tool

    def end(self, timeout_s: float) -> None:
        """Wait until everything is sent. The tool goes on at the end of its input, so it is told to end."""
        self._film.communicate(timeout=timeout_s)
        self._tool.terminate()
        self._tool.communicate(timeout=timeout_s)


def transmit_film(ffmpeg: Path, film: Path, url: str) -> Transmission:
    """Start publishing a film as it is by srt-live-transmit, in real time."""
    source = command(ffmpeg, "-readrate", "1", "-i", film, "-map", "0", "-c", "copy", "-f", "mpegts", "-")
    reader = start(source, stdout=subprocess.PIPE)
    assert reader.stdout is not None
    tool = start(transmit("file://con", url), stdin=reader.stdout, stdout=subprocess.DEVNULL)
    reader.stdout.close()
    return Transmission(reader, tool)


def plain_url(engine: RunningEngine, stream_id: str, **options: object) -> str:
    """A URL as srt-live-transmit takes it: nothing in it is escaped."""
    query = "&".join(f"{key}={value}" for key, value in {"streamid": stream_id, **options}.items())
    return f"srt://{engine.addresses['srt']}?{query}"
