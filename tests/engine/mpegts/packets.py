"""Transport packets by hand, so that tests can make what no multiplexer makes."""

from collections.abc import Iterator
from typing import NamedTuple

PACKET_BYTES = 188
PCR_FLAG = 0x10


class Packet(NamedTuple):
    """A packet taken apart, for looking at what was written."""

    pid: int
    start: bool
    counter: int
    flags: int
    pcr: int | None
    payload: bytes

    @property
    def discontinuity(self) -> bool:
        return self.flags & 0x80 != 0


def split_packets(data: bytes) -> Iterator[Packet]:
    """Take every packet apart."""
    for at in range(0, len(data), PACKET_BYTES):
        yield parse_packet(data[at : at + PACKET_BYTES])


def parse_packet(packet: bytes) -> Packet:
    assert len(packet) == PACKET_BYTES
    assert packet[0] == 0x47
    begin, flags, pcr = 4, 0, None
    if packet[3] & 0x20:
        begin = 5 + packet[4]
        flags = packet[5] if packet[4] else 0
        if flags & PCR_FLAG:
            value = int.from_bytes(packet[6:12], "big")
            pcr = (value >> 15) * 300 + (value & 0x1FF)
    payload = packet[begin:] if packet[3] & 0x10 else b""
    pid = (packet[1] & 0x1F) << 8 | packet[2]
    return Packet(pid, bool(packet[1] & 0x40), packet[3] & 15, flags, pcr, payload)


def packet(
    pid: int,
    payload: bytes = b"",
    *,
    counter: int = 0,
    start: bool = False,
    adaptation: bytes | None = None,
    flags: int = 0,
) -> bytes:
    """Make a packet. adaptation is what stands behind the field's length byte; where it is None the packet is
    filled up with stuffing. flags go to the second and fourth byte as 16 bits: error, priority,
    scrambling."""
    if adaptation is None and len(payload) < 184:
        room = 183 - len(payload)
        adaptation = b"" if not room else b"\0" + b"\xff" * (room - 1)
    field = b"" if adaptation is None else bytes((len(adaptation),)) + adaptation
    control = (0x20 if field else 0) | (0x10 if payload else 0)
    head = bytes((0x47, (flags >> 8) | start << 6 | pid >> 8, pid & 0xFF, flags & 0xFF | control | counter))
    made = head + field + payload
    assert len(made) == PACKET_BYTES
    return made


class Wire:
    """Packets in a row: keeps each PID's counter."""

    def __init__(self) -> None:
        self.counters: dict[int, int] = {}
        self.data = b""

    def put(self, pid: int, payload: bytes, *, start: bool = False, adaptation: bytes | None = None) -> None:
        counter = self.counters.get(pid, 0)
        self.data += packet(pid, payload, counter=counter, start=start, adaptation=adaptation)
        self.counters[pid] = (counter + 1) & 15

    def put_unit(self, pid: int, unit: bytes) -> None:
        """A PES packet, the last of its packets stuffed."""
        for at in range(0, len(unit), 184):
            self.put(pid, unit[at : at + 184], start=at == 0)

    def put_table(self, pid: int, section: bytes) -> None:
        unit = b"\0" + section
        self.put_unit(pid, unit + b"\xff" * (-len(unit) % 184))
