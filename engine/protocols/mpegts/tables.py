"""The two tables that lead to media: which programmes there are (PAT), and what is in one (PMT).

ISO 13818-1 §2.4.4.3 and §2.4.4.8.
"""

from typing import Final, NamedTuple

from engine.protocols.mpegts.codecs import Codec, Descriptor, codec_of, walk_descriptors
from engine.protocols.mpegts.packets import FIRST_FREE_PID, NULL_PID, PID_MASK
from engine.protocols.mpegts.sections import PAT_ID, PMT_ID, encode_section

_NETWORK: Final = 0  # programme 0 of a PAT is the network information table
_ENTRY_BYTES: Final = 4
_PMT_HEAD_BYTES: Final = 4
_STREAM_BYTES: Final = 5
_LENGTH_MASK: Final = 0x0FFF


class Elementary(NamedTuple):
    """An elementary stream as a PMT lists it; codec is None if we do not know it."""

    pid: int
    stream_type: int
    codec: Codec | None
    descriptors: tuple[Descriptor, ...]


class ProgrammeMap(NamedTuple):
    """A PMT: where the programme's clock is, and its streams in order."""

    pcr_pid: int
    streams: tuple[Elementary, ...]


def parse_pat(body: bytes) -> dict[int, int]:
    """Return the PID of each programme's map, in order."""
    entries = {}
    for at in range(0, len(body) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        number = int.from_bytes(body[at : at + 2], "big")
        pid = int.from_bytes(body[at + 2 : at + 4], "big") & PID_MASK
        if number != _NETWORK and FIRST_FREE_PID <= pid < NULL_PID:
            entries[number] = pid
    return entries


def parse_pmt(body: bytes) -> ProgrammeMap | None:
    """Read a programme's map; None if its loops do not fit."""
    if len(body) < _PMT_HEAD_BYTES:
        return None
    pcr_pid = int.from_bytes(body[:2], "big") & PID_MASK
    at = _PMT_HEAD_BYTES + (int.from_bytes(body[2:4], "big") & _LENGTH_MASK)
    streams = []
    while at + _STREAM_BYTES <= len(body):
        end = at + _STREAM_BYTES + (int.from_bytes(body[at + 3 : at + 5], "big") & _LENGTH_MASK)
        if end > len(body):
            return None
        pid = int.from_bytes(body[at + 1 : at + 3], "big") & PID_MASK
        if FIRST_FREE_PID <= pid < NULL_PID:
            descriptors = tuple(walk_descriptors(body[at + _STREAM_BYTES : end]))
            streams.append(Elementary(pid, body[at], codec_of(body[at], descriptors), descriptors))
        at = end
    return ProgrammeMap(pcr_pid, tuple(streams)) if at == len(body) else None


def encode_pat(programmes: dict[int, int], *, version: int = 0, stream_id: int = 1) -> bytes:
    """Return the section that lists programmes and the PIDs of their maps."""
    body = b"".join(
        number.to_bytes(2, "big") + (0xE000 | pid).to_bytes(2, "big") for number, pid in programmes.items()
    )
    return encode_section(PAT_ID, stream_id, version, body)


def encode_pmt(
    number: int, pcr_pid: int, streams: list[tuple[int, int, bytes]], *, version: int = 0
) -> bytes:
    """Return the section that lists a programme's streams: (PID, stream type, descriptors)."""
    body = (0xE000 | pcr_pid).to_bytes(2, "big") + b"\xf0\x00"
    for pid, stream_type, descriptors in streams:
        body += bytes((stream_type,)) + (0xE000 | pid).to_bytes(2, "big")
        body += (0xF000 | len(descriptors)).to_bytes(2, "big") + descriptors
    return encode_section(PMT_ID, number, version, body)
