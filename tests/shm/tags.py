"""Tags for ring tests: every byte can be told from every other tag's."""

import struct
import zlib

from shm.ring import FLAG_START, Entry, RingReader, Tag

SEAL = struct.Struct("<QI")  # sequence, CRC-32 of sequence and filling
FILLING = bytes(range(251)) * 600


def sealed_tag(seq: int, filling_bytes: int, *, flags: int = 0, dts_us: int = 0) -> Tag:
    """A tag that carries its own sequence and checksum."""
    filling = FILLING[seq % 251 : seq % 251 + filling_bytes]
    data = SEAL.pack(seq, checksum(seq, filling)) + filling
    return Tag(data, 9, flags, dts_us, dts_us + 40_000, 7, 1_000 + seq)


def start_tag(seq: int, filling_bytes: int = 0) -> Tag:
    """A sealed tag where a player may start."""
    return sealed_tag(seq, filling_bytes, flags=FLAG_START)


def is_intact(seq: int, data: bytes) -> bool:
    if len(data) < SEAL.size:
        return False
    sealed_seq, crc = SEAL.unpack_from(data)
    return bool(sealed_seq == seq and crc == checksum(seq, data[SEAL.size :]))


def checksum(seq: int, filling: bytes) -> int:
    return zlib.crc32(filling, seq & 0xFFFF_FFFF)


def read(reader: RingReader, entry: Entry) -> bytes:
    return b"".join(reader.views(entry.pos, entry.end))


def readable(reader: RingReader) -> list[Entry]:
    """Every entry of the ring, oldest first."""
    return reader.entries(reader.oldest_seq, reader.head_seq)
