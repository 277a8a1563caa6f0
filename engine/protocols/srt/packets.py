"""The header of every SRT packet, and the data packet (draft-sharabayko-srt sections 3 and 3.1).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-------------------------------------------------------------+
    |0|                 packet sequence number                      |  data
    +---+-+---+-+---------------------------------------------------+
    |P P|O|K K|R|                 message number                    |  `marks`
    +---+-+---+-+---------------------------------------------------+
    |                     timestamp, microseconds                   |
    +---------------------------------------------------------------+
    |                     destination socket id                     |
    +---------------------------------------------------------------+

The second word stays one integer, `marks`, with a property for each part: most packets are looked at for
their sequence number and their key alone. `marks_of` puts such a word together.
"""

import struct
from typing import Final, TypeAlias

import msgspec

from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.limits import HEADER_BYTES, MAX_DATAGRAM_BYTES
from engine.protocols.srt.numbers import MSGNO_MASK

Buffer: TypeAlias = bytes | bytearray | memoryview
"""What a datagram may arrive in, and a payload may be given in."""

HEADER: Final = struct.Struct(">IIII")
"""Sequence number, marks, timestamp, destination: for whoever writes many headers."""

CONTROL_BIT: Final = 0x8000_0000

POSITION_MIDDLE: Final = 0
POSITION_LAST: Final = 1
POSITION_FIRST: Final = 2
POSITION_SOLO: Final = 3
"""PP: where the packet stands in its message. Live mode knows only SOLO."""

KEY_NONE: Final = 0
KEY_EVEN: Final = 1
KEY_ODD: Final = 2
KEY_BOTH: Final = 3
"""KK: the key that the payload is encrypted with. BOTH is for key material; on a data packet it is an
error."""

IN_ORDER_BIT: Final = 1 << 29
RETRANSMITTED_BIT: Final = 1 << 26
POSITION_SHIFT: Final = 30
KEY_SHIFT: Final = 27


class DataPacket(msgspec.Struct, frozen=True, gc=False):
    """One data packet. Encrypted or not: `key` says which."""

    seq: int
    marks: int
    timestamp_us: int
    dst_socket_id: int
    payload: Buffer

    @property
    def position(self) -> int:
        """PP, one of the POSITION constants."""
        return self.marks >> POSITION_SHIFT

    @property
    def in_order(self) -> bool:
        """O: the message must not overtake earlier ones. Without meaning in live mode."""
        return bool(self.marks & IN_ORDER_BIT)

    @property
    def key(self) -> int:
        """KK, one of the KEY constants."""
        return self.marks >> KEY_SHIFT & 3

    @property
    def retransmitted(self) -> bool:
        """R: sent before, and reported lost."""
        return bool(self.marks & RETRANSMITTED_BIT)

    @property
    def msgno(self) -> int:
        """The message's number, 26 bits."""
        return self.marks & MSGNO_MASK


def marks_of(
    msgno: int,
    *,
    position: int = POSITION_SOLO,
    in_order: bool = False,
    key: int = KEY_NONE,
    retransmitted: bool = False,
) -> int:
    """The second word of a data packet's header."""
    marks = position << POSITION_SHIFT | key << KEY_SHIFT | msgno & MSGNO_MASK
    if in_order:
        marks |= IN_ORDER_BIT
    if retransmitted:
        marks |= RETRANSMITTED_BIT
    return marks


def is_control(datagram: Buffer) -> bool:
    """Whether it is a control packet. Ask only of datagrams that `check_size` let pass."""
    return datagram[0] >= 0x80


def check_size(datagram: Buffer) -> None:
    """Raise RemoteProtocolError for what is too short or too long for an SRT packet."""
    if not HEADER_BYTES <= len(datagram) <= MAX_DATAGRAM_BYTES:
        raise RemoteProtocolError(f"a datagram of {len(datagram)} bytes")


def destination(datagram: Buffer) -> int:
    """The socket id that a datagram of any kind is for; 0 is for the listener. Raises RemoteProtocolError."""
    check_size(datagram)
    return int.from_bytes(datagram[12:16], "big")


def decode_data(datagram: Buffer) -> DataPacket:
    """Read a data packet; its payload is a slice of the datagram, a view if that is one.

    Raises RemoteProtocolError for a control packet and for a datagram of impossible size. An empty payload
    passes: libsrt sends none, and nothing follows from one.
    """
    check_size(datagram)
    seq, marks, timestamp_us, dst_socket_id = HEADER.unpack_from(datagram)
    if seq & CONTROL_BIT:
        raise RemoteProtocolError("a control packet where data was expected")
    return DataPacket(seq, marks, timestamp_us, dst_socket_id, datagram[HEADER_BYTES:])


def encode_header(packet: DataPacket) -> bytes:
    """The 16 bytes that stand before the payload."""
    return HEADER.pack(packet.seq, packet.marks, packet.timestamp_us, packet.dst_socket_id)


def encode_data(packet: DataPacket) -> bytes:
    """The whole datagram."""
    return encode_header(packet) + packet.payload
