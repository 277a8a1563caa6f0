"""Cuts units (PES packets, tables) into the transport packets of one PID.

The inner packets of a picture are plain: a header of which only the counter changes, and 184 bytes. They are
made as two lists and one join, 0.2 us a packet. The first may carry an adaptation field, the last one is
filled up with stuffing, so that every unit begins in a packet of its own.
"""

from typing import Final

from engine.protocols.mpegts.packets import (
    HAS_ADAPTATION,
    HAS_PAYLOAD,
    HAS_PCR,
    HEADER_BYTES,
    PAYLOAD_BYTES,
    PID_SHIFT,
    SYNC,
    UNIT_START,
    encode_pcr,
)

_COUNTERS: Final = 16
_FILL: Final = b"\xff"


class Packetizer:
    """The packets of one PID. Counters go on over units."""

    def __init__(self, pid: int) -> None:
        self._word = SYNC | pid << PID_SHIFT
        self._plain = [_header(self._word | HAS_PAYLOAD | counter) for counter in range(_COUNTERS)]
        self._counter = 0

    def cut(self, unit: bytes, flags: int = 0, pcr: int | None = None) -> list[bytes]:
        """Return pieces that together are the unit's packets. flags are those of the first packet's
        adaptation field, pcr its clock reference in ticks of 27 MHz."""
        field = _adaptation(flags, pcr)
        room = PAYLOAD_BYTES - len(field)
        if len(unit) < room:
            field = _stuff(field, PAYLOAD_BYTES - len(unit))
            return [self._next_header(UNIT_START, field), field, unit]
        full = (len(unit) - room) // PAYLOAD_BYTES
        end = room + full * PAYLOAD_BYTES
        pieces = [self._next_header(UNIT_START, field), field, unit[:room]]
        pieces += self._cut_plain(unit, room, end, full)
        if end < len(unit):
            field = _stuff(b"", PAYLOAD_BYTES - (len(unit) - end))
            pieces += (self._next_header(0, field), field, unit[end:])
        return pieces

    def cut_table(self, section: bytes, flags: int = 0) -> list[bytes]:
        """Return the packets of a table: a pointer, the section, and 0xFF to the end (ISO 13818-1 §2.4.4)."""
        unit = b"\0" + section
        field = _adaptation(flags, None)
        return self.cut(unit + _FILL * (-(len(unit) + len(field)) % PAYLOAD_BYTES), flags)

    def clock_only(self, pcr: int, flags: int = 0) -> bytes:
        """Return a packet that carries nothing but a clock reference; the counter stands still (§2.4.3.3)."""
        field = _stuff(_adaptation(flags, pcr), PAYLOAD_BYTES)
        return _header(self._word | HAS_ADAPTATION | (self._counter - 1) % _COUNTERS) + field

    def _cut_plain(self, unit: bytes, begin: int, end: int, count: int) -> list[bytes]:
        first = self._counter
        headers = self._plain[first:] + self._plain * (count // _COUNTERS) + self._plain[:first]
        self._counter = (first + count) % _COUNTERS
        pieces = [b""] * (2 * count)
        pieces[::2] = headers[:count]
        pieces[1::2] = [unit[at : at + PAYLOAD_BYTES] for at in range(begin, end, PAYLOAD_BYTES)]
        return pieces

    def _next_header(self, start: int, field: bytes) -> bytes:
        counter, self._counter = self._counter, (self._counter + 1) % _COUNTERS
        return _header(self._word | start | (HAS_ADAPTATION if field else 0) | HAS_PAYLOAD | counter)


def _header(word: int) -> bytes:
    return word.to_bytes(HEADER_BYTES, "big")


def _adaptation(flags: int, pcr: int | None) -> bytes:
    """Return an adaptation field without stuffing; nothing if it would say nothing."""
    if pcr is not None:
        return bytes((7, flags | HAS_PCR)) + encode_pcr(pcr)
    return bytes((1, flags)) if flags else b""


def _stuff(field: bytes, size: int) -> bytes:
    """Return the field made so long with stuffing."""
    if size <= 1:
        return bytes(size)
    return bytes((size - 1,)) + (field[1:] or b"\0").ljust(size - 1, _FILL)
