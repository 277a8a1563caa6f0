"""Reads exactly one request head, for a connection that becomes a stream after it."""

from engine.protocols.http.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.http.head_buffer import HeadBuffer
from engine.protocols.http.head_parser import HeadParser
from engine.protocols.http.request import Request, build_request


class HeadReader:
    """Turns received bytes into one `Request`; what follows its head is handed back untouched."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer: HeadBuffer | None = HeadBuffer()

    def receive(self, data: bytes) -> Request | None:
        """Take more bytes; the request once its head is complete, None while it is not.

        Raises `RemoteProtocolError` with the status to answer, and `LocalProtocolError` when called
        again after it has answered either way.
        """
        buffer = self._buffer
        if buffer is None:
            raise LocalProtocolError("this reader has read its head")
        buffer.add(data)
        try:
            request = _read(buffer)
        except RemoteProtocolError:
            self._buffer = None
            raise
        if request is not None:
            self._buffer = None
        return request


def _read(buffer: HeadBuffer) -> Request | None:
    head = buffer.take()
    return None if head is None else build_request(*HeadParser().parse(head), trailing=buffer.rest())
