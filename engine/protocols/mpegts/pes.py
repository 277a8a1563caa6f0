"""The PES packet: start code, length, times, payload (ISO 13818-1 §2.4.3.6)."""

from typing import Final, NamedTuple

from engine.protocols.mpegts.clock import STAMP_MASK

START_CODE: Final = b"\x00\x00\x01"
_FIXED_BYTES: Final = 9  # up to and with PES_header_data_length
_LENGTH_AT: Final = 4
_LENGTH_COUNTS_FROM: Final = 6
_STAMP_BYTES: Final = 5
_MAX_LENGTH: Final = 0xFFFF

_HAS_PTS: Final = 0x80
_HAS_DTS: Final = 0x40
_SCRAMBLED: Final = 0x30
_ALIGNED: Final = 0x84  # "10", not scrambled, data_alignment_indicator

# Marker bits of a time stamp: each of its three parts ends with a one.
_MARKERS: Final = 1 << 32 | 1 << 16 | 1

VIDEO_ID: Final = 0xE0  # ISO 13818-1 table 2-22
AUDIO_ID: Final = 0xC0
PRIVATE_ID: Final = 0xBD
# stream ids without the fields behind the length: maps, padding, private 2, ECM, EMM, DSM-CC, H.222.1,
# directory
_BARE_IDS: Final = frozenset({0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF})


class Pes(NamedTuple):
    """A PES packet read: its times as 33 bits of 90 kHz, None where there is none, and what it carries."""

    pts: int | None
    dts: int | None
    payload: bytes


def parse_pes(data: bytes) -> Pes | None:
    """Read a whole PES packet; None if it is none, is scrambled or carries no stream. Bytes beyond the length
    it announces are left out, missing ones are not noticed here."""
    if len(data) < _FIXED_BYTES or data[:3] != START_CODE or data[3] in _BARE_IDS:
        return None
    if data[6] >> 6 != 2 or data[6] & _SCRAMBLED:
        return None
    begin = _FIXED_BYTES + data[8]
    announced = data[_LENGTH_AT] << 8 | data[_LENGTH_AT + 1]
    end = _LENGTH_COUNTS_FROM + announced if announced else len(data)
    pts = _read_stamp(data, _FIXED_BYTES) if data[7] & _HAS_PTS and data[8] >= _STAMP_BYTES else None
    both = pts is not None and data[7] & _HAS_DTS and data[8] >= 2 * _STAMP_BYTES
    dts = _read_stamp(data, _FIXED_BYTES + _STAMP_BYTES) if both else None
    return Pes(pts, dts, data[begin:end])


def _read_stamp(data: bytes, at: int) -> int | None:
    """Return the 33 bits; None where its marker bits are not ones."""
    raw = int.from_bytes(data[at : at + _STAMP_BYTES], "big")
    if raw & _MARKERS != _MARKERS:
        return None
    return raw >> 3 & 0x1C0000000 | raw >> 2 & 0x3FFF8000 | raw >> 1 & 0x7FFF


def encode_pes_header(stream_id: int, pts: int, dts: int, payload_bytes: int) -> bytes:
    """Return what stands before a payload. Times are taken modulo 2^33; a payload too long for the length
    field (64 KiB) has none, which the standard allows for video alone."""
    if pts == dts:
        stamps = _encode_stamp(0x2, pts)
        flags = _HAS_PTS
    else:
        stamps = _encode_stamp(0x3, pts) + _encode_stamp(0x1, dts)
        flags = _HAS_PTS | _HAS_DTS
    length = _FIXED_BYTES - _LENGTH_COUNTS_FROM + len(stamps) + payload_bytes
    if length > _MAX_LENGTH:
        length = 0
    head = bytes((stream_id, length >> 8, length & 0xFF, _ALIGNED, flags, len(stamps)))
    return START_CODE + head + stamps


def _encode_stamp(mark: int, ticks: int) -> bytes:
    stamp = ticks & STAMP_MASK
    spread = (stamp & 0x1C0000000) << 3 | (stamp & 0x3FFF8000) << 2 | (stamp & 0x7FFF) << 1
    return (mark << 36 | spread | _MARKERS).to_bytes(_STAMP_BYTES, "big")
