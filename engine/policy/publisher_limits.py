"""What a publisher may send, and whether it keeps to it. Pure; what is measured and the time are arguments.

Six limits, each of which may be absent: bitrate and frame rate, sustained (`excess`); picture size; time from
keyframe to keyframe; codecs; the length of a session. A limit that is broken is one *episode* however long
that lasts: the judge says so once when it begins, and who warns does so once; who ends the publisher does it
then. Which of the two is not the judge's affair. Nor is who has set a limit: of several the strictest counts.

Only what this session has sent is judged. A stream outlives its publishers, and its figures still show what
the one before has sent until this one's first frames are there; so codecs and sizes count only from tracks of
which this session has sent something, and keyframes from its second one on.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, TypeVar

from msgspec import Struct

from engine.policy.excess import Excess

Reason = Literal["bitrate", "frame_rate", "resolution", "keyframe_interval", "codec", "session_length"]
REASONS: Final[tuple[Reason, ...]] = (
    "bitrate",
    "frame_rate",
    "resolution",
    "keyframe_interval",
    "codec",
    "session_length",
)
"""The order is that of the bits in shared memory: append, never reorder."""

Number = TypeVar("Number", int, float)

FRAME_RATE_SLACK: Final = 1.02
"""Frame rates are nominal: 60 stands for 59.94 as for what a camera's own clock makes of 60, which is within
some hundred parts in a million; and a limit of 30 must not end a stream of 30."""

KEYFRAME_SLACK_S: Final = 0.1
"""An encoder set to two seconds at 29.97 frames cuts at 2.002; two frames at 25 are 0.08."""


class PublisherLimits(Struct, frozen=True, kw_only=True):
    """What one publisher is held to; 0 or nothing is no limit."""

    max_bitrate_bps: int = 0
    """Of the media, all tracks together, without what the network adds."""
    max_frame_rate: float = 0.0
    window_s: float = 10.0
    """How long twice the bitrate or frame rate is tolerated; see `excess`."""
    max_sizes: tuple[tuple[int, int], ...] = ()
    """Widths and heights that a picture must fit into, all of them; 0 is no limit for one of the two. A
    picture that stands on its side is measured lying where both are given."""
    max_keyframe_interval_s: float = 0.0
    codecs: frozenset[str] | None = None
    """FourCCs that are allowed; None: all."""
    max_session_s: float = 0.0

    @property
    def any(self) -> bool:
        """Whether there is anything to judge."""
        return self != PublisherLimits(window_s=self.window_s)


def strictest(window_s: float, *of: PublisherLimits) -> PublisherLimits:
    """Limits that are kept exactly by who keeps all of these, at least one; judged over that window."""
    return PublisherLimits(
        max_bitrate_bps=_lowest([each.max_bitrate_bps for each in of]),
        max_frame_rate=_lowest([each.max_frame_rate for each in of]),
        window_s=window_s,
        max_sizes=tuple(size for each in of for size in each.max_sizes),
        max_keyframe_interval_s=_lowest([each.max_keyframe_interval_s for each in of]),
        codecs=_common(each.codecs for each in of),
        max_session_s=_lowest([each.max_session_s for each in of]),
    )


def _lowest(limits: Sequence[Number]) -> Number:
    """The lowest limit among them; 0, if each is 0, which is none."""
    return min(filter(None, limits), default=limits[0])


def _common(codecs: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """What all allow, which may be nothing; None, if all allow all."""
    lists = [allowed for allowed in codecs if allowed is not None]
    return frozenset.intersection(*lists) if lists else None


class Sample(Struct, frozen=True, kw_only=True):
    """What a stream's figures say now. The first five are totals since the stream began."""

    media_bytes: int = 0
    video_frames: int = 0
    """Of the main video track."""
    keyframes: int = 0
    video_tags: int = 0
    """With codec headers, which come before the first frame."""
    audio_tags: int = 0
    keyframe_interval_ms: int = 0
    """Between the newest two."""
    keyframe_age_ms: int = 0
    """From the newest one to the newest frame."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Width and height of each video track; 0 is unknown."""
    video_codecs: tuple[str, ...] = ()
    audio_codecs: tuple[str, ...] = ()


class Breach(Struct, frozen=True):
    """A limit that has begun to be broken: which, and a sentence for the log and the publisher."""

    reason: Reason
    text: str


class PublisherJudge:
    """Judges one session.

    Args:
        limits: what it is held to.
        sample: the stream's figures before the session's first byte, or when other limits began to hold.
        now_s: a clock that never goes back, at that moment.
        began_s: when the session began.
    """

    def __init__(self, limits: PublisherLimits, sample: Sample, now_s: float, began_s: float) -> None:
        self.limits = limits
        self._first = self._last = sample
        self._began_s = began_s
        window_s = limits.window_s
        self._bits = Excess(limits.max_bitrate_bps or 1.0, window_s, now_s)
        self._frames = Excess((limits.max_frame_rate or 1.0) * FRAME_RATE_SLACK, window_s, now_s)
        self._broken: dict[Reason, str] = {}

    @property
    def broken(self) -> tuple[Reason, ...]:
        """The limits that are broken now."""
        return tuple(self._broken)

    def judge(self, sample: Sample, now_s: float) -> list[Breach]:
        """Take the figures as they are now; the limits that were kept until now and are not any more."""
        before, last = self._broken, self._last
        self._last = sample
        self._broken = dict(self._breaches(sample, last, now_s))
        return [Breach(reason, text) for reason, text in self._broken.items() if reason not in before]

    def _breaches(self, sample: Sample, last: Sample, now_s: float) -> Iterator[tuple[Reason, str]]:
        yield from self._rates(sample, last, now_s)
        if self._has_video(sample):
            yield from self._sizes(sample)
            yield from self._keyframes(sample)
        yield from self._codecs(sample)
        if 0 < self.limits.max_session_s <= now_s - self._began_s:
            yield "session_length", f"the session has lasted {self.limits.max_session_s:g} s"

    def _rates(self, sample: Sample, last: Sample, now_s: float) -> Iterator[tuple[Reason, str]]:
        limits = self.limits
        bits, frames = 8 * (sample.media_bytes - last.media_bytes), sample.video_frames - last.video_frames
        if limits.max_bitrate_bps and self._bits.add(max(0, bits), now_s):
            yield "bitrate", f"more than {limits.max_bitrate_bps} bit/s, sustained"
        if limits.max_frame_rate and self._frames.add(max(0, frames), now_s):
            yield "frame_rate", f"more than {limits.max_frame_rate:g} frames a second, sustained"

    def _sizes(self, sample: Sample) -> Iterator[tuple[Reason, str]]:
        for width, height in sample.sizes:
            for wide, high in self.limits.max_sizes:
                if not _fits(width, height, wide, high):
                    yield "resolution", f"{width}x{height} is more than {wide or 'any'}x{high or 'any'}"
                    return

    def _keyframes(self, sample: Sample) -> Iterator[tuple[Reason, str]]:
        limit_s = self.limits.max_keyframe_interval_s
        seen = sample.keyframes - self._first.keyframes
        if not limit_s or not seen:
            return
        interval_ms = sample.keyframe_interval_ms if seen > 1 else 0
        if max(interval_ms, sample.keyframe_age_ms) > 1000 * (limit_s + KEYFRAME_SLACK_S):
            yield "keyframe_interval", f"more than {limit_s:g} s from keyframe to keyframe"

    def _codecs(self, sample: Sample) -> Iterator[tuple[Reason, str]]:
        allowed = self.limits.codecs
        if allowed is None:
            return
        shown = sample.video_codecs if self._has_video(sample) else ()
        if sample.audio_tags > self._first.audio_tags:
            shown += sample.audio_codecs
        wrong = [codec for codec in shown if codec and codec not in allowed]
        if wrong:
            yield "codec", f"{wrong[0]} is not allowed, only {', '.join(sorted(allowed)) or 'nothing'}"

    def _has_video(self, sample: Sample) -> bool:
        return sample.video_tags > self._first.video_tags


def _fits(width: int, height: int, wide: int, high: int) -> bool:
    if wide and high:  # a picture on its side is no larger than one that lies
        wide, high = max(wide, high), min(wide, high)
        width, height = max(width, height), min(width, height)
    return (not wide or width <= wide) and (not high or height <= high)
