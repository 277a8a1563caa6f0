"""The transport packet (ISO 13818-1 §2.4.3.2): four bytes of header, an adaptation field, a payload.

    sync 0x47 u8 | error 1, unit start 1, priority 1, PID 13 | scrambling 2, adaptation 1, payload 1, counter
    4

The header is handled as one big-endian word throughout.
"""

from struct import Struct
from typing import Final, NamedTuple

PACKET_BYTES: Final = 188
HEADER_BYTES: Final = 4
PAYLOAD_BYTES: Final = PACKET_BYTES - HEADER_BYTES
SYNC_BYTE: Final = 0x47

GROUP_PACKETS: Final = 7  # what fits an Ethernet frame: 1316 bytes, the payload of one SRT datagram
GROUP_BYTES: Final = GROUP_PACKETS * PACKET_BYTES

SYNC: Final = SYNC_BYTE << 24
TRANSPORT_ERROR: Final = 0x800000
UNIT_START: Final = 0x400000
PRIORITY: Final = 0x200000
PID_SHIFT: Final = 8
PID_MASK: Final = 0x1FFF
SCRAMBLED: Final = 0xC0
HAS_ADAPTATION: Final = 0x20
HAS_PAYLOAD: Final = 0x10
COUNTER_MASK: Final = 0x0F

PAT_PID: Final = 0
FIRST_FREE_PID: Final = 0x10  # below are tables (ISO 13818-1 table 2-3)
NULL_PID: Final = 0x1FFF

# Adaptation field flags (§2.4.3.4)
DISCONTINUITY: Final = 0x80
RANDOM_ACCESS: Final = 0x40
HAS_PCR: Final = 0x10
_HAS_OPCR: Final = 0x08
_HAS_SPLICE: Final = 0x04
_HAS_PRIVATE: Final = 0x02
_HAS_EXTENSION: Final = 0x01
_PCR_BYTES: Final = 6

PACKETS: Final = Struct(f">I{PAYLOAD_BYTES}s")


class Adaptation(NamedTuple):
    """An adaptation field: how many bytes it has with its length byte, what it says, and whether it is longer
    than it needs to be. pcr is in ticks of 27 MHz."""

    size: int
    discontinuity: bool
    pcr: int | None
    stuffed: bool


def read_adaptation(rest: bytes, *, payload_follows: bool) -> Adaptation | None:
    """Read the field at the beginning of what follows the packet header; None if it does not fit there."""
    length = rest[0]
    if length >= PAYLOAD_BYTES - payload_follows:
        return None
    if not length:
        return Adaptation(1, False, None, True)
    flags = rest[1]
    pcr = None
    if flags & HAS_PCR and length > _PCR_BYTES:
        value = int.from_bytes(rest[2:8], "big")
        pcr = (value >> 15) * 300 + (value & 0x1FF)
    return Adaptation(1 + length, flags & DISCONTINUITY != 0, pcr, length > _needed(rest, flags))


def _needed(rest: bytes, flags: int) -> int:
    """Count the bytes after the length byte that the flags account for (§2.4.3.4)."""
    needed = 1 + _PCR_BYTES * (flags >> 4 & 1) + _PCR_BYTES * (flags >> 3 & 1) + (flags >> 2 & 1)
    for flag in (_HAS_PRIVATE, _HAS_EXTENSION):
        if flags & flag:
            if needed + 1 >= PAYLOAD_BYTES:
                return PAYLOAD_BYTES
            needed += 1 + rest[1 + needed]
    return needed


def encode_pcr(pcr: int) -> bytes:
    """Return the six bytes of a clock reference of 27 MHz: 33 bits of base, 6 reserved, 9 of extension."""
    base, extension = divmod(pcr, 300)
    return ((base & 0x1FFFFFFFF) << 15 | 0x7E00 | extension).to_bytes(_PCR_BYTES, "big")
