"""Answers over HTTP/1: head and body in as few system calls as there can be."""

import trio

from engine.protocols.http import (
    CHUNK_END,
    LAST_CHUNK,
    ByteRange,
    Head,
    Request,
    chunk_opening,
    http1_head,
)
from shm.ring import RingReader
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.exchange import SEND_S, Overwritten
from workers.fanout.sinks import Sink, send_from_file, wait_for_room

SENDFILE_BYTES: int = 1 << 20
"""At most so many bytes per call: the others have their turn in between."""


class Http1Exchange:
    """One request on a connection that may be kept for the next.

    Args:
        connection: knows the request's id.
        request: is being answered.
        host: the player's address without its port.
    """

    __slots__ = ("_connection", "host", "request")

    def __init__(self, connection: Connection, request: Request, host: str) -> None:
        self._connection = connection
        self.request = request
        self.host = host

    @property
    def request_id(self) -> str:
        return self._connection.request_id

    @property
    def takes_growing(self) -> bool:
        """HTTP/1.0 knows no chunks, and its connection may be kept."""
        return self.request.http_version != "1.0"

    async def send(self, head: Head, body: bytes = b"") -> None:
        """Answer with `body`, unless the head alone was asked for."""
        written = self._written(head)
        await self._send(written if self.request.method == "HEAD" else written + body)

    async def send_file(self, head: Head, fd: int, piece: ByteRange) -> None:
        """Send `head`, then bytes of a file, without a copy in this process."""
        with trio.fail_after(SEND_S):
            await self._connection.write(self._written(head))
            await _sendfile(self._connection.sock, fd, piece)

    async def send_from_ring(self, head: Head, ring: RingReader, start: int, stop: int) -> None:
        """Send `head` and the bytes in one go, straight out of shared memory."""
        await self._send_around(ring, start, stop, self._written(head), b"")

    async def begin(self, head: Head) -> None:
        """Send the head; chunks are to follow."""
        await self._send(self._written(head))

    async def add_from_ring(self, ring: RingReader, start: int, stop: int) -> None:
        """Send one chunk."""
        await self._send_around(ring, start, stop, chunk_opening(stop - start), CHUNK_END)

    async def finish(self) -> None:
        await self._send(LAST_CHUNK)

    def _written(self, head: Head) -> bytes:
        request = self.request
        return http1_head(head, keep_alive=request.keep_alive, http_version=request.http_version)

    async def _send(self, data: bytes) -> None:
        with trio.fail_after(SEND_S):
            await self._connection.write(data)

    async def _send_around(
        self, ring: RingReader, start: int, stop: int, before: bytes, after: bytes
    ) -> None:
        """Send bytes of a ring between two others.

        What the socket does not take at once is copied aside, so that a slow player does not race the writer.
        """
        pieces: tuple[bytes | memoryview, ...] = (before, *ring.views(start, stop), after)
        total = sum(map(len, pieces))
        try:
            sent = self._connection.sock.sendmsg(pieces)
        except BlockingIOError:
            sent = 0
        except OSError:
            raise PeerGone from None
        rest = b"" if sent == total else b"".join(pieces)[sent:]
        if not ring.valid(start):
            raise Overwritten
        if rest:
            await self._send(rest)


async def _sendfile(sock: Sink, fd: int, piece: ByteRange) -> None:
    at = piece.first
    while at < piece.stop:
        try:
            sent = send_from_file(sock, fd, at, min(SENDFILE_BYTES, piece.stop - at))
        except BlockingIOError:
            await wait_for_room(sock)
            continue
        except OSError:
            raise PeerGone from None
        if sent == 0:  # shorter than it was a moment ago; our files never are
            raise PeerGone
        at += sent
        await trio.lowlevel.checkpoint()
