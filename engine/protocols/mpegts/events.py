"""What a transport stream tells its reader. Frozen values without behaviour."""

from typing import TypeAlias

import msgspec


class Media(msgspec.Struct, frozen=True, gc=False):
    """One FLV tag's worth, for `engine.media.intake.Intake.take`: kind 8 audio, 9 video.

    timestamp_ms is the decoding time modulo 2^32; dts_us and pts_us are the same before rounding, on one
    unwrapped line per reader that starts at the first time it saw (they may be negative).
    """

    kind: int
    timestamp_ms: int
    body: bytes
    dts_us: int
    pts_us: int


class Track(msgspec.Struct, frozen=True):
    """An elementary stream of a programme.

    codec is its FourCC, or "" if it is not one that we read; used says whether it is the one of its kind that
    comes out as media (the first of video and the first of audio).
    """

    pid: int
    stream_type: int
    codec: str
    language: str
    used: bool


class Programme(msgspec.Struct, frozen=True):
    """The programme that is read from now on: at the beginning, and again when its tracks change."""

    number: int
    tracks: tuple[Track, ...]


TsEvent: TypeAlias = Media | Programme
