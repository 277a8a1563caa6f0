"""Reads one request after the other from a connection that is kept alive (RFC 9112 section 9.3).

    while request := reader.next() or reader.receive(await read()): answer it

A client may send requests ahead (pipelining). They wait here while a response is on its way, and they are
bounded: at most `MAX_HEAD_BYTES` are held. A caller that reads no more than `room_bytes` at once leaves the
rest to TCP, and never meets the error.

After a request whose `keep_alive` is False nothing is read as HTTP any more: it carries all that came behind
it as `trailing`, which are the first frames if it asked for WebSocket and means nothing otherwise.
"""

import msgspec

from engine.protocols.http import limits
from engine.protocols.http.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.http.head_buffer import HeadBuffer
from engine.protocols.http.head_parser import HeadParser
from engine.protocols.http.likeness import Likeness
from engine.protocols.http.request import Request, build_request


class RequestReader:
    """Turns received bytes into `Request`s, in their order."""

    __slots__ = ("_buffer", "_is_over", "_likeness", "_parser")

    def __init__(self) -> None:
        self._buffer = HeadBuffer()
        self._parser = HeadParser()
        self._likeness = Likeness()
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """The last request was read, or a refusal was raised."""
        return self._is_over

    @property
    def room_bytes(self) -> int:
        """How much this reader is ready to hold beside what it holds."""
        return max(limits.MAX_HEAD_BYTES - len(self._buffer), 0)

    @property
    def has_more(self) -> bool:
        """Whether there is something of another request."""
        return len(self._buffer) > 0

    def receive(self, data: bytes) -> Request | None:
        """Take more bytes; the next request if its head is complete by now, else None.

        Raises `RemoteProtocolError` with the status to answer before closing, and `LocalProtocolError` when
        called after the last request or a refusal.
        """
        if self._is_over:
            raise LocalProtocolError("this reader has read its last request")
        self._buffer.add(data)
        request = self.next()
        self._check_held()
        return request

    def hold(self, data: bytes) -> None:
        """Take bytes that came while a response is being sent, without reading them yet."""
        if self._is_over:
            raise LocalProtocolError("this reader has read its last request")
        self._buffer.add(data)
        self._check_held()

    def next(self) -> Request | None:
        """The next request that came ahead, or None; raises as `receive` does for what it finds."""
        if self._is_over:
            return None
        try:
            return self._read()
        except RemoteProtocolError:
            self._end()
            raise

    def _read(self) -> Request | None:
        head = self._buffer.take()
        if head is None:
            return None
        request = self._likeness.read(head) or self._parse(head)
        if request.keep_alive:
            return request
        trailing = self._buffer.rest()
        self._end()
        return msgspec.structs.replace(request, trailing=trailing) if trailing else request

    def _parse(self, head: bytes) -> Request:
        request = build_request(*self._parser.parse(head))
        if request.keep_alive:
            self._likeness.learn(head, request)
        return request

    def _check_held(self) -> None:
        if len(self._buffer) > limits.MAX_HEAD_BYTES:
            self._end()
            raise RemoteProtocolError("too much sent ahead", reply=431)

    def _end(self) -> None:
        self._is_over = True
        self._buffer.rest()
