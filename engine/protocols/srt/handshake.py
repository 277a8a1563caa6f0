"""What a handshake's fields and extensions mean (draft-sharabayko-srt sections 3.2.1 and 4.3).

Caller and listener, version 5, four packets:

    caller                                                              listener
      induction    version 4, extension field 2, cookie 0       -->
                   <--      version 5, magic 0x4A17, the cookie, the rest as it came
      conclusion   version 5, cookie, HSREQ [SID] [CONGESTION] [KMREQ]   -->
                   <--      the listener's socket id, HSRSP [KMRSP]; or 1000 + reason, no extensions

Extensions are blocks: type, length in words, content. Bits in the extension field say which groups of them
to look for; a block whose bit is missing is not looked at, as in libsrt. Texts (stream id, congestion
control) go over the wire with each word's bytes turned round, because libsrt treats them as 32-bit numbers;
key material, which it treats the same, is turned twice and stays as it is.
"""

import struct
from enum import IntFlag
from ipaddress import IPv6Address, ip_address
from typing import Final

import msgspec

from engine.protocols.srt.control import Handshake
from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.limits import MAX_STREAM_ID_BYTES
from engine.protocols.srt.rejections import Rejection

REQUEST_INDUCTION: Final = 1
REQUEST_CONCLUSION: Final = 0xFFFF_FFFF
"""-1. Zero and -2 belong to the rendezvous mode, which Fanlight does not have; rejections begin at 1000."""

VERSION_INDUCTION: Final = 4
VERSION_5: Final = 5
MAGIC: Final = 0x4A17
INDUCTION_EXTENSION: Final = 2
"""UDT's SOCK_DGRAM, which the extension field was made from."""

EXTENSION_HSREQ: Final = 1
EXTENSION_KMREQ: Final = 2
EXTENSION_CONFIG: Final = 4
"""Bits of the extension field (section 3.2.1, table 3)."""

BLOCK_HSREQ: Final = 1
BLOCK_HSRSP: Final = 2
BLOCK_KMREQ: Final = 3
BLOCK_KMRSP: Final = 4
BLOCK_SID: Final = 5
BLOCK_CONGESTION: Final = 6
BLOCK_FILTER: Final = 7
BLOCK_GROUP: Final = 8
"""Types of extension blocks (section 3.2.1, table 5)."""

SRT_VERSION: Final = 0x010504
"""What we announce: libsrt 1.5.4, the version whose GCM this is."""

MIN_PEER_VERSION: Final = 0x010300
"""libsrt 1.3.0, the first with version 5 handshakes."""

GCM_VERSION: Final = 0x010504

LIVE: Final = "live"


class Flag(IntFlag):
    """What a side can do (section 3.2.1.1.1)."""

    TSBPD_SENDER = 0x01
    TSBPD_RECEIVER = 0x02
    CRYPT = 0x04
    TOO_LATE_DROP = 0x08
    PERIODIC_NAK = 0x10
    RETRANSMIT_BIT = 0x20
    STREAM = 0x40
    """Bytes instead of messages: not live mode."""
    PACKET_FILTER = 0x80


OUR_FLAGS: Final = (
    Flag.TSBPD_SENDER
    | Flag.TSBPD_RECEIVER
    | Flag.CRYPT
    | Flag.TOO_LATE_DROP
    | Flag.PERIODIC_NAK
    | Flag.RETRANSMIT_BIT
)
"""libsrt's, without the packet filter. CRYPT says that we know encryption, not that it is on."""

_HELLO: Final = struct.Struct(">IIHH")
_BLOCK: Final = struct.Struct(">HH")


class Hello(msgspec.Struct, frozen=True):
    """The content of HSREQ and HSRSP (section 3.2.1.1)."""

    version: int
    """libsrt's version, 0x00MMmmpp."""
    flags: Flag
    receive_latency_ms: int
    """The delay that its sender will receive with."""
    send_latency_ms: int
    """The least delay that its sender wants the other side to receive with."""

    def has(self, flag: Flag) -> bool:
        """Whether the sender announced this."""
        return flag in self.flags


class Extensions(msgspec.Struct, frozen=True):
    """What a conclusion carries behind its fixed part."""

    hello: Hello
    key_material: bytes | None = None
    """Content of KMREQ or KMRSP."""
    stream_id: str = ""
    congestion: str = ""
    """The sender's congestion control, "" for live."""
    packet_filter: bool = False
    group: bool = False


def decode_request(handshake: Handshake) -> Extensions:
    """A caller's extensions. Raises RemoteProtocolError with the code to refuse it with."""
    blocks = _blocks(handshake)
    hello = _decode_hello(blocks.get(BLOCK_HSREQ))
    configured = handshake.extension & EXTENSION_CONFIG
    return Extensions(
        hello,
        _key_material(handshake, blocks, BLOCK_KMREQ),
        _decode_text(blocks.get(BLOCK_SID)) if configured else "",
        _decode_text(blocks.get(BLOCK_CONGESTION)) if configured else "",
        bool(configured) and BLOCK_FILTER in blocks,
        bool(configured) and BLOCK_GROUP in blocks,
    )


def decode_answer(handshake: Handshake) -> Extensions:
    """A listener's extensions. Raises RemoteProtocolError."""
    blocks = _blocks(handshake)
    hello = _decode_hello(blocks.get(BLOCK_HSRSP))
    return Extensions(hello, _key_material(handshake, blocks, BLOCK_KMRSP))


def encode_request(extensions: Extensions) -> tuple[int, bytes]:
    """The extension field and the blocks of a caller's conclusion, in libsrt's order."""
    bits = EXTENSION_HSREQ
    blocks = _block(BLOCK_HSREQ, _encode_hello(extensions.hello))
    if extensions.stream_id:
        bits |= EXTENSION_CONFIG
        blocks += _block(BLOCK_SID, encode_text(extensions.stream_id))
    if extensions.congestion:
        bits |= EXTENSION_CONFIG
        blocks += _block(BLOCK_CONGESTION, encode_text(extensions.congestion))
    if extensions.key_material is not None:
        bits |= EXTENSION_KMREQ
        blocks += _block(BLOCK_KMREQ, extensions.key_material)
    return bits, blocks


def encode_answer(extensions: Extensions) -> tuple[int, bytes]:
    """The extension field and the blocks of a listener's conclusion."""
    bits = EXTENSION_HSREQ
    blocks = _block(BLOCK_HSRSP, _encode_hello(extensions.hello))
    if extensions.key_material is not None:
        bits |= EXTENSION_KMREQ
        blocks += _block(BLOCK_KMRSP, extensions.key_material)
    return bits, blocks


def encode_text(text: str) -> bytes:
    """A text as extensions carry it: padded to words, each turned round."""
    data = text.encode()
    if len(data) > MAX_STREAM_ID_BYTES:
        raise LocalProtocolError(f"a text of {len(data)} bytes")
    return _turn_words(data + bytes(-len(data) % 4))


def encode_ip(host: str) -> bytes:
    """An address as the peer IP field carries it: libsrt turns its words round too, and puts an IPv4 address,
    also one that an IPv6 socket shows, into the first word."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return _turn_words(address.packed).ljust(16, b"\0")


def version_text(version: int) -> str:
    """libsrt's version for people: "1.5.4"."""
    return f"{version >> 16 & 0xFF}.{version >> 8 & 0xFF}.{version & 0xFF}"


def _blocks(handshake: Handshake) -> dict[int, bytes]:
    """Type -> content. A type that comes twice, or runs over the end, is nonsense."""
    if not handshake.extension & EXTENSION_HSREQ:
        raise _rogue("a conclusion without HSREQ")
    blocks: dict[int, bytes] = {}
    rest = handshake.extensions
    while rest:
        kind, words = _BLOCK.unpack(rest[: _BLOCK.size].ljust(_BLOCK.size, b"\0"))
        end = _BLOCK.size + 4 * words
        if end > len(rest) or kind in blocks:
            raise _rogue(f"extension block {kind} of {words} words")
        blocks[kind] = rest[_BLOCK.size : end]
        rest = rest[end:]
    return blocks


def _block(kind: int, content: bytes) -> bytes:
    return _BLOCK.pack(kind, len(content) // 4) + content


def _decode_hello(content: bytes | None) -> Hello:
    """Three words; longer ones are from the future, and their beginning is the same."""
    if content is None or len(content) < _HELLO.size:
        raise _rogue("a conclusion without a whole HSREQ")
    version, flags, receive_latency_ms, send_latency_ms = _HELLO.unpack_from(content)
    return Hello(version, Flag(flags), receive_latency_ms, send_latency_ms)


def _encode_hello(hello: Hello) -> bytes:
    return _HELLO.pack(hello.version, hello.flags, hello.receive_latency_ms, hello.send_latency_ms)


def _key_material(handshake: Handshake, blocks: dict[int, bytes], kind: int) -> bytes | None:
    if not handshake.extension & EXTENSION_KMREQ:
        return None
    content = blocks.get(kind)
    if content is None:
        raise _rogue("key material announced, but none there")
    return content


def _decode_text(content: bytes | None) -> str:
    """A text; in C it would end at the first zero byte, so it does here."""
    if content is None:
        return ""
    if not 0 < len(content) <= MAX_STREAM_ID_BYTES:
        raise _rogue(f"a text of {len(content)} bytes")
    try:
        return _turn_words(content).partition(b"\0")[0].decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("a text that is not UTF-8", Rejection.BAD_REQUEST) from None


def _turn_words(data: bytes) -> bytes:
    count = len(data) // 4
    return struct.pack(f"<{count}I", *struct.unpack(f">{count}I", data))


def _rogue(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(what, Rejection.ROGUE)
