"""RTMP as a client speaks it (Adobe's RTMP 1.0): handshake, a few commands, chunks both ways."""

import struct
from collections.abc import Callable

HANDSHAKE_BYTES = 1536
#: S0, S1 and S2: what a server has said when it may be spoken to.
SERVER_HANDSHAKE_BYTES = 1 + 2 * HANDSHAKE_BYTES

#: C0 and C1 with version zero, which asks for the plain handshake (section 5.2.3).
C0C1 = b"\x03" + bytes(HANDSHAKE_BYTES)

SET_CHUNK_SIZE = 1
ACKNOWLEDGEMENT = 3
COMMAND = 20

#: What OBS announces.
CHUNK_BYTES = 4096
_DEFAULT_CHUNK_BYTES = 128
_EXTENDED = 0xFFFFFF

Value = str | float | None | dict[str, str | float]


def amf(*values: Value) -> bytes:
    """AMF0: numbers, strings, null and flat objects."""
    return b"".join(map(_amf_value, values))


def _amf_value(value: Value) -> bytes:
    if value is None:
        return b"\x05"
    if isinstance(value, str):
        return b"\x02" + _amf_name(value)
    if isinstance(value, dict):
        return b"\x03" + b"".join(_amf_name(k) + _amf_value(v) for k, v in value.items()) + b"\0\0\x09"
    return b"\0" + struct.pack(">d", value)


def _amf_name(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def message(
    kind: int,
    body: bytes,
    *,
    csid: int = 3,
    stream: int = 0,
    timestamp_ms: int = 0,
    chunk_bytes: int = CHUNK_BYTES,
) -> bytes:
    """One message with a full header, cut into chunks (section 5.3.1)."""
    extended = struct.pack(">I", timestamp_ms) if timestamp_ms >= _EXTENDED else b""
    head = (
        bytes((csid,))
        + min(timestamp_ms, _EXTENDED).to_bytes(3, "big")
        + len(body).to_bytes(3, "big")
        + bytes((kind,))
        + struct.pack("<I", stream)
        + extended
    )
    if len(body) <= chunk_bytes:
        return head + body
    pieces = [head, body[:chunk_bytes]]
    for begin in range(chunk_bytes, len(body), chunk_bytes):
        pieces += (bytes((0xC0 | csid,)), extended, body[begin : begin + chunk_bytes])
    return b"".join(pieces)


def set_chunk_size(size: int = CHUNK_BYTES) -> bytes:
    """Announces the size of our chunks (section 5.4.1)."""
    return message(SET_CHUNK_SIZE, struct.pack(">I", size), csid=2)


def acknowledgement(received_bytes: int) -> bytes:
    """What a client owes its server now and then (section 5.4.3); also a sign of life."""
    return message(ACKNOWLEDGEMENT, struct.pack(">I", received_bytes & 0xFFFFFFFF), csid=2)


def connect(app: str, url: str) -> bytes:
    """The first command."""
    about: dict[str, str | float] = {"app": app, "flashVer": "LNX 9,0,124,2", "tcUrl": url}
    return message(COMMAND, amf("connect", 1.0, about))


def create_stream() -> bytes:
    """Asks for the message stream to publish or play on."""
    return message(COMMAND, amf("createStream", 2.0, None))


def publish(name: str, stream: int) -> bytes:
    """Begins to publish."""
    return message(COMMAND, amf("publish", 3.0, None, name, "live"), csid=8, stream=stream)


def play(name: str, stream: int) -> bytes:
    """Begins to play the live stream `name`."""
    return message(COMMAND, amf("play", 4.0, None, name, -1000.0), csid=8, stream=stream)


def stream_number(result: bytes) -> int:
    """The message stream that an answer to createStream names: its last value."""
    (number,) = struct.unpack(">d", result[-8:])
    return int(number)


class Scanner:
    """Calls `take(kind, body)` for every whole message a server sends after its handshake."""

    def __init__(self, take: Callable[[int, bytes], None]) -> None:
        self._take = take
        self._pending = bytearray()
        self._chunk_bytes = _DEFAULT_CHUNK_BYTES
        self._streams: dict[int, _ChunkStream] = {}

    def feed(self, data: bytes) -> None:
        """More bytes, cut anywhere."""
        self._pending += data
        position = 0
        while (end := self._chunk(position)) is not None:
            position = end
        del self._pending[:position]

    def _chunk(self, position: int) -> int | None:
        """Take the chunk at `position`; where it ends, or None while it is not whole."""
        data, have = self._pending, len(self._pending)
        if have < position + 3:
            return None
        form, csid, at = data[position] >> 6, data[position] & 0x3F, position + 1
        if csid < 2:
            csid, at = (data[at] + 64, at + 1) if csid == 0 else (data[at] + 256 * data[at + 1] + 64, at + 2)
        stream = self._streams.setdefault(csid, _ChunkStream())
        at_body = stream.header_end(form, data, at)
        if at_body is None or have < at_body + (size := stream.next_bytes(form, data, at, self._chunk_bytes)):
            return None
        stream.take_header(form, data, at)
        stream.body += data[at_body : at_body + size]
        if len(stream.body) == stream.length:
            self._finish(stream)
        return at_body + size

    def _finish(self, stream: "_ChunkStream") -> None:
        body, stream.body = bytes(stream.body), bytearray()
        if stream.kind == SET_CHUNK_SIZE:
            self._chunk_bytes = int.from_bytes(body[:4], "big") & 0x7FFFFFFF
        self._take(stream.kind, body)


class _ChunkStream:
    """What one chunk stream remembers between its chunks (section 5.3.1.2)."""

    __slots__ = ("body", "extended", "kind", "length")

    def __init__(self) -> None:
        self.length = self.kind = 0
        self.extended = False
        self.body = bytearray()

    def header_end(self, form: int, data: bytearray, at: int) -> int | None:
        """Where the chunk's payload begins; None while the header is not whole."""
        end = at + (11, 7, 3, 0)[form]
        if len(data) < end:
            return None
        end += 4 if self._is_extended(form, data, at) else 0
        return end if len(data) >= end else None

    def next_bytes(self, form: int, data: bytearray, at: int, chunk_bytes: int) -> int:
        """Payload bytes of this chunk."""
        length = int.from_bytes(data[at + 3 : at + 6], "big") if form < 2 else self.length
        return min(chunk_bytes, length - len(self.body))

    def take_header(self, form: int, data: bytearray, at: int) -> None:
        """Remember what later chunks leave out."""
        self.extended = self._is_extended(form, data, at)
        if form < 2:
            self.length = int.from_bytes(data[at + 3 : at + 6], "big")
            self.kind = data[at + 6]

    def _is_extended(self, form: int, data: bytearray, at: int) -> bool:
        return self.extended if form == 3 else data[at : at + 3] == b"\xff\xff\xff"
