"""Cuts frames out of a byte stream (RFC 9113 section 4.1), whatever way its bytes arrive.

h2 reads frames itself, so why before it? Because it reads all that it is given before it says what was in
it, and a fault at the end would lose the requests in front of that; because it waits for the end of a frame
before it looks at its length; and because it does not count. With one frame at a time, what is understood
cannot depend on how the bytes were cut, and at most one frame is held.

    +-----------------------------------------------+
    |                 Length (24)                   |
    +---------------+---------------+---------------+
    |   Type (8)    |   Flags (8)   |
    +-+-------------+---------------+-------------------------------+
    |R|                 Stream Identifier (31)                      |
    +=+=============================================================+
    |                   Frame Payload (0...)                      ...
    +---------------------------------------------------------------+
"""

from enum import IntEnum
from typing import Final, NamedTuple

from engine.protocols.http2 import limits
from engine.protocols.http2.codes import ErrorCode
from engine.protocols.http2.errors import RemoteProtocolError

#: RFC 9113 section 3.4.
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

HEADER_BYTES: Final = 9

#: RFC 9113 sections 6.1 and 6.2, 6.5 and 6.7.
END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4
ACK: Final = 0x1


class Kind(IntEnum):
    """RFC 9113 section 6."""

    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9


class Frame(NamedTuple):
    """One whole frame."""

    kind: int
    flags: int
    stream_id: int
    #: With its header, as it came.
    wire: bytes

    @property
    def payload(self) -> bytes:
        return self.wire[HEADER_BYTES:]


class FrameCutter:
    """Bytes that came, frames that go. Of no use after it has raised."""

    __slots__ = ("_awaits_preface", "_bytes")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._awaits_preface = True

    def add(self, data: bytes) -> None:
        """Append what arrived."""
        self._bytes += data

    def take_preface(self) -> bool:
        """Whether the preface has come by now, or came earlier. Raises as soon as it cannot be one."""
        if self._awaits_preface:
            if not PREFACE.startswith(self._bytes[: len(PREFACE)]):
                raise RemoteProtocolError("this is not HTTP/2", code=ErrorCode.PROTOCOL_ERROR)
            if len(self._bytes) < len(PREFACE):
                return False
            del self._bytes[: len(PREFACE)]
            self._awaits_preface = False
        return True

    def take(self) -> Frame | None:
        """The next frame, or None while it is not whole. Raises for one larger than we said we take."""
        data = self._bytes
        if len(data) < HEADER_BYTES:
            return None
        length = int.from_bytes(data[:3], "big")
        if length > limits.MAX_FRAME_BYTES:
            raise RemoteProtocolError("frame too large", code=ErrorCode.FRAME_SIZE_ERROR)
        end = HEADER_BYTES + length
        if len(data) < end:
            return None
        frame = Frame(data[3], data[4], int.from_bytes(data[5:9], "big") & 0x7FFFFFFF, bytes(data[:end]))
        del data[:end]
        return frame


def goaway(last_stream_id: int, code: int, text: bytes = b"") -> bytes:
    """A whole GOAWAY frame, RFC 9113 section 6.8."""
    payload = last_stream_id.to_bytes(4, "big") + code.to_bytes(4, "big") + text
    return len(payload).to_bytes(3, "big") + bytes((Kind.GOAWAY, 0)) + bytes(4) + payload
