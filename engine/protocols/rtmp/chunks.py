"""Chunk streams: messages cut into chunks and interleaved (RTMP 1.0 section 5.3).

How the reader works. `receive` gets one read's worth of bytes and `next_message` is called until it gives
None; between two calls the caller may change limits or simply stop. Then `settle` gives the read buffer back.

- Payload goes from the read buffer to the message in one copy. A chunk's payload is remembered as a view
  of the read buffer; when the message is whole the views are joined. Only what is incomplete at the end of a
  read is copied aside (`settle`), into one bytearray per chunk stream. Nothing is ever allocated for an
  announced size, and no buffer is trimmed from the front, so the work is linear in the bytes whatever the
  cuts.
- Of the bytes themselves only an incomplete chunk header (17 bytes at most) waits for the next read.

What peers really do, where the specification is silent or ignored:

- A type 3 chunk that begins a message repeats the last delta, and after a type 0 the delta is that timestamp
  (section 5.3.1.2.4). ffmpeg writes by that rule, so we read by it.
- Type 3 chunks repeat the extended timestamp; a few old encoders leave it out inside a message. We look: if
  the four bytes are not the ones of the header they are payload. (SRS does the same.)
- A first header on a chunk stream should be type 0; some send type 1. It counts from zero.
- A new header in the middle of a message is refused (gortmplib does too): whatever we did would be a guess.
"""

from struct import Struct
from typing import Final

import msgspec

from engine.protocols.rtmp.chunk_stream import ChunkStream, FrozenChunkStream
from engine.protocols.rtmp.errors import RemoteProtocolError
from engine.protocols.rtmp.limits import (
    BEFORE_PUBLISH,
    DEFAULT_CHUNK_BYTES,
    MAX_CHUNK_BYTES,
    MAX_CHUNK_HEADERS_PER_S,
    MIN_CHUNK_BYTES,
    ReaderLimits,
)

SET_CHUNK_SIZE: Final = 1  # RTMP 1.0 section 5.4.1
ABORT: Final = 2  # section 5.4.2

_MAX_PARTS: Final = 4096
"""Views of a read that wait to be joined. A read of 256 KiB in 128-byte chunks has 2,048 of them; in one-byte
chunks it would have 131,072, of 150 bytes each."""

_EXTENDED: Final = 0xFFFFFF
_MAX_U32: Final = 0xFFFFFFFF
_HEADER_BYTES: Final = (11, 7, 3, 0)  # by chunk type, section 5.3.1.2
_U32: Final = Struct(">I")
_U32_LITTLE: Final = Struct("<I")


class RawMessage(msgspec.Struct, frozen=True, gc=False):
    """A whole message whose body nobody has looked at."""

    type_id: int
    timestamp_ms: int
    stream_id: int
    body: bytes


class FrozenReader(msgspec.Struct, frozen=True):
    """A settled `ChunkReader` as it travels to another process."""

    chunk_size: int
    consumed: int
    headers: int
    open_csid: int
    chunk_left: int
    rest: bytes
    streams: tuple[FrozenChunkStream, ...]


class ChunkReader:
    """Bytes in, messages out. Acts upon Set Chunk Size and Abort itself; those messages are not given out.

    Everything raises RemoteProtocolError and nothing else; the reader is of no use after that.
    """

    def __init__(self, limits: ReaderLimits = BEFORE_PUBLISH) -> None:
        self.limits = limits
        self.chunk_size = DEFAULT_CHUNK_BYTES
        self._consumed_before = 0  # bytes of earlier reads
        self._data: bytes | memoryview = b""
        self._view = memoryview(b"")
        self._position = 0
        self._streams: dict[int, ChunkStream] = {}
        self._open: ChunkStream | None = None  # the chunk we are inside of
        self._chunk_left = 0
        self._in_flight = 0  # bytes of incomplete messages
        self._headers = 0
        self._window_start: float | None = None

    @property
    def consumed(self) -> int:
        """Bytes parsed since the beginning."""
        return self._consumed_before + self._position

    @property
    def unread_bytes(self) -> int:
        """Bytes taken and not parsed."""
        return len(self._data) - self._position

    def receive(self, data: bytes | memoryview, now: float) -> None:
        """Take the next bytes; `now` is any clock in seconds. The buffer must stay as it is until
        `settle`."""
        self._consumed_before += self._position
        rest = self._data[self._position :]
        self._data = b"".join((rest, data)) if len(rest) else data
        self._view = memoryview(self._data)
        self._position = 0
        if self._window_start is None:
            self._window_start = now
        elif now - self._window_start >= 1.0:
            self._window_start = now
            self._headers = 0

    def next_message(self) -> RawMessage | None:
        """The next whole message, None when the bytes are used up."""
        while True:
            stream = self._open
            if stream is None:
                stream = self._read_header()
                if stream is None:
                    return None
            begin = self._position
            part = self._view[begin : begin + self._chunk_left]
            taken = len(part)
            self._position = begin + taken
            if taken == stream.size:  # the common case: a message in one chunk
                self._open = None
                message = RawMessage(stream.type_id, stream.timestamp, stream.stream_id, bytes(part))
            elif not self._collect(stream, part, taken):
                if self._open is not None:
                    return None
                continue
            else:
                message = RawMessage(stream.type_id, stream.timestamp, stream.stream_id, stream.take_body())
            if message.type_id > ABORT:
                return message
            self._control(message)

    def settle(self) -> None:
        """Copy aside what is still needed of the read buffer, which may change from now on."""
        for stream in self._streams.values():
            if stream.parts:
                stream.settle()
        self._data = bytes(self._view[self._position :])
        self._view = memoryview(b"")
        self._consumed_before += self._position
        self._position = 0

    def freeze(self) -> FrozenReader:
        """The state of a settled reader, between two reads."""
        return FrozenReader(
            chunk_size=self.chunk_size,
            consumed=self.consumed,
            headers=self._headers,
            open_csid=self._open.csid if self._open else 0,
            chunk_left=self._chunk_left,
            rest=bytes(self._data),
            streams=tuple(stream.freeze() for stream in self._streams.values()),
        )

    @classmethod
    def thaw(cls, frozen: FrozenReader, limits: ReaderLimits, now: float) -> "ChunkReader":
        """A reader that goes on where `freeze` left off. `rest` is read by `receive(b"", now)`."""
        reader = cls(limits)
        reader.chunk_size = frozen.chunk_size
        reader._consumed_before = frozen.consumed
        reader._headers = frozen.headers
        reader._window_start = now
        reader._data = frozen.rest
        reader._view = memoryview(frozen.rest)
        reader._streams = {stream.csid: ChunkStream.thaw(stream) for stream in frozen.streams}
        reader._open = reader._streams.get(frozen.open_csid)
        reader._chunk_left = frozen.chunk_left
        reader._in_flight = sum(stream.received for stream in frozen.streams)
        return reader

    def _collect(self, stream: ChunkStream, part: memoryview, taken: int) -> bool:
        """Keep a part of a message; True when the message is whole."""
        stream.parts.append(part)
        if len(stream.parts) == _MAX_PARTS:
            stream.settle()
        stream.received += taken
        self._in_flight += taken
        if self._in_flight > self.limits.in_flight_bytes:
            raise RemoteProtocolError(f"over {self.limits.in_flight_bytes} bytes of incomplete messages")
        self._chunk_left -= taken
        if self._chunk_left == 0:
            self._open = None
        if stream.received < stream.size:
            return False
        self._in_flight -= stream.size
        return True

    def _read_header(self) -> ChunkStream | None:
        """Read one chunk header and open its chunk; None, and nothing changed, if it is not all there."""
        data, position = self._data, self._position
        if position >= len(data):
            return None
        chunk_type, csid = data[position] >> 6, data[position] & 0x3F
        if csid < 2:  # section 5.3.1.1: 0 and 1 announce one or two more bytes of id
            more = data[position + 1 : position + 2 + csid]
            if len(more) <= csid:
                return None
            csid = 64 + int.from_bytes(more, "little")
            position += len(more)
        stream = self._streams.get(csid) or self._new_stream(csid, chunk_type)
        if chunk_type == 3:
            behind = self._continue(stream, position + 1)
        else:
            behind = self._begin(stream, position, chunk_type)
        if behind < 0:
            return None
        self._headers += 1
        if self._headers > MAX_CHUNK_HEADERS_PER_S:
            raise RemoteProtocolError(f"more than {MAX_CHUNK_HEADERS_PER_S} chunks in a second")
        self._streams[csid] = stream
        self._position = behind
        self._open = stream
        left = stream.size - stream.received
        self._chunk_left = min(left, self.chunk_size)
        return stream

    def _new_stream(self, csid: int, chunk_type: int) -> ChunkStream:
        if chunk_type > 1:
            raise RemoteProtocolError(f"chunk stream {csid} begins with a type {chunk_type} header")
        if len(self._streams) >= self.limits.chunk_streams:
            raise RemoteProtocolError(f"more than {self.limits.chunk_streams} chunk streams")
        return ChunkStream(csid)

    def _begin(self, stream: ChunkStream, position: int, chunk_type: int) -> int:
        """Read a type 0, 1 or 2 header, whose basic header ends at `position`; where it ends, or -1."""
        data = self._data
        behind = position + 1 + _HEADER_BYTES[chunk_type]
        if behind > len(data):
            return -1
        field = _U32.unpack_from(data, position)[0] & _EXTENDED
        extended = field == _EXTENDED
        if extended:
            if behind + 4 > len(data):
                return -1
            field = _U32.unpack_from(data, behind)[0]
            behind += 4
        if stream.received:
            raise RemoteProtocolError(f"a new message inside another on chunk stream {stream.csid}")
        if chunk_type < 2:
            size_and_type = _U32.unpack_from(data, position + 4)[0]
            stream.size = size_and_type >> 8
            stream.type_id = size_and_type & 0xFF
            if stream.size > self.limits.message_bytes:
                raise RemoteProtocolError(f"a message of {stream.size} bytes")
        if chunk_type == 0:
            stream.stream_id = _U32_LITTLE.unpack_from(data, position + 8)[0]
            stream.timestamp = field
        else:
            stream.timestamp = stream.timestamp + field & _MAX_U32
        stream.field = field
        stream.extended = extended
        return behind

    def _continue(self, stream: ChunkStream, position: int) -> int:
        """Read what follows a type 3 basic header, an extended timestamp or nothing; where it ends, or -1."""
        if stream.extended:
            if position + 4 > len(self._data):
                return -1
            if not stream.received or _U32.unpack_from(self._data, position)[0] == stream.field:
                position += 4
        if not stream.received:
            stream.timestamp = stream.timestamp + stream.field & _MAX_U32
        return position

    def _control(self, message: RawMessage) -> None:
        if len(message.body) < 4:
            raise RemoteProtocolError("a chunk control message without its number")
        value = int.from_bytes(message.body[:4])
        if message.type_id == ABORT:
            self._abort(value)
        elif message.type_id == SET_CHUNK_SIZE:
            if not MIN_CHUNK_BYTES <= value <= MAX_CHUNK_BYTES:
                raise RemoteProtocolError(f"chunk size {value}, {MAX_CHUNK_BYTES} allowed")
            self.chunk_size = value

    def _abort(self, csid: int) -> None:
        stream = self._streams.get(csid)
        if stream is not None:
            self._in_flight -= stream.received
            stream.drop()
