"""Frames from server to client: never masked, never fragmented, so a header depends on the length alone."""

import struct
from enum import IntEnum
from typing import Final

from engine.protocols.websocket import limits
from engine.protocols.websocket.errors import LocalProtocolError


class Opcode(IntEnum):
    """RFC 6455 section 5.2."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


#: RFC 6455 section 7.4.1: stands for a close frame without a code and is never sent.
NO_STATUS: Final = 1005

#: Codes that only ever describe what did not happen on the wire (RFC 6455 section 7.4.1).
_LOCAL_CODES: Final = frozenset({1004, 1005, 1006, 1015})

_FIN = 0x80
_TWO_BYTE_LENGTH = 126
_EIGHT_BYTE_LENGTH = 127


def frame_header(length: int, opcode: int = Opcode.BINARY) -> bytes:
    """The 2, 4 or 10 bytes that stand before a payload of `length` bytes."""
    first = _FIN | opcode
    if length < _TWO_BYTE_LENGTH:
        return bytes((first, length))
    if length < 1 << 16:
        return struct.pack("!BBH", first, _TWO_BYTE_LENGTH, length)
    return struct.pack("!BBQ", first, _EIGHT_BYTE_LENGTH, length)


def payload_sizes(frames: bytes) -> list[int]:
    """The bytes of each payload in `frames`: whole frames, and each with a header by `frame_header`."""
    sizes, at = [], 0
    while at < len(frames):
        size, at = frames[at + 1], at + 2
        if size >= _TWO_BYTE_LENGTH:
            start, at = at, at + (2 if size == _TWO_BYTE_LENGTH else 8)
            size = int.from_bytes(frames[start:at], "big")
        sizes.append(size)
        at += size
    return sizes


def encode_frame(payload: bytes, opcode: int = Opcode.BINARY) -> bytes:
    """A whole frame."""
    return frame_header(len(payload), opcode) + payload


def ping(payload: bytes = b"") -> bytes:
    """A ping; the pong brings `payload` (at most 125 bytes) back."""
    return _control(Opcode.PING, payload)


def pong(payload: bytes = b"") -> bytes:
    """The answer to a ping: its own payload. Of several pings only the newest needs one (section 5.5.3)."""
    return _control(Opcode.PONG, payload)


def close(code: int = NO_STATUS, reason: str = "") -> bytes:
    """A close frame; `NO_STATUS` sends none. A reason longer than 123 bytes is cut at a character."""
    if code == NO_STATUS and not reason:
        return _control(Opcode.CLOSE, b"")
    if not 1000 <= code <= 4999 or code in _LOCAL_CODES:
        raise LocalProtocolError(f"close code {code} is not for the wire")
    return _control(Opcode.CLOSE, struct.pack("!H", code) + _cut(reason))


def _cut(reason: str) -> bytes:
    raw = reason.encode("utf-8", "replace")[: limits.MAX_REASON_BYTES]
    return raw.decode("utf-8", "ignore").encode()


def _control(opcode: Opcode, payload: bytes) -> bytes:
    if len(payload) > limits.MAX_CONTROL_BYTES:
        raise LocalProtocolError("a control frame carries at most 125 bytes")
    return encode_frame(payload, opcode)
