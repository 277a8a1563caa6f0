"""A live publisher with a clock in its picture: this draws it in real time, ffmpeg encodes and publishes it.

    python -m bench.browser.publisher --url rtmp://127.0.0.1:1935/live/clock --codec h264

It ends when its standard input does, and with code 1 when ffmpeg has ended by itself.
"""

import argparse
import itertools
import select
import subprocess
import sys
import time
from typing import Final, NamedTuple

import imageio_ffmpeg

from bench.browser.clock import picture_at
from workers.commands.testcard import FRAMES_PER_S, HEIGHT, WIDTH

KEYFRAME_S: Final = 2
STOP_S: Final = 5.0


class Codec(NamedTuple):
    """How ffmpeg is to encode, without pictures held back."""

    video: tuple[str, ...]
    audio: tuple[str, ...] = ("-c:a", "aac", "-b:a", "96k")


H264: Final = ("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-sc_threshold", "0")
X265: Final = ("-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency")
X265_PARAMS: Final = ("-x265-params", "log-level=error:scenecut=0:open-gop=0")
AV1: Final = ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0")
OPUS: Final = ("-c:a", "libopus", "-b:a", "64k")

CODECS: Final = {
    "h264": Codec(H264),
    "hevc": Codec((*X265, *X265_PARAMS)),
    "av1": Codec((*AV1, "-row-mt", "1", "-threads", "2")),
    "av1-opus": Codec((*AV1, "-row-mt", "1", "-threads", "2"), OPUS),
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--codec", choices=CODECS, default="h264")
    parser.add_argument("--bitrate", type=int, default=1_500_000, help="of the picture, bits per second")
    given = parser.parse_args()
    command = ffmpeg_command(CODECS[given.codec], given.bitrate, given.url)
    encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        feed(encoder)
    except BrokenPipeError:
        sys.exit(1)
    finally:
        stop(encoder)


def ffmpeg_command(codec: Codec, bitrate_bps: int, url: str) -> list[str]:
    """Pictures on its standard input, a tone of its own, and out to `url`."""
    picture = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FRAMES_PER_S))
    gop = str(KEYFRAME_S * FRAMES_PER_S)
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-hide_banner", "-loglevel", "error"),
        # Nothing is to be found out about raw pictures, and what is read for that is late from then on.
        *("-probesize", "32", *picture, "-i", "pipe:0"),
        *("-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"),
        *(*codec.video, "-b:v", str(bitrate_bps), "-g", gop, "-keyint_min", gop, "-pix_fmt", "yuv420p"),
        *(*codec.audio, "-flvflags", "no_duration_filesize", "-flush_packets", "1", "-f", "flv", url),
    ]


def feed(encoder: "subprocess.Popen[bytes]") -> None:
    """Draw each picture when it is due, and stamp it then, until standard input ends."""
    assert encoder.stdin is not None
    began_s = time.monotonic()
    for number in itertools.count():
        wait_s = began_s + number / FRAMES_PER_S - time.monotonic()
        if select.select([sys.stdin], [], [], max(0.0, wait_s))[0] and not sys.stdin.buffer.read(1):
            return
        encoder.stdin.write(picture_at(number, time.time_ns() // 1_000_000))
        encoder.stdin.flush()


def stop(encoder: "subprocess.Popen[bytes]") -> None:
    """End ffmpeg, which says goodbye to the server, or not."""
    encoder.terminate()
    try:
        encoder.wait(STOP_S)
    except subprocess.TimeoutExpired:
        encoder.kill()
        encoder.wait()


if __name__ == "__main__":
    main()
