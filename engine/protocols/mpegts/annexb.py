"""NAL units between start codes (H.264 annex B, H.265 annex B), and behind lengths as FLV has them.

Split by the interpreter's own search, a picture of 16 kB takes a few microseconds. Zeros behind a NAL unit
are never part of it (its last byte is not zero), so that start codes of three and four bytes and trailing
zeros need no cases.
"""

from typing import Final

from engine.protocols.mpegts.limits import MAX_NAL_UNITS
from engine.protocols.mpegts.pes import START_CODE

LONG_START: Final = b"\x00" + START_CODE
LENGTH_BYTES: Final = 4


def split_annexb(data: bytes) -> list[bytes] | None:
    """Return the NAL units; None if there are too many to be true. Whatever stands before the first start
    code belongs to no NAL unit."""
    pieces = data.split(START_CODE, MAX_NAL_UNITS + 1)
    if len(pieces) > MAX_NAL_UNITS + 1:
        return None
    return [nal for piece in pieces[1:] if (nal := piece.rstrip(b"\0"))]


def split_lengths(data: bytes, length_bytes: int) -> list[bytes] | None:
    """Return the NAL units of an FLV body; None if their lengths do not add up."""
    units: list[bytes] = []
    at = 0
    while at < len(data):
        begin = at + length_bytes
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data) or len(units) > MAX_NAL_UNITS:
            return None
        units.append(data[begin:at])
    return [unit for unit in units if unit]
