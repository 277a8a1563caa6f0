"""What is fixed about a stream's playlists while they last."""

import math
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from engine.protocols.hls.errors import LocalProtocolError
from engine.protocols.hls.limits import MAX_PLAYLIST_SEGMENTS
from engine.protocols.hls.names import FMP4_SUFFIX, TS_SUFFIX, Suffix, is_stamp

Variant: TypeAlias = Literal["low_latency", "fmp4", "ts"]

KEPT_TARGETS: Final = 3
"""Target durations that a live playlist keeps at least (RFC 8216bis §6.2.2)."""

PARTS_TARGETS: Final = 3
"""Target durations at the playlist's end in which parts are listed (RFC 8216bis §6.2.2)."""

SKIP_TARGETS: Final = 6
"""Target durations at the playlist's end that a delta update never leaves out (RFC 8216bis §4.4.3.8, at least
six)."""

HOLD_BACK_PARTS: Final = 3
"""Part targets a player stays behind the end (RFC 8216bis §4.4.3.8: at least two, should be at least
three)."""


class PlaylistSettings(Struct, frozen=True, kw_only=True):
    """One kind of playlist. Raises LocalProtocolError when the values make none."""

    stamp: str
    variant: Variant = "low_latency"
    segment_s: float = 2.0
    max_segment_s: float = 10.0
    playlist_segments: int = 6
    part_target_s: float = 0.0  # PART-TARGET; without parts 0
    end_list: bool = True  # whether the end of the stream ends the playlist
    skip_dateranges: bool = False  # whether delta updates of version 2 are offered

    def __post_init__(self) -> None:
        if not is_stamp(self.stamp):
            raise LocalProtocolError(f"no stamp: {self.stamp!r}")
        if not 0 < self.segment_s <= self.max_segment_s < math.inf:
            raise LocalProtocolError("segment_s is above 0 and at most max_segment_s")
        if not 1 <= self.playlist_segments <= MAX_PLAYLIST_SEGMENTS:
            raise LocalProtocolError(f"a playlist keeps 1 to {MAX_PLAYLIST_SEGMENTS} segments")
        if self.has_parts and not 0.001 <= self.part_target_s < math.inf:
            raise LocalProtocolError("a playlist of parts needs part_target_s")

    @property
    def has_parts(self) -> bool:
        return self.variant == "low_latency"

    @property
    def suffix(self) -> Suffix:
        return TS_SUFFIX if self.variant == "ts" else FMP4_SUFFIX

    @property
    def advance_parts(self) -> float:
        """The Advance Part Limit (RFC 8216bis §6.2.5.2): how many parts ahead a request may be."""
        return 3.0 if self.part_target_s >= 1 else 3.0 / self.part_target_s
