"""Time lines: where the samples of a track lie, from times in microseconds that jitter.

Video stands where its times say, to the tick. Audio has a grid of its own, one frame after the other; FLV's
milliseconds, and encoders that stamp by a clock, are off it now and then, and players hear each gap. So a
frame follows the one before while its time is near enough, and else it stands where its time says. Three
quarters of a frame are near: a frame that was lost shows, jitter does not.

A duration is the distance to where the next sample will be. The first sample of a chunk is the one that was
told as the end of the chunk before, and stands where it was put then; should another one come, or had none
been told, it stands where its own time says. So chunks may be cut anywhere, and time may begin anew.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple, Protocol

from engine.protocols.fmp4.forms import DELTA_SAMPLE, SYNC_SAMPLE, VIDEO_TIMESCALE, Sample, Track, video_ticks
from engine.protocols.fmp4.frame_headers import opus_samples

_US: Final = 1_000_000
_MASK_32: Final = 0xFFFFFFFF
_FIRST_PICTURE_TICKS: Final = VIDEO_TIMESCALE // 30  # where nothing is known but one picture
_NEAR_MS: Final = 12  # at least, for short frames and those of Opus: three quarters of 16 ms

_VIDEO_ROW: Final = Struct(">IIII")  # duration, size, flags, composition offset
_AUDIO_ROW: Final = Struct(">II")  # duration, size


class Run(NamedTuple):
    """The samples of one track in a chunk: decoding time of the first, and the rows of trun."""

    ticks: int
    rows: list[bytes]


class Line(Protocol):
    """What both are."""

    def run(self, samples: Sequence[Sample], end_us: int | None) -> Run:
        """Place samples in order of decoding; the next one will come at end_us, if that is known."""
        ...


class VideoLine:
    """Composition offsets are signed, so that what is shown is to the tick where its time says, even should
    decoding times go back: those never do in a chunk."""

    def __init__(self) -> None:
        self._duration = _FIRST_PICTURE_TICKS
        self._told: tuple[int | None, int] = (None, 0)  # the next sample's time, and where it was put

    def run(self, samples: Sequence[Sample], end_us: int | None) -> Run:
        """Place pictures."""
        pack, rows, duration = _VIDEO_ROW.pack, list[bytes](), self._duration
        told_us, at = self._told
        if told_us != samples[0].dts_us:
            at = max(0, video_ticks(samples[0].dts_us))
        begin = at
        for sample, next_us in zip(samples, _followers(samples, end_us), strict=True):
            if next_us is not None:
                duration = min(max(0, video_ticks(next_us) - at), _MASK_32)
            flags = SYNC_SAMPLE if sample.key else DELTA_SAMPLE
            offset = video_ticks(sample.pts_us) - at & _MASK_32
            rows.append(pack(duration, len(sample.data), flags, offset))
            at += duration
        self._duration, self._told = duration, (end_us, at)
        return Run(begin, rows)


class AudioLine:
    """Frames whose length is known lie on the grid."""

    def __init__(self, track: Track) -> None:
        self._rate = track.timescale
        self._frame_ticks = track.frame_ticks
        self._is_opus = track.codec == "Opus"
        self._near = max(track.frame_ticks * 3 // 4, self._rate * _NEAR_MS // 1000)
        self._follows_at: int | None = None  # where the next frame begins if it follows
        self._duration = track.frame_ticks
        self._told: tuple[int | None, int] = (None, 0)  # as in VideoLine

    def run(self, samples: Sequence[Sample], end_us: int | None) -> Run:
        """Place frames of sound."""
        pack, rows, duration = _AUDIO_ROW.pack, list[bytes](), self._duration
        told_us, at = self._told
        if told_us != samples[0].dts_us:
            at = self._place(samples[0].dts_us)
        begin = at
        for sample, next_us in zip(samples, _followers(samples, end_us), strict=True):
            length = opus_samples(sample.data) if self._is_opus else self._frame_ticks
            self._follows_at = at + length if length else None
            if next_us is not None:
                duration = min(max(0, self._place(next_us) - at), _MASK_32)
            elif length:
                duration = length
            rows.append(pack(duration, len(sample.data)))
            at += duration
        self._duration, self._told = duration, (end_us, at)
        return Run(begin, rows)

    def _place(self, dts_us: int) -> int:
        at, follows_at = (dts_us * self._rate + _US // 2) // _US, self._follows_at
        return follows_at if follows_at is not None and abs(at - follows_at) <= self._near else max(0, at)


def _followers(samples: Sequence[Sample], end_us: int | None) -> list[int | None]:
    """Return for each sample the time of the one after it."""
    times: list[int | None] = [sample.dts_us for sample in samples]
    times.append(end_us)
    return times[1:]
