"""When a stream is cut into segments, parts and chunks, and what the cutter may hold meanwhile."""

from typing import Final, NamedTuple

import msgspec

from engine.media.limits import MAX_BACKWARDS_MS
from engine.media.tags import KIND_AUDIO, KIND_VIDEO

_US_PER_S: Final = 1_000_000
_MS_PER_S: Final = 1_000
_US_PER_MS: Final = 1_000
_FOREVER_US: Final = 1 << 62

MIN_PART_SHARE: Final = 0.85
"""Every part but a segment's last is at least so much of the part target (RFC 8216bis §4.4.4.9)."""

EARLY_START_US: Final = 50_000
"""A keyframe may come so much before the segment is long enough: encoders set to two seconds send some a
frame or two early, and the next one would double the segment."""

LATE_START_US: Final = 50_000
"""And so much after max_segment_s: no need to cut a frame before it. The duration is rounded to whole seconds
before it is compared to the target (RFC 8216bis §4.4.3.1)."""

EARLY_FRAME_US: Final = 5_000
"""So much may a part or chunk lack of its length. Times that came as whole milliseconds lie up to 1 ms off,
and a part of six frames of 33.3 ms must not wait for the seventh."""

LATE_CHUNK_SHARE: Final = 1.5
"""A track that does not lead closes a chunk only when the leading track should have done so long ago."""

SILENCE_US: Final = 500_000
"""A track that has brought nothing while the other went on for so long is silent: its last sample is let go
with a guessed duration. Interleaving of encoders and muxers stays below it (`engine.media.limits`)."""

MAX_STEPS_US: Final = {KIND_AUDIO: 130_000, KIND_VIDEO: 1_000_000}
"""What lasted longer was a gap, and no guess is made by it: 1024 samples at 8 kHz are 128 ms, and a picture a
second is slow."""

DEFAULT_STEPS_US: Final = {KIND_AUDIO: 21_333, KIND_VIDEO: 33_333}
"""Durations of a first sample where no second one came: 1024 samples at 48 kHz, 30 frames a second."""

MIN_PART_US: Final = 1_000
"""What ends with a sample in it has a duration: a millisecond, the least that players tell from nothing."""

MAX_BACKWARDS_US: Final = 2 * MAX_BACKWARDS_MS * _US_PER_MS
"""Time that goes back further is another time line. `engine.media.timeline` lets half of it through."""

MAX_CLOCK_OVERLAP_US: Final = 10 * _US_PER_S
"""After a discontinuity the date goes on where it was if the clock says at most so much less: a burst from a
publisher is ahead of the clock by a few seconds. A clock set back further is believed."""

MAX_CHUNK_SAMPLES: Final = 512
"""Samples of one chunk. 0.1 s of 240 frames a second and of Opus' shortest frames are 64; what sends more has
times that stand still."""

MAX_CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Payload of one chunk, which only a single larger sample may exceed. 0.1 s at 100 Mbit/s are 1.25 MB, and a
chunk has to fit into a ring as one entry."""


class CutSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Lengths in seconds. Segments are cut at the first start point after segment_s, and at max_segment_s in
    any case; part_s 0 is for no parts."""

    segment_s: float = 2.0
    max_segment_s: float = 10.0
    part_s: float = 0.5
    chunk_s: float = 0.1


class CutTimes(NamedTuple):
    """The same in microseconds, as the cutter compares them."""

    segment_us: int  # a start point after so long cuts
    max_segment_us: int
    part_us: int  # the leading track's first sample after so long cuts
    max_part_us: int  # the part target
    chunk_us: int
    late_chunk_us: int
    has_parts: bool

    @classmethod
    def of(cls, settings: CutSettings) -> "CutTimes":
        """Work out the thresholds."""
        chunk_us = int(settings.chunk_s * _US_PER_S)
        has_parts = settings.part_s > 0
        part_target_us = round(settings.part_s / MIN_PART_SHARE * _MS_PER_S) * _US_PER_MS
        return cls(
            segment_us=int(settings.segment_s * _US_PER_S) - EARLY_START_US,
            max_segment_us=int(max(settings.max_segment_s, settings.segment_s) * _US_PER_S),
            part_us=int(settings.part_s * _US_PER_S) - EARLY_FRAME_US if has_parts else _FOREVER_US,
            max_part_us=part_target_us if has_parts else _FOREVER_US,
            chunk_us=chunk_us - EARLY_FRAME_US,
            late_chunk_us=int(chunk_us * LATE_CHUNK_SHARE),
            has_parts=has_parts,
        )
