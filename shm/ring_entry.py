"""What goes into a ring, and what its index says about it."""

import struct
from typing import Final, NamedTuple

FLAG_START: Final = 1  # a player may start here
FLAG_KEYFRAME: Final = 2
FLAG_HEADER: Final = 4  # a codec header
FLAG_METADATA: Final = 8
FLAG_REPAIRED: Final = 16  # its timestamp is not the publisher's

NO_START: Final = 2**64 - 1

# The packed word of an entry: length in bits 0..31, kind in 32..39, flags in 40..55.
KIND_SHIFT: Final = 32
FLAGS_SHIFT: Final = 40
LENGTH_MASK: Final = 0xFFFF_FFFF
KIND_MASK: Final = 0xFF
FLAGS_MASK: Final = 0xFFFF

# The epoch's word: header generation in bits 0..31, epoch in 32..63.
EPOCH_SHIFT: Final = 32
GENERATION_MASK: Final = 0xFFFF_FFFF
EPOCH_MAX: Final = 0xFFFF_FFFF

# Native words, not "<": those are read whole, the little-endian ones byte by byte.
ENTRY: Final = struct.Struct("@QQQqqQQQ")
EntryWords = tuple[int, int, int, int, int, int, int, int]


class Tag(NamedTuple):
    """One FLV tag on its way into the ring.

    `data` is the whole tag as a player must receive it: 11-byte header, body, 4-byte back pointer.
    """

    data: bytes | bytearray | memoryview
    kind: int  # FLV tag type: 8 audio, 9 video, 18 script
    flags: int
    dts_us: int
    pts_us: int
    generation: int  # of the codec headers that the tag needs; 32 bits
    ingest_ns: int  # monotonic


class Entry(NamedTuple):
    """One tag in the ring, as the index has it. Bytes `[pos, pos + length)` are the tag."""

    seq: int
    pos: int
    length: int
    kind: int
    flags: int
    dts_us: int
    pts_us: int
    epoch: int
    generation: int
    ingest_ns: int
    start_seq: int  # of the newest start point at or before this tag; NO_START if there is none

    @property
    def end(self) -> int:
        return self.pos + self.length


def entry_of(words: EntryWords) -> Entry:
    """The entry that the eight words of an index row say."""
    seq, pos, packed, dts_us, pts_us, epochs, ingest_ns, start_seq = words
    return Entry(
        seq,
        pos,
        packed & LENGTH_MASK,
        packed >> KIND_SHIFT & KIND_MASK,
        packed >> FLAGS_SHIFT & FLAGS_MASK,
        dts_us,
        pts_us,
        epochs >> EPOCH_SHIFT,
        epochs & GENERATION_MASK,
        ingest_ns,
        start_seq,
    )
