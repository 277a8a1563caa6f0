"""Reads exactly one request head with h11, whatever way its bytes are cut.

h11 checks its size limit only while it waits for more, so a head that arrives whole could be larger than
one that drips in. Here h11 is never given more than `MAX_HEAD_BYTES` in all; a head that has not
ended by then is refused, and what follows the head is handed back untouched. The media port reads one
request a connection, so the h11 machine is dropped with the reader and a player costs none of it.
"""

import h11

from engine.protocols.http import limits
from engine.protocols.http.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.http.request import Request, build_request


class HeadReader:
    """Turns received bytes into one `Request`."""

    __slots__ = ("_connection", "_fed_bytes")

    def __init__(self) -> None:
        self._connection: h11.Connection | None = h11.Connection(
            h11.SERVER, max_incomplete_event_size=limits.MAX_HEAD_BYTES
        )
        self._fed_bytes = 0

    def receive(self, data: bytes) -> Request | None:
        """Take more bytes; the request once its head is complete, None while it is not.

        Raises `RemoteProtocolError` with the status to answer, and `LocalProtocolError` when called
        again after it has answered either way.
        """
        connection = self._connection
        if connection is None:
            raise LocalProtocolError("this reader has read its head")
        if not data:  # to h11 an empty piece is the end of the connection; the caller sees that itself
            return None
        try:
            request = self._advance(connection, bytes(data))
        except RemoteProtocolError:
            self._connection = None
            raise
        if request is not None:
            self._connection = None
        return request

    def _advance(self, connection: h11.Connection, data: bytes) -> Request | None:
        room = limits.MAX_HEAD_BYTES - self._fed_bytes
        head, rest = data[:room], data[room:]
        self._fed_bytes += len(head)
        event = _next_event(connection, head)
        if isinstance(event, h11.Request):
            return _convert(event, connection.trailing_data[0] + rest)
        if self._fed_bytes >= limits.MAX_HEAD_BYTES:
            raise RemoteProtocolError("request head too large", reply=431)
        return None


def _next_event(connection: h11.Connection, data: bytes) -> object:
    try:
        connection.receive_data(data)
        return connection.next_event()
    except h11.RemoteProtocolError as error:
        raise RemoteProtocolError(str(error), reply=error.error_status_hint) from None


def _convert(event: h11.Request, trailing: bytes) -> Request:
    return build_request(
        method=event.method.decode("ascii"),
        target=event.target,
        fields=event.headers,
        http_version=event.http_version.decode("ascii"),
        trailing=trailing,
    )
