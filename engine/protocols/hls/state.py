"""What a window consists of: plain values that go into a snapshot as they are.

They are arrays on the wire, since a snapshot of an hour has to fit the arena's 256 KiB.
"""

from typing import Annotated

from msgspec import Meta, Struct

from engine.protocols.hls.limits import MAX_REMOVED, MAX_WINDOW_SEGMENTS
from engine.protocols.hls.marks import Count, InitMade
from engine.protocols.hls.settings import PlaylistSettings


class Part(Struct, frozen=True, array_like=True, gc=False):
    """A whole part, and where its bytes lie in the package ring: sequences [first, stop)."""

    duration_us: Count
    independent: bool
    size_bytes: Count
    first_seq: Count
    stop_seq: Count


class Segment(Struct, frozen=True, array_like=True):
    """A finished segment. In time its parts are not listed any more, then not held; their count stays."""

    msn: Count
    began_us: Count
    duration_us: Count
    size_bytes: Count
    init: Count
    shows_init: bool  # whether its EXT-X-MAP is written even behind another segment
    discontinuity: bool
    independent: bool
    gap: bool
    window_us: Count  # how long the playlist was when it came in
    part_count: Count
    parts: tuple[Part, ...]
    lists_parts: bool = True


class Growing(Struct, array_like=True):
    """The segment that is being made."""

    msn: Count
    began_us: Count
    init: Count
    shows_init: bool
    discontinuity: bool
    independent: bool
    parts: list[Part]
    duration_us: Count = 0
    size_bytes: Count = 0


class Removed(Struct, frozen=True, array_like=True, gc=False):
    """A file that the playlist no longer names: when it left, and how long players may still want it."""

    name: str
    left_us: Count
    keep_us: Count


class Measured(Struct, array_like=True):
    """Bytes and time of all segments since the newest init segment, and the peak of their bit rate."""

    size_bytes: Count = 0
    duration_us: Count = 0
    peak_bps: Count = 0


class WindowState(Struct, array_like=True):
    """All that a window knows."""

    settings: PlaylistSettings
    target_s: Count
    segments: Annotated[list[Segment], Meta(max_length=MAX_WINDOW_SEGMENTS)]
    inits: list[InitMade]
    removed: Annotated[list[Removed], Meta(max_length=MAX_REMOVED)]
    measured: Measured
    growing: Growing | None = None
    next_msn: Count | None = None  # None: the first segment says
    lasts_us: Count = 0  # all segments together
    discontinuity_sequence: Count = 0
    dependent_segments: Count = 0  # of those held, the ones that begin without a keyframe
    ended: bool = False
    changes: Count = 0
