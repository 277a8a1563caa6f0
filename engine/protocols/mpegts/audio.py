"""Audio: from the payloads of PES packets to FLV bodies, one frame each.

Frames follow each other without regard to PES packets: one may hold several frames, end in the middle of one,
or begin there. A PES packet's time is that of the first frame that begins in it (ISO 13818-1 §2.4.3.7); the
others follow at the distance that their samples take, so that rounding never adds up.
"""

from typing import Final, NamedTuple, Protocol

from engine.media.tags import KIND_AUDIO
from engine.protocols.mpegts.clock import TICKS_PER_S, ms_of, us_of
from engine.protocols.mpegts.events import Media, TsEvent
from engine.protocols.mpegts.limits import MAX_AUDIO_FRAMES
from engine.protocols.mpegts.statistics import TsStats

_MAX_ATTEMPTS: Final = 64  # places in one PES packet at which a frame is looked for after damage


class AudioFrame(NamedTuple):
    """What one frame of a stream comes to: FLV bodies of so many samples each, and the body of the codec
    header they need, if the codec has one. No bodies: it cannot be read yet."""

    bodies: tuple[bytes, ...]
    samples: int
    rate: int
    header: bytes | None = None


class AudioCodec(Protocol):
    """How one coding cuts its stream into frames."""

    sync: bytes
    """The byte that every frame begins with."""
    head_bytes: int
    """Bytes that tell a frame's length."""

    def frame_bytes(self, data: bytes, at: int) -> int:
        """Return the length of the frame that begins there, 0 if none does. `head_bytes` are there."""

    def read(self, frame: bytes) -> AudioFrame | None:
        """Read a frame; None if FLV has no form for it."""


class AudioTrack:
    """One audio track: PES payloads in, FLV messages out."""

    def __init__(self, codec: AudioCodec, stats: TsStats) -> None:
        self._codec = codec
        self._stats = stats
        self._rest = b""  # a frame that has begun
        self._rest_time: int | None = None  # its time, if it was said
        self._base: int | None = None  # time from which samples are counted
        self._samples = 0
        self._rate = 0
        self._told: bytes | None = None

    def take(self, payload: bytes, times: tuple[int, int] | None, *, torn: bool) -> list[TsEvent]:
        """Take the payload of one PES packet: its decoding and its presentation time if it has them, and
        whether its end is missing."""
        data, anchors = self._rest + payload, [(0, self._rest_time)]
        anchors.append((len(self._rest), times[1] if times else None))
        at, events = 0, list[TsEvent]()
        for _ in range(MAX_AUDIO_FRAMES):
            at, length = self._next_frame(data, at)
            if not length or at + length > len(data):
                break
            while anchors and at >= anchors[0][0]:
                self._anchor(anchors.pop(0)[1])
            self._take_frame(data[at : at + length], events)
            at += length
        else:
            at = len(data)
        self._keep(data, at, anchors, torn=torn)
        return events

    def _keep(self, data: bytes, at: int, anchors: list[tuple[int, int | None]], *, torn: bool) -> None:
        """Remember the frame that has begun, and its time; behind a hole there is neither."""
        self._rest, self._rest_time = data[at:], None
        for begin, time in anchors:
            if at >= begin and time is not None:
                self._rest_time = time
        if torn:
            self._rest, self._rest_time, self._base = b"", None, None

    def _next_frame(self, data: bytes, at: int) -> tuple[int, int]:
        """Return where the next frame begins and its length; 0 if its head is not whole yet."""
        codec, last = self._codec, len(data) - self._codec.head_bytes
        if at > last:
            return at, 0
        length = codec.frame_bytes(data, at)
        if length:
            return at, length
        self._stats.bad_frames += 1
        for _ in range(_MAX_ATTEMPTS):
            at = data.find(codec.sync, at + 1)
            if at < 0 or at > last:
                return (len(data), 0) if at < 0 else (at, 0)
            length = codec.frame_bytes(data, at)
            if length and (at + length > last or codec.frame_bytes(data, at + length)):
                return at, length
        return len(data), 0

    def _anchor(self, time: int | None) -> None:
        if time is not None:
            self._base, self._samples = time, 0

    def _take_frame(self, frame: bytes, events: list[TsEvent]) -> None:
        read = self._codec.read(frame)
        if read is None:
            self._stats.bad_frames += 1
            return
        if not read.bodies:
            self._stats.headless_frames += 1
            return
        if read.rate != self._rate:
            self._base, self._samples, self._rate = self._now(), 0, read.rate
        for body in read.bodies:
            now = self._now()
            self._samples += read.samples
            if now is None:
                self._stats.untimed_units += 1
                continue
            if read.header is not None and read.header != self._told:
                self._told = read.header
                events.append(_message(now, read.header))
            events.append(_message(now, body))

    def _now(self) -> int | None:
        """Return the time of the next frame."""
        if self._base is None or not self._rate:
            return self._base
        return self._base + self._samples * TICKS_PER_S // self._rate


def _message(ticks: int, body: bytes) -> Media:
    us = us_of(ticks)
    return Media(KIND_AUDIO, ms_of(ticks) & 0xFFFFFFFF, body, us, us)
