"""Requests and their answers on a connection that is kept, one after the other."""

import time
from collections.abc import Callable
from typing import NamedTuple

from bench.hls.line import Line
from bench.wire.answers import Chunks, Head, read_head

#: Enough for a head and for a playlist. Of a body that is to be thrown away no more than this is copied.
READ_BYTES = 4096
KEPT_READ_BYTES = 65536


class Answer(NamedTuple):
    """An answer that has come whole."""

    status: int
    #: Empty where it was thrown away.
    body: bytes
    #: Head and body.
    size: int
    #: CLOCK_REALTIME.
    asked_ns: int
    arrived_ns: int


class Exchange:
    """One connection; `take` gets each answer and may ask again at once."""

    __slots__ = (
        "_arrived_ns",
        "_asked_ns",
        "_chunks",
        "_data",
        "_head",
        "_keep",
        "_left",
        "_size",
        "line",
        "take",
    )

    def __init__(self, line: Line, take: Callable[[Answer], None]) -> None:
        self.line = line
        self.take = take
        self._asked_ns = self._arrived_ns = 0
        self._reset(keep=False)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._asked_ns > 0

    def ask(self, request: bytes, *, keep: bool) -> None:
        """Send a request; its body is thrown away unless it is to be kept."""
        self._reset(keep=keep)
        self._asked_ns = time.time_ns()
        self.line.send(request)

    def advance(self) -> None:
        """Read what is there. Raises OSError or ValueError when the connection is of no more use."""
        while self._read() and self.line.hides:
            pass

    def _reset(self, *, keep: bool) -> None:
        self._keep = keep
        self._data = b""
        self._head: Head | None = None
        self._chunks: Chunks | None = None
        self._left = self._size = 0

    def _read(self) -> bool:
        """Read once; False if there was nothing."""
        try:
            size = self._read_head() if self._head is None else self._read_body()
        except BlockingIOError:
            return False
        if not size:
            raise ConnectionResetError("closed")
        self._size += size
        if self._head is not None and self._left <= 0:
            self._finish(self._head)
        return True

    def _read_head(self) -> int:
        data, self._arrived_ns = self.line.read(KEPT_READ_BYTES if self._keep else READ_BYTES)
        self._data += data
        self._head = head = read_head(self._data)
        if head is not None and head.body_bytes is None:
            self._chunks, self._left = Chunks(), 1
            self._take_chunks(self._data[head.head_bytes :])
        elif head is not None and head.body_bytes is not None:
            self._left = head.head_bytes + head.body_bytes - len(self._data)
        return len(data)

    def _read_body(self) -> int:
        if self._chunks is not None:
            data, self._arrived_ns = self.line.read(KEPT_READ_BYTES)
            self._take_chunks(data)
            return len(data)
        if self._keep:
            data, self._arrived_ns = self.line.read(KEPT_READ_BYTES)
            self._data += data
            size = len(data)
        else:
            size = self.line.discard(self._left)
            self._arrived_ns = time.time_ns()
        self._left -= size
        return size

    def _take_chunks(self, data: bytes) -> None:
        """A part that still grows where it was asked for. Nobody wants what is in it."""
        assert self._chunks is not None
        if self._keep:
            raise ValueError("a playlist in chunks")
        if self._chunks.feed(data):
            self._left = 0

    def _finish(self, head: Head) -> None:
        if self._left < 0 or not self._asked_ns:
            raise ValueError("more than was asked for")
        body = self._data[head.head_bytes :] if self._keep else b""
        answer = Answer(head.status, body, self._size, self._asked_ns, self._arrived_ns)
        self._asked_ns = 0
        self._reset(keep=False)
        self.take(answer)
