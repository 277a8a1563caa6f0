"""Whether one video track of a publisher keeps to its limits: frame rate, picture size, keyframes.

Only what this session has sent is judged. A stream outlives its publishers, and its figures still show what
the one before has sent until this one's first frames are there. So sizes count once this session has sent
something, and the time between keyframes from its second one on. What a session never sends breaks limits,
too: a picture whose size nobody tells is not let be for want of it, and a track without any keyframe is one
that no newcomer can play.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from engine.policy.excess import Excess
from engine.policy.publisher_limits import Breach, PublisherLimits

FRAME_RATE_SLACK: Final = 1.02
"""Frame rates are nominal: 60 stands for 59.94 as for what a camera's own clock makes of 60, which is within
some hundred parts in a million; and a limit of 30 must not end a stream of 30."""

KEYFRAME_SLACK_S: Final = 0.1
"""An encoder set to two seconds at 29.97 frames cuts at 2.002; two frames at 25 are 0.08."""

UNKNOWN_SIZE_S: Final = 1.0
"""For how long there may be frames of a picture whose size is not known, seconds: encoders begin with codec
header and keyframe, and what tells sizes is one of the two."""


class VideoSample(Struct, frozen=True, kw_only=True):
    """What a track's figures say now. The first three are totals since its stream began."""

    frames: int = 0
    keyframes: int = 0
    tags: int = 0
    """With codec headers, which come before the first frame."""
    keyframe_interval_ms: int = 0
    """Between the newest two."""
    keyframe_age_ms: int = 0
    """From the newest one to the newest frame."""
    width: int = 0
    height: int = 0
    """0 while this session has not told it."""
    codec: str = ""


class VideoJudge:
    """Judges one track in one session.

    Args:
        limits: what it is held to.
        sample: its figures before the session's first byte, or when these limits began to hold.
        now_s: a clock that never goes back, at that moment.
    """

    def __init__(self, limits: PublisherLimits, sample: VideoSample, now_s: float) -> None:
        self._limits = limits
        self._first = self._last = sample
        self._frames = Excess((limits.max_frame_rate or 1.0) * FRAME_RATE_SLACK, limits.window_s, now_s)
        self._unkeyed_since_s: float | None = None
        self._unsized_since_s: float | None = None

    def has_begun(self, sample: VideoSample) -> bool:
        """Whether the session has sent anything of this track."""
        return sample.tags > self._first.tags

    def breaches(self, sample: VideoSample, now_s: float) -> Iterator[Breach]:
        """Take the figures as they are now; all limits that are broken."""
        last, self._last = self._last, sample
        yield from self._rate(max(0, sample.frames - last.frames), now_s)
        if self.has_begun(sample):
            yield from self._size(sample, now_s)
            yield from self._keyframes(sample, now_s)

    def _rate(self, frames: int, now_s: float) -> Iterator[Breach]:
        limit = self._limits.max_frame_rate
        if limit and self._frames.add(frames, now_s):
            yield Breach("frame_rate", f"more than {limit:g} frames a second, sustained")

    def _size(self, sample: VideoSample, now_s: float) -> Iterator[Breach]:
        width, height = sample.width, sample.height
        if not (width and height):
            yield from self._unknown_size(sample, now_s)
            return
        self._unsized_since_s = None
        for wide, high in self._limits.max_sizes:
            if not _fits(width, height, wide, high):
                yield Breach("resolution", f"{width}x{height} is more than {wide or 'any'}x{high or 'any'}")
                return

    def _unknown_size(self, sample: VideoSample, now_s: float) -> Iterator[Breach]:
        if not self._limits.max_sizes or sample.frames <= self._first.frames:
            return
        if self._unsized_since_s is None:
            self._unsized_since_s = now_s
        if now_s - self._unsized_since_s >= UNKNOWN_SIZE_S:
            yield Breach("resolution", "the size of the picture is not known, and it is limited")

    def _keyframes(self, sample: VideoSample, now_s: float) -> Iterator[Breach]:
        limit_s = self._limits.max_keyframe_interval_s
        if limit_s and self._since_keyframe_s(sample, now_s) > limit_s + KEYFRAME_SLACK_S:
            yield Breach("keyframe_interval", f"more than {limit_s:g} s from keyframe to keyframe")

    def _since_keyframe_s(self, sample: VideoSample, now_s: float) -> float:
        """The longer of the newest interval and the one that goes on. Before the session's first keyframe it
        goes on since its first frame, by our clock: there is nothing yet that time in the media could count
        from.
        """
        seen = sample.keyframes - self._first.keyframes
        if seen:
            return max(sample.keyframe_interval_ms if seen > 1 else 0, sample.keyframe_age_ms) / 1000
        if self._unkeyed_since_s is None and sample.frames > self._first.frames:
            self._unkeyed_since_s = now_s
        return now_s - self._unkeyed_since_s if self._unkeyed_since_s is not None else 0.0


def _fits(width: int, height: int, wide: int, high: int) -> bool:
    if wide and high:  # a picture on its side is no larger than one that lies
        wide, high = max(wide, high), min(wide, high)
        width, height = max(width, height), min(width, height)
    return (not wide or width <= wide) and (not high or height <= high)
