"""Where a new player begins: the GOP cache as an index.

The ring still holds the last seconds and its index knows the start points, so there is no cache to fill;
limits only say how far back a start may lie. It is never before the last change of headers (the start's
generation says so) nor in another epoch, because the headers a player gets first are the present ones.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Protocol, TypeVar

import msgspec


class StartMode(Enum):
    """How a player begins: with all that is allowed, at the newest start point, or at the next one to
    come."""

    BURST = "burst"
    KEYFRAME = "keyframe"
    LIVE = "live"


class GopLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How far back a start may lie: start points counted from the newest, seconds, bytes. Zero GOPs: not at
    all."""

    max_gops: int = 2
    max_duration_s: float = 10.0
    max_bytes: int = 8 * 1024 * 1024


class StartPoint(Protocol):
    """What must be known of a start point; an index entry of the ring has it all."""

    @property
    def seq(self) -> int: ...
    @property
    def pos(self) -> int: ...
    @property
    def dts_us(self) -> int: ...
    @property
    def generation(self) -> int: ...
    @property
    def epoch(self) -> int: ...


S = TypeVar("S", bound=StartPoint)


def choose_start(
    mode: StartMode,
    starts: Iterable[S],
    head_pos: int,
    head_dts_us: int,
    generation: int,
    epoch: int,
    limits: GopLimits,
) -> S | None:
    """Return where a player begins, or None: it waits for the next start point.

    starts come newest first and are read no further than needed, so a lazy walk along the index is enough.
    head_pos and head_dts_us are the end of the ring and its newest time, generation and epoch the present
    ones.
    """
    chosen: S | None = None
    if mode is StartMode.LIVE:
        return None
    oldest_pos = head_pos - limits.max_bytes
    oldest_dts_us = head_dts_us - int(limits.max_duration_s * 1_000_000)
    for count, start in enumerate(starts):
        if count >= limits.max_gops or start.pos < oldest_pos or start.dts_us < oldest_dts_us:
            break
        if start.generation != generation or start.epoch != epoch:
            break
        chosen = start
        if mode is StartMode.KEYFRAME:
            break
    return chosen
