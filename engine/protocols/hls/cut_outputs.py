"""What a cutter gives out, in the order in which it has to be written."""

from typing import NamedTuple, TypeAlias

from engine.protocols.hls.marks import Mark


class Chunk(NamedTuple):
    """Media: one moof and mdat, or some transport packets.

    dts_us is the decoding time of its first sample. independent: with segment_start or part_start, whether
    what begins here can be decoded without what was before.
    """

    data: bytes
    dts_us: int
    segment_start: bool
    part_start: bool
    independent: bool


class Init(NamedTuple):
    """An init segment; its `InitMade` follows."""

    number: int
    data: bytes


Output: TypeAlias = Chunk | Init | Mark
