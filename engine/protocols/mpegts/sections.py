"""Tables in packets: sections put together and taken apart (ISO 13818-1 §2.4.4).

A packet with the unit start bit has a pointer as its first byte: so many bytes belong to the section before,
then a new one begins. More sections may follow at once; a first byte of 0xFF ends them.
"""

from typing import Final, NamedTuple

from engine.protocols.mpegts.crc import crc32
from engine.protocols.mpegts.limits import MAX_SECTION_BYTES

PAT_ID: Final = 0x00  # ISO 13818-1 table 2-31
PMT_ID: Final = 0x02
_LENGTH_AT: Final = 3  # bytes up to and with section_length
_HEAD_BYTES: Final = 8
_CRC_BYTES: Final = 4
_MIN_BYTES: Final = _HEAD_BYTES + _CRC_BYTES  # in the long form, which all tables read here have
_STUFFING: Final = 0xFF


class Section(NamedTuple):
    """A checked section of a table: which table, what it is about (a transport stream, a programme), which
    edition, which part of how many."""

    table_id: int
    extension: int
    version: int
    number: int
    last_number: int
    body: bytes


class SectionReader:
    """Payloads of one PID in, raw sections out. Holds at most one section and one packet.

    A section of an impossible length ends the reading up to the next pointer.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._open = False

    def lose(self) -> None:
        """A packet is missing: what has begun will not be whole."""
        self._buffer, self._open = b"", False

    def take(self, payload: bytes, *, unit_start: bool) -> list[bytes]:
        """Return the sections that this payload completes."""
        if not unit_start:
            return self._read(payload) if self._open else []
        begin = 1 + payload[0] if payload else 0
        sections = self._read(payload[1:begin]) if self._open else []
        self._buffer, self._open = b"", True
        return sections + self._read(payload[begin:])

    def _read(self, data: bytes) -> list[bytes]:
        sections: list[bytes] = []
        self._buffer += data
        while len(self._buffer) >= _LENGTH_AT:
            end = _LENGTH_AT + (int.from_bytes(self._buffer[1:3], "big") & 0x0FFF)
            if self._buffer[0] == _STUFFING or not _MIN_BYTES <= end <= MAX_SECTION_BYTES:
                self.lose()
                break
            if len(self._buffer) < end:
                break
            sections.append(self._buffer[:end])
            self._buffer = self._buffer[end:]
        return sections


def parse_section(raw: bytes) -> Section | None:
    """Check a section in the long form and its CRC32; None if it is damaged. Whoever does not apply yet
    (current_next_indicator 0) has number -1."""
    if len(raw) < _MIN_BYTES or not raw[1] & 0x80 or crc32(raw):
        return None
    number = raw[6] if raw[5] & 1 else -1
    extension = int.from_bytes(raw[3:5], "big")
    return Section(raw[0], extension, raw[5] >> 1 & 0x1F, number, raw[7], raw[_HEAD_BYTES:-_CRC_BYTES])


def encode_section(table_id: int, extension: int, version: int, body: bytes) -> bytes:
    """Return the only section of a table, with its CRC32."""
    length = _HEAD_BYTES - _LENGTH_AT + len(body) + _CRC_BYTES
    head = bytes((table_id,)) + (0xB000 | length).to_bytes(2, "big") + extension.to_bytes(2, "big")
    section = head + bytes((0xC1 | (version & 0x1F) << 1, 0, 0)) + body
    return section + crc32(section).to_bytes(_CRC_BYTES, "big")
