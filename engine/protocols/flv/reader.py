"""A sans-IO demuxer for FLV streams (Adobe FLV 10.1, annex E), for tests, benches and probes.

It is strict on purpose: it judges what our own players receive, so a wrong back pointer, a stream id or an
unknown kind of tag is an error rather than something to be stepped over. Nothing is allocated by announced
sizes: the buffer holds what has come.
"""

from typing import Final, TypeAlias

import msgspec

from engine.media.tags import BACK_POINTER_BYTES, KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO, TAG_HEADER_BYTES
from engine.protocols.flv.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.flv.limits import MAX_HEADER_BYTES, MAX_TAG_BODY_BYTES

_FILE_HEADER_BYTES: Final = 9
_HAS_AUDIO: Final = 0x04
_HAS_VIDEO: Final = 0x01
_KINDS: Final = frozenset({KIND_AUDIO, KIND_VIDEO, KIND_SCRIPT})


class FlvHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The file header: which tracks it announces."""

    version: int
    audio: bool
    video: bool


class FlvTag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag: kind (8 audio, 9 video, 18 script), unsigned 32-bit milliseconds, body."""

    kind: int
    timestamp_ms: int
    body: bytes


FlvEvent: TypeAlias = FlvHeader | FlvTag


class FlvReader:
    """Bytes in, header and tags out.

    After a RemoteProtocolError the reader is finished, and feeding it again is a LocalProtocolError.
    """

    def __init__(self, max_tag_body_bytes: int = MAX_TAG_BODY_BYTES) -> None:
        self._max_tag_body_bytes = max_tag_body_bytes
        self._buffer = bytearray()
        # bytes the next event needs at least; spares looking before they are there
        self._needed = _FILE_HEADER_BYTES
        self._in_tags = False
        self._over = False

    def receive(self, data: bytes | bytearray | memoryview) -> list[FlvEvent]:
        """Take bytes, return what they completed. Raises RemoteProtocolError."""
        if self._over:
            raise LocalProtocolError("fed after its end")
        self._buffer += data
        events: list[FlvEvent] = []
        try:
            self._read_all(events)
        except RemoteProtocolError:
            self._over = True
            raise
        return events

    def finish(self) -> None:
        """The stream has ended. Raises RemoteProtocolError if that was inside a tag or before the header."""
        self._over = True
        if self._buffer or not self._in_tags:
            raise RemoteProtocolError(f"ends inside a tag, after {len(self._buffer)} bytes of it")

    def _read_all(self, events: list[FlvEvent]) -> None:
        at = 0
        while len(self._buffer) - at >= self._needed:
            event, length = self._read_tag(at) if self._in_tags else self._read_header()
            if event is None:
                self._needed = length
                continue
            events.append(event)
            at += length
            self._needed = TAG_HEADER_BYTES
        del self._buffer[:at]

    def _read_header(self) -> tuple[FlvEvent | None, int]:
        """Return the header and its length, or None and the bytes it needs. The first back pointer belongs to
        it."""
        buffer = self._buffer
        if buffer[:3] != b"FLV" or buffer[3] != 1:
            raise RemoteProtocolError("not an FLV stream of version 1")
        length = int.from_bytes(buffer[5:9], "big") + BACK_POINTER_BYTES
        if not _FILE_HEADER_BYTES <= length - BACK_POINTER_BYTES <= MAX_HEADER_BYTES:
            raise RemoteProtocolError(f"a file header of {length - BACK_POINTER_BYTES} bytes")
        if len(buffer) < length:
            return None, length
        if any(buffer[length - BACK_POINTER_BYTES : length]):
            raise RemoteProtocolError("the first back pointer is not 0")
        self._in_tags = True
        flags = buffer[4]
        return FlvHeader(version=1, audio=bool(flags & _HAS_AUDIO), video=bool(flags & _HAS_VIDEO)), length

    def _read_tag(self, at: int) -> tuple[FlvEvent | None, int]:
        """Return the tag that begins there and its length, or None and the bytes it needs."""
        buffer = self._buffer
        kind, size = buffer[at], int.from_bytes(buffer[at + 1 : at + 4], "big")
        self._check_head(kind, size, buffer[at + 8 : at + 11])
        length = TAG_HEADER_BYTES + size + BACK_POINTER_BYTES
        if len(buffer) - at < length:
            return None, length
        end = at + TAG_HEADER_BYTES + size
        back = int.from_bytes(buffer[end : end + BACK_POINTER_BYTES], "big")
        if back != size + TAG_HEADER_BYTES:
            raise RemoteProtocolError(
                f"a back pointer of {back} after a tag of {size + TAG_HEADER_BYTES} bytes"
            )
        timestamp_ms = int.from_bytes(buffer[at + 4 : at + 7], "big") | buffer[at + 7] << 24
        body = bytes(buffer[at + TAG_HEADER_BYTES : end])
        return FlvTag(kind=kind, timestamp_ms=timestamp_ms, body=body), length

    def _check_head(self, kind: int, size: int, stream_id: bytearray) -> None:
        if kind not in _KINDS:
            raise RemoteProtocolError(f"a tag of kind {kind}")
        if any(stream_id):
            raise RemoteProtocolError("a tag with a stream id")
        if size > self._max_tag_body_bytes:
            raise RemoteProtocolError(f"a tag body of {size} bytes, at most {self._max_tag_body_bytes}", 413)
