"""Answers over HTTP/1: head and body in as few system calls as there can be.

What the socket takes at once is sent at once, without a deadline and without a turn of the event loop
(`offer`); only what it leaves is waited for (`send_rest`).
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

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
from workers.fanout.logs import Bytes
from workers.fanout.prepared import WholePart
from workers.fanout.sinks import send_from_file, wait_for_room

if TYPE_CHECKING:
    from workers.fanout.hls_players import Account, HlsPlayer
    from workers.fanout.hls_visits import Guest

SENDFILE_BYTES: int = 1 << 20
"""At most so many bytes per call: the others have their turn in between."""


class Http1Exchange:
    """One request on a connection that may be kept for the next.

    Args:
        connection: knows the request's id.
        request: is being answered.
        host: the player's address without its port.
    """

    __slots__ = ("_connection", "account", "began_s", "guest", "host", "player", "request", "sent_bytes")

    def __init__(self, connection: Connection, request: Request, host: str) -> None:
        self._connection = connection
        self.request = request
        self.host = host
        self.began_s = time.monotonic()
        self.sent_bytes = 0
        self.account: Account | None = None
        self.player: HlsPlayer | None = None
        self.guest: Guest | None = None

    def leave_out(self, waited_s: float) -> None:
        self.began_s += waited_s

    @property
    def request_id(self) -> str:
        return self._connection.request_id

    @property
    def conn(self) -> str:
        return self._connection.id

    @property
    def remote(self) -> str:
        return self._connection.remote_of(self.host)

    @property
    def takes_growing(self) -> bool:
        """HTTP/1.0 knows no chunks, and its connection may be kept."""
        return self.request.http_version != "1.0"

    # -- at once

    def offer(self, head: Head, body: bytes = b"") -> bytes:
        """Send what the socket takes; what it does not is for `send_rest`. Raises PeerGone."""
        pieces = (self._written(head), b"" if self.request.method == "HEAD" else body)
        return rest_of(pieces, self._try(pieces))

    def offer_part(self, head: Head, part: WholePart) -> bytes:
        """The same of a part. Raises Overwritten too."""
        return self._offer_around(part.ring, part.start, part.stop, self._written(head), b"")

    async def send_rest(self, rest: Bytes) -> None:
        """Send what was left of an offer."""
        with trio.fail_after(SEND_S):
            await self._write(rest)

    # -- to the end

    async def send(self, head: Head, body: bytes = b"") -> None:
        """Answer with `body`, unless the head alone was asked for."""
        if rest := self.offer(head, body):
            await self.send_rest(rest)

    async def send_part(self, head: Head, part: WholePart) -> None:
        """Send `head` and a part in one go, straight out of shared memory."""
        if rest := self.offer_part(head, part):
            await self.send_rest(rest)

    async def send_file(self, head: Head, fd: int, piece: ByteRange) -> None:
        """Send `head`, then bytes of a file, without a copy in this process."""
        with trio.fail_after(SEND_S):
            await self._write(self._written(head))
            await self._sendfile(fd, piece)

    async def begin(self, head: Head) -> None:
        """Send the head; chunks are to follow."""
        await self.send_rest(self._written(head))

    async def add_from_ring(self, ring: RingReader, start: int, stop: int) -> None:
        """Send one chunk."""
        if rest := self._offer_around(ring, start, stop, chunk_opening(stop - start), CHUNK_END):
            await self.send_rest(rest)

    async def finish(self) -> None:
        await self.send_rest(LAST_CHUNK)

    def _written(self, head: Head) -> bytes:
        request = self.request
        return http1_head(head, keep_alive=request.keep_alive, http_version=request.http_version)

    def _offer_around(self, ring: RingReader, start: int, stop: int, before: bytes, after: bytes) -> bytes:
        """Send bytes of a ring between two others.

        What the socket does not take at once is copied aside, so that a slow player does not race the writer.
        """
        pieces: tuple[bytes | memoryview, ...] = (before, *ring.views(start, stop), after)
        rest = rest_of(pieces, self._try(pieces))
        if not ring.valid(start):
            raise Overwritten
        return rest

    def _try(self, pieces: Sequence[Bytes]) -> int:
        """How much of it the socket takes."""
        try:
            sent = self._connection.sock.sendmsg(pieces)
        except BlockingIOError:
            return 0
        except OSError:
            raise PeerGone from None
        self.sent_bytes += sent
        return sent

    async def _write(self, data: Bytes) -> None:
        rest = memoryview(data)
        while rest:
            sent = await self._connection.write_some(rest)
            self.sent_bytes += sent
            rest = rest[sent:]

    async def _sendfile(self, fd: int, piece: ByteRange) -> None:
        sock, at = self._connection.sock, piece.first
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
            self.sent_bytes += sent
            await trio.lowlevel.checkpoint()


def rest_of(pieces: Sequence[Bytes], sent: int) -> bytes:
    """A copy of what is behind the first `sent` bytes."""
    rest: list[Bytes] = []
    for piece in pieces:
        if sent < len(piece):
            rest.append(memoryview(piece)[sent:])
        sent = max(0, sent - len(piece))
    return b"".join(rest)
