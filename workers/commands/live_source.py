"""The demo's test stream: a picture with a clock, and a tone, encoded with PyAV, published by RTMP in real
time.

A process of its own (`python -m workers.commands.live_source URL`), because encoding takes processor time
that nobody should mistake for the engine's. It connects again when the connection is lost.
"""

import itertools
import math
import sys
import time
from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

import av
from av.container import OutputContainer

from workers.commands.publish import without_query
from workers.commands.testcard import FRAMES_PER_S, HEIGHT, WIDTH, paint

KEYFRAME_S: Final = 2
VIDEO_BPS: Final = 1_000_000
AUDIO_BPS: Final = 96_000
SAMPLE_RATE: Final = 48_000
SAMPLES: Final = 1024  # AAC's frame
TONE_HZ: Final = 440
BEEP_HZ: Final = 1000
BEEP_S: Final = 0.1
LOUDNESS: Final = 0.1
RETRY_S: Final = 1.0

Packet: TypeAlias = "av.Packet[av.stream.Stream]"


class Encoders(NamedTuple):
    """The two tracks that are published."""

    video: av.VideoStream
    audio: av.AudioStream


def main() -> None:
    """Publish to the address in the first argument until the process is ended."""
    url = sys.argv[1]
    while True:
        try:
            publish(url)
        except (OSError, av.FFmpegError) as error:
            print(f"fanlight: test stream: {without_query(url)}: {error.strerror}", file=sys.stderr)
        time.sleep(RETRY_S)


def publish(url: str) -> None:
    """Publish until the connection is lost. Raises av.FFmpegError."""
    with av.open(url, "w", format="flv", options={"flvflags": "no_duration_filesize"}) as target:
        encoders = open_encoders(target)
        began = time.monotonic()
        for number in itertools.count():
            packets = list(encode_picture(encoders, number))
            time.sleep(max(0.0, began + number / FRAMES_PER_S - time.monotonic()))
            target.mux(packets)


def open_encoders(target: OutputContainer) -> Encoders:
    """H.264 with a keyframe each KEYFRAME_S and no frame held back, and AAC."""
    video = target.add_stream("libx264", rate=FRAMES_PER_S)
    video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", VIDEO_BPS
    video.gop_size = KEYFRAME_S * FRAMES_PER_S
    video.options = {"preset": "veryfast", "tune": "zerolatency", "sc_threshold": "0", "threads": "1"}
    audio = target.add_stream("aac", rate=SAMPLE_RATE)
    audio.bit_rate, audio.layout = AUDIO_BPS, "mono"
    return Encoders(video, audio)


def encode_picture(encoders: Encoders, number: int) -> Iterator[Packet]:
    """The packets of picture `number`, and of the sound that goes with it."""
    yield from encoders.video.encode(picture(number))
    for block in sound_blocks(number):
        yield from encoders.audio.encode(sound(block))


def sound_blocks(number: int) -> range:
    """Which blocks of samples begin while picture `number` is shown."""
    first, last = (-(-n * SAMPLE_RATE // (FRAMES_PER_S * SAMPLES)) for n in (number, number + 1))
    return range(first, last)


def picture(number: int) -> av.VideoFrame:
    """Picture `number` as PyAV takes it."""
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane, rows, width in zip(frame.planes, paint(number), (WIDTH, WIDTH // 2, WIDTH // 2), strict=True):
        plane.update(padded(rows, width, plane.line_size))
    frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_S)
    return frame


def padded(rows: bytes, width: int, line_size: int) -> bytes:
    """Rows of `width` bytes laid out with `line_size` bytes each, as FFmpeg aligns them."""
    if line_size == width:
        return rows
    gap = bytes(line_size - width)
    return b"".join(rows[at : at + width] + gap for at in range(0, len(rows), width))


def sound(block: int) -> av.AudioFrame:
    """Block `block` of the tone: SAMPLES samples."""
    frame = av.AudioFrame(format="fltp", layout="mono", samples=SAMPLES)
    start = block * SAMPLES % SAMPLE_RATE
    samples = SECOND[start : start + SAMPLES].tobytes()
    frame.planes[0].update(samples.ljust(frame.planes[0].buffer_size, b"\0"))
    frame.pts, frame.rate, frame.time_base = block * SAMPLES, SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
    return frame


def _one_second() -> "array[float]":
    """A second of tone, a beep at its beginning. Both fit a whole number of times: it repeats smoothly."""
    beep_samples = round(BEEP_S * SAMPLE_RATE)
    turns = (at * (BEEP_HZ if at < beep_samples else TONE_HZ) / SAMPLE_RATE for at in range(SAMPLE_RATE))
    return array("f", (LOUDNESS * math.sin(math.tau * turn) for turn in turns))


SECOND: Final = _one_second() * 2
"""Twice, so that a block may begin anywhere in the first."""

if __name__ == "__main__":
    main()
