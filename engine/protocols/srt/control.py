"""Control packets (draft-sharabayko-srt section 3.2): one frozen Struct per type, every length checked.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-----------------------------+-------------------------------+
    |1|            type             |            subtype            |
    +-+-----------------------------+-------------------------------+
    |                     type-specific information                 |
    +---------------------------------------------------------------+
    |                     timestamp, microseconds                   |
    +---------------------------------------------------------------+
    |                     destination socket id                     |
    +---------------------------------------------------------------+
    |                     control information field (CIF)           |
    +---------------------------------------------------------------+

    packet = decode_control(datagram)           # ControlPacket(timestamp_us, dst_socket_id, body)
    datagram = encode_control(KeepAlive(), timestamp_us, dst_socket_id)

The four libsrt reports of 2026 were all of one kind: a field was read, or copied, by a length that the peer
chose. Here a body is only made of bytes that are there, and a length that the type does not have is refused.
What a number means for the connection (is this sequence number one that I sent?) is not known here.
"""

import struct
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.limits import HEADER_BYTES, MAX_ACK_WORDS, MAX_KM_BYTES, MAX_LOSS_WORDS
from engine.protocols.srt.numbers import SEQ_MASK, seq_diff
from engine.protocols.srt.packets import CONTROL_BIT, HEADER, Buffer, check_size

TYPE_HANDSHAKE: Final = 0
TYPE_KEEP_ALIVE: Final = 1
TYPE_ACK: Final = 2
TYPE_NAK: Final = 3
TYPE_CONGESTION: Final = 4
TYPE_SHUTDOWN: Final = 5
TYPE_ACK_ACK: Final = 6
TYPE_DROP_REQ: Final = 7
TYPE_PEER_ERROR: Final = 8
TYPE_USER: Final = 0x7FFF
"""Draft section 3.2, table 1."""

USER_HSREQ: Final = 1
USER_HSRSP: Final = 2
USER_KMREQ: Final = 3
USER_KMRSP: Final = 4
"""Subtypes of TYPE_USER, the same numbers as the handshake's extensions. After the handshake only the key
material ones are in use; HSREQ and HSRSP were how SRT before 1.3 negotiated."""

HANDSHAKE_BYTES: Final = 48
HSREQ_BYTES: Final = 12
KM_STATE_BYTES: Final = 4

_PAD: Final = bytes(4)
"""libsrt sends a word of padding where a type has no CIF, and so do we."""

_RANGE_BIT: Final = 0x8000_0000
_HANDSHAKE: Final = struct.Struct(">IHHIIIIII16s")
_DROP_REQ: Final = struct.Struct(">II")
_WORD: Final = struct.Struct(">I")


class Handshake(msgspec.Struct, frozen=True):
    """The fixed part of a handshake (section 3.2.1); `handshake` and its neighbours know what it means."""

    version: int
    encryption: int
    """Key length divided by 8, or 0."""
    extension: int
    """Flags of the extensions that follow, or the magic number of an induction's answer."""
    initial_seq: int
    mtu_bytes: int
    flow_window_packets: int
    request: int
    """Induction, conclusion, or 1000 and more for a rejection; unsigned here."""
    socket_id: int
    cookie: int
    peer_ip: bytes
    """16 bytes as they stand on the wire."""
    extensions: bytes = b""
    """What follows the fixed part, whole words."""


class KeepAlive(msgspec.Struct, frozen=True):
    """Nothing to send, still here (section 3.2.3)."""


class LightAck(msgspec.Struct, frozen=True):
    """Everything before `seq` has arrived. It has no number and gets no ACKACK (section 3.2.4)."""

    seq: int


class AckRates(msgspec.Struct, frozen=True):
    """What a receiver measured of the link: the second half of a full ACK."""

    packets_per_s: int
    link_packets_per_s: int
    """Estimated capacity."""
    bytes_per_s: int


class Ack(msgspec.Struct, frozen=True):
    """Everything before `seq` has arrived (section 3.2.4). Full with `rates`, small without."""

    number: int
    """Of the ACK itself, from 1: the ACKACK repeats it."""
    seq: int
    rtt_us: int
    rtt_var_us: int
    free_packets: int
    """Room in the receiver's buffer."""
    rates: AckRates | None = None


class Nak(msgspec.Struct, frozen=True):
    """These are missing: first and last sequence number of each gap, both included (section 3.2.5)."""

    losses: tuple[tuple[int, int], ...]


class Congestion(msgspec.Struct, frozen=True):
    """A delay grows (section 3.2.6); nobody is known to send it, and nothing follows from it."""


class Shutdown(msgspec.Struct, frozen=True):
    """The peer has closed (section 3.2.7).

    The draft has no room for a reason. libsrt pads the packet with a word of zeros, which nobody reads, and
    since 1.6 says there why: below 100 its own reasons, from there on the application's.
    """

    reason: int = 0


class AckAck(msgspec.Struct, frozen=True):
    """Your ACK of this number has arrived: the way to measure a round trip (section 3.2.8)."""

    number: int


class DropReq(msgspec.Struct, frozen=True):
    """The sender has given up on these packets, both ends included (section 3.2.9)."""

    msgno: int
    """0: the range may belong to several messages."""
    first_seq: int
    last_seq: int


class PeerError(msgspec.Struct, frozen=True):
    """The receiver cannot take any more; file transfer only (section 3.2.10)."""

    code: int


class UserDefined(msgspec.Struct, frozen=True):
    """An extension message outside of a handshake: key refresh, and what the future brings."""

    kind: int
    """USER_KMREQ, USER_KMRSP, …"""
    content: bytes


class Unknown(msgspec.Struct, frozen=True):
    """A control type that the draft does not have. libsrt ignores such packets."""

    type: int


Body: TypeAlias = (
    Handshake
    | KeepAlive
    | LightAck
    | Ack
    | Nak
    | Congestion
    | Shutdown
    | AckAck
    | DropReq
    | PeerError
    | UserDefined
    | Unknown
)


class ControlPacket(msgspec.Struct, frozen=True):
    """A control packet, read."""

    timestamp_us: int
    dst_socket_id: int
    body: Body


def decode_control(datagram: Buffer) -> ControlPacket:
    """Read a control packet. Nothing in it refers to the datagram's memory.

    Raises RemoteProtocolError for a data packet, and for any length or value that its type cannot have.
    """
    check_size(datagram)
    word, info, timestamp_us, dst_socket_id = HEADER.unpack_from(datagram)
    if not word & CONTROL_BIT:
        raise RemoteProtocolError("a data packet where control was expected")
    kind = word >> 16 & 0x7FFF
    read = _READERS.get(kind)
    if read is None:
        return ControlPacket(timestamp_us, dst_socket_id, Unknown(kind))
    body = read(word & 0xFFFF, info, bytes(datagram[HEADER_BYTES:]))
    return ControlPacket(timestamp_us, dst_socket_id, body)


def encode_control(body: Body, timestamp_us: int, dst_socket_id: int) -> bytes:
    """The datagram. Raises LocalProtocolError for a body that no datagram can say."""
    kind, subtype, info, content = _fields(body)
    return HEADER.pack(CONTROL_BIT | kind << 16 | subtype, info, timestamp_us, dst_socket_id) + content


def loss_words(losses: tuple[tuple[int, int], ...]) -> int:
    """How many words these gaps take in a loss list; a NAK holds MAX_LOSS_WORDS of them."""
    return sum(1 if first == last else 2 for first, last in losses)


def _read_handshake(_subtype: int, _info: int, content: bytes) -> Body:
    if len(content) < HANDSHAKE_BYTES or len(content) % 4:
        raise RemoteProtocolError(f"a handshake of {len(content)} bytes")
    fields = (*_HANDSHAKE.unpack_from(content), content[HANDSHAKE_BYTES:])
    return Handshake(*fields)


def _read_keep_alive(_subtype: int, _info: int, content: bytes) -> Body:
    _check_padding("a keep-alive", content)
    return KeepAlive()


def _read_ack(_subtype: int, info: int, content: bytes) -> Body:
    words = _words("an ACK", content, MAX_ACK_WORDS)
    seq = _sequence_number(words[0])
    if len(words) == 1:
        return LightAck(seq)
    if len(words) < 4 or len(words) in (5, 6):
        raise RemoteProtocolError(f"an ACK of {len(words)} words")
    rates = AckRates(*words[4:7]) if len(words) > 4 else None
    return Ack(info, seq, words[1], words[2], words[3], rates)


def _read_nak(_subtype: int, _info: int, content: bytes) -> Body:
    words = iter(_words("a NAK", content, MAX_LOSS_WORDS))
    losses = []
    for word in words:
        first = word & SEQ_MASK
        last = first
        if word & _RANGE_BIT:
            last = _end_of_range(first, next(words, None))
        losses.append((first, last))
    return Nak(tuple(losses))


def _read_congestion(_subtype: int, _info: int, content: bytes) -> Body:
    _check_padding("a congestion warning", content)
    return Congestion()


def _read_shutdown(_subtype: int, _info: int, content: bytes) -> Body:
    _check_padding("a shutdown", content)
    return Shutdown(int.from_bytes(content))


def _read_ack_ack(_subtype: int, info: int, content: bytes) -> Body:
    _check_padding("an ACKACK", content)
    return AckAck(info)


def _read_drop_req(_subtype: int, info: int, content: bytes) -> Body:
    if len(content) != _DROP_REQ.size:
        raise RemoteProtocolError(f"a DROPREQ of {len(content)} bytes")
    first, last = _DROP_REQ.unpack(content)
    return DropReq(info, _sequence_number(first), _end_of_range(first, last))


def _read_peer_error(_subtype: int, info: int, content: bytes) -> Body:
    _check_padding("a peer error", content)
    return PeerError(info)


def _read_user(subtype: int, _info: int, content: bytes) -> Body:
    if subtype in (USER_HSREQ, USER_HSRSP) and len(content) != HSREQ_BYTES:
        raise RemoteProtocolError(f"an SRT handshake message of {len(content)} bytes")
    if subtype in (USER_KMREQ, USER_KMRSP):
        _check_key_material(content)
    return UserDefined(subtype, content)


_READERS: Final[dict[int, Callable[[int, int, bytes], Body]]] = {
    TYPE_HANDSHAKE: _read_handshake,
    TYPE_KEEP_ALIVE: _read_keep_alive,
    TYPE_ACK: _read_ack,
    TYPE_NAK: _read_nak,
    TYPE_CONGESTION: _read_congestion,
    TYPE_SHUTDOWN: _read_shutdown,
    TYPE_ACK_ACK: _read_ack_ack,
    TYPE_DROP_REQ: _read_drop_req,
    TYPE_PEER_ERROR: _read_peer_error,
    TYPE_USER: _read_user,
}


def _check_padding(what: str, content: bytes) -> None:
    """Types without a CIF carry nothing, or libsrt's word of padding."""
    if len(content) not in (0, len(_PAD)):
        raise RemoteProtocolError(f"{what} of {len(content)} bytes")


def _check_key_material(content: bytes) -> None:
    if not KM_STATE_BYTES <= len(content) <= MAX_KM_BYTES or len(content) % 4:
        raise RemoteProtocolError(f"a key material message of {len(content)} bytes")


def _words(what: str, content: bytes, most: int) -> tuple[int, ...]:
    count, rest = divmod(len(content), 4)
    if rest or not 1 <= count <= most:
        raise RemoteProtocolError(f"{what} of {len(content)} bytes")
    return struct.unpack(f">{count}I", content)


def _sequence_number(word: int) -> int:
    if word > SEQ_MASK:
        raise RemoteProtocolError("a sequence number of 32 bits")
    return word


def _end_of_range(first: int, word: int | None) -> int:
    """The last sequence number of a range. A range that is cut off or runs backwards is refused."""
    if word is None:
        raise RemoteProtocolError("a range without an end")
    last = _sequence_number(word)
    if seq_diff(last, first) < 0:
        raise RemoteProtocolError("a range that runs backwards")
    return last


def _fields(body: Body) -> tuple[int, int, int, bytes]:
    """Type, subtype, type-specific information and CIF."""
    match body:
        case Handshake():
            return TYPE_HANDSHAKE, 0, 0, _encode_handshake(body)
        case KeepAlive():
            return TYPE_KEEP_ALIVE, 0, 0, _PAD
        case LightAck():
            return TYPE_ACK, 0, 0, _WORD.pack(body.seq)
        case Ack():
            return TYPE_ACK, 0, body.number, _encode_ack(body)
        case Nak():
            return TYPE_NAK, 0, 0, _encode_losses(body.losses)
        case Congestion():
            return TYPE_CONGESTION, 0, 0, _PAD
        case Shutdown():
            return TYPE_SHUTDOWN, 0, 0, _WORD.pack(body.reason)
        case AckAck():
            return TYPE_ACK_ACK, 0, body.number, _PAD
        case DropReq():
            return TYPE_DROP_REQ, 0, body.msgno, _DROP_REQ.pack(body.first_seq, body.last_seq)
        case PeerError():
            return TYPE_PEER_ERROR, 0, body.code, _PAD
        case UserDefined():
            return TYPE_USER, body.kind, 0, body.content
        case Unknown():
            raise LocalProtocolError(f"control type {body.type} is not known")


def _encode_handshake(body: Handshake) -> bytes:
    *fields, extensions = msgspec.structs.astuple(body)
    return _HANDSHAKE.pack(*fields) + bytes(extensions)


def _encode_ack(body: Ack) -> bytes:
    words = [body.seq, body.rtt_us, body.rtt_var_us, body.free_packets]
    if body.rates is not None:
        words += [body.rates.packets_per_s, body.rates.link_packets_per_s, body.rates.bytes_per_s]
    return struct.pack(f">{len(words)}I", *words)


def _encode_losses(losses: tuple[tuple[int, int], ...]) -> bytes:
    words: list[int] = []
    for first, last in losses:
        words += [first] if first == last else [first | _RANGE_BIT, last]
    if not 1 <= len(words) <= MAX_LOSS_WORDS:
        raise LocalProtocolError(f"a loss list of {len(words)} words")
    return struct.pack(f">{len(words)}I", *words)
