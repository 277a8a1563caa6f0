"""Marks: what the packager says, in the package ring, about the chunks beside them.

A chunk is one moof and mdat; a mark is a small msgpack message. Marks stand only between parts, so the bytes
of one part are contiguous. Folding the marks in their order gives the window of the playlist
(`Window.apply`), in the packager and in every process that serves players alike.

    InitMade(0)  SegmentBegin(0)  chunk chunk PartEnd(0, 0)  chunk chunk PartEnd(0, 1)  SegmentEnd(0)  ...
"""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta, MsgspecError, Struct, msgpack

from engine.protocols.hls.errors import BadMark
from engine.protocols.hls.limits import MAX_CODECS_CHARS, MAX_MARK_BYTES, MAX_NUMBER, MAX_PART

# Kinds of entries in a package ring.
CHUNK: Final = 1
MARK: Final = 2

# Flags of such entries. The first is the ring's own START: a reader may begin there.
SEGMENT_START: Final = 1
PART_START: Final = 2
INDEPENDENT: Final = 4

Count: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
PartIndex: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_PART)]
Codecs: TypeAlias = Annotated[str, Meta(max_length=MAX_CODECS_CHARS, pattern=r"\A[A-Za-z0-9.,_-]*\Z")]


class InitMade(Struct, frozen=True, array_like=True, tag=True):
    """A new init segment; segments that begin from now on may name it."""

    number: Count
    codecs: Codecs  # RFC 6381, both tracks, as CODECS wants it
    width: Count = 0
    height: Count = 0
    frame_rate_milli: Count = 0  # frames in 1,000 s; 0: not known
    has_video: bool = False
    has_audio: bool = False


class SegmentBegin(Struct, frozen=True, array_like=True, tag=True):
    """A segment begins; `independent` says that it does so with a keyframe."""

    msn: Count
    began_us: Count  # wall clock, µs since 1970, of its first frame
    init: Count
    discontinuity: bool
    independent: bool


class PartEnd(Struct, frozen=True, array_like=True, tag=True):
    """A part of the growing segment is whole."""

    msn: Count
    part: PartIndex
    duration_us: Count
    independent: bool
    size_bytes: Count
    first_seq: Count = 0  # ring sequences [first, stop) of its chunks
    stop_seq: Count = 0


class SegmentEnd(Struct, frozen=True, array_like=True, tag=True):
    """The growing segment is whole; `gap` says that its file is not there."""

    msn: Count
    duration_us: Count
    size_bytes: Count
    gap: bool = False


class StreamEnd(Struct, frozen=True, array_like=True, tag=True):
    """Nothing follows, unless somebody publishes again."""


Mark: TypeAlias = InitMade | SegmentBegin | PartEnd | SegmentEnd | StreamEnd

_ENCODER: Final = msgpack.Encoder()
_DECODER: Final = msgpack.Decoder(Mark)


def encode_mark(mark: Mark) -> bytes:
    return _ENCODER.encode(mark)


def decode_mark(data: bytes | memoryview) -> Mark:
    """The mark that `data` holds; BadMark if it is none."""
    if len(data) > MAX_MARK_BYTES:
        raise BadMark(f"a mark of {len(data)} bytes")
    try:
        mark: Mark = _DECODER.decode(data)
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:  # not all are msgspec's own
        raise BadMark(f"not a mark: {error}") from None
    return mark
