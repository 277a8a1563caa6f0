"""Messages out, in chunks, with the shortest header that says it (RTMP 1.0 section 5.3.1.2).

For one connection's own dialogue and for clients that publish. What players receive is made by `play_frames`
instead, whose bytes do not depend on what was sent before.
"""

from typing import Final

from engine.protocols.rtmp.errors import LocalProtocolError
from engine.protocols.rtmp.limits import DEFAULT_CHUNK_BYTES

_EXTENDED: Final = 0xFFFFFF
_MAX_U32: Final = 0xFFFFFFFF
_MAX_DELTA: Final = 0x7FFFFFFF
_MAX_SIZE: Final = 0xFFFFFF
_MIN_CSID: Final = 2
_MAX_CSID: Final = 65_599


class _Last:
    """What the last header on a chunk stream said."""

    __slots__ = ("field", "size", "stream_id", "timestamp", "type_id")

    def __init__(self, field: int, timestamp: int, size: int, type_id: int, stream_id: int) -> None:
        self.field = field
        self.timestamp = timestamp
        self.size = size
        self.type_id = type_id
        self.stream_id = stream_id


class ChunkWriter:
    """Cuts messages. Set `chunk_size` after having written the Set Chunk Size message that announces it."""

    def __init__(self, chunk_size: int = DEFAULT_CHUNK_BYTES) -> None:
        self.chunk_size = chunk_size
        self._last: dict[int, _Last] = {}

    def write(self, csid: int, type_id: int, timestamp_ms: int, stream_id: int, body: bytes) -> bytes:
        """One message, whole. Raises LocalProtocolError for a chunk stream or size that has no encoding."""
        if not _MIN_CSID <= csid <= _MAX_CSID:
            raise LocalProtocolError(f"chunk stream {csid}")
        if len(body) > _MAX_SIZE:
            raise LocalProtocolError(f"a message of {len(body)} bytes")
        timestamp = timestamp_ms & _MAX_U32
        chunk_type, field = self._shortest(csid, timestamp, len(body), type_id, stream_id)
        self._last[csid] = _Last(field, timestamp, len(body), type_id, stream_id)
        extension = field.to_bytes(4) if field >= _EXTENDED else b""
        header = min(field, _EXTENDED).to_bytes(3) + len(body).to_bytes(3) + bytes((type_id,))
        header += stream_id.to_bytes(4, "little")
        shown = header[: (11, 7, 3, 0)[chunk_type]]
        between = _basic_header(3, csid) + extension
        pieces = [body[at : at + self.chunk_size] for at in range(0, len(body), self.chunk_size)]
        return _basic_header(chunk_type, csid) + shown + extension + between.join(pieces)

    def _shortest(
        self, csid: int, timestamp: int, size: int, type_id: int, stream_id: int
    ) -> tuple[int, int]:
        """The chunk type to use and its timestamp or delta."""
        last = self._last.get(csid)
        if last is None or last.stream_id != stream_id:
            return 0, timestamp
        delta = timestamp - last.timestamp & _MAX_U32
        if delta > _MAX_DELTA:
            return 0, timestamp
        if (last.size, last.type_id) != (size, type_id):
            return 1, delta
        return (3 if delta == last.field else 2), delta


def _basic_header(chunk_type: int, csid: int) -> bytes:
    """One to three bytes (RTMP 1.0 section 5.3.1.1)."""
    if csid < 64:
        return bytes((chunk_type << 6 | csid,))
    if csid < 320:
        return bytes((chunk_type << 6, csid - 64))
    return bytes((chunk_type << 6 | 1,)) + (csid - 64).to_bytes(2, "little")
