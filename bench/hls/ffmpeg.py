"""ffmpeg as a publisher of real material and as a packager of HLS: imageio-ffmpeg's build, which copies.

The synthetic stream will not do here: ffmpeg looks into the frames before it packages them.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

from bench.programs import Program

FILM_S = 30
FPS = 30
GOP_S = 2
AUDIO_BPS = 128_000
ENCODE_TIMEOUT_S = 120.0

SEGMENT_TYPES = {"low_latency": "fmp4", "fmp4": "fmp4", "ts": "mpegts"}
"""What it makes beside each of Fanlight's variants: it has no parts."""


class Ffmpeg(Program):
    """One running ffmpeg; what it complains of is in `log`."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self._log = log
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *arguments]
        super().__init__(command, complaints=log)

    @property
    def complaint(self) -> str:
        """Why it has ended; empty while it runs."""
        if self.exit_code is None:
            return ""
        return f"ffmpeg ended with {self.exit_code}: {self._log.read_text(errors='replace')[-1000:]}"


def make_film(path: Path, bitrate_bps: int) -> None:
    """Encode half a minute of H.264 and AAC at an even `bitrate_bps`, with a keyframe every two seconds."""
    video = str(bitrate_bps - AUDIO_BPS)
    picture = f"testsrc2=size=1280x720:rate={FPS},noise=alls=12:allf=t"
    sources = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
    # "cbr" fills up what the picture does not need.
    rate = [
        "-b:v",
        video,
        "-minrate",
        video,
        "-maxrate",
        video,
        "-bufsize",
        video,
        "-x264-params",
        "nal-hrd=cbr",
    ]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", str(GOP_S * FPS), *rate]
    sound = ["-c:a", "aac", "-b:a", str(AUDIO_BPS), "-ac", "2"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *sources]
    subprocess.run(
        [*command, "-t", str(FILM_S), *coding, *sound, "-f", "flv", str(path)],
        check=True,
        timeout=ENCODE_TIMEOUT_S,
    )


def publisher(film: Path, target: str) -> Ffmpeg:
    """Publish a film in real time, over and over."""
    source = ["-re", "-stream_loop", "-1", "-i", str(film)]
    return Ffmpeg([*source, "-c", "copy", "-f", "flv", target], film.with_suffix(".publisher.log"))


def packager(source: str, variant: str, folder: Path) -> Ffmpeg:
    """Package what is played at `source` into `folder`."""
    hls = {
        "f": "hls",
        "hls_time": str(GOP_S),
        "hls_list_size": "6",
        "hls_flags": "delete_segments+program_date_time",
        "hls_segment_type": SEGMENT_TYPES[variant],
    }
    options = [word for key, value in hls.items() for word in (f"-{key}", value)]
    return Ffmpeg(["-i", source, "-c", "copy", *options, str(folder / "media.m3u8")], folder / "log")
