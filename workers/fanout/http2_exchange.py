"""Answers over HTTP/2: heads in HEADERS, bodies in DATA, and an end that a cut connection cannot have."""

import os
import time
from typing import TYPE_CHECKING

import trio

from engine.protocols.http import ByteRange, Head, Request
from shm.ring import RingReader
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.exchange import SEND_S, Overwritten
from workers.fanout.http2_stream import Http2Stream
from workers.fanout.prepared import WholePart

if TYPE_CHECKING:
    from workers.fanout.hls_players import Account, HlsPlayer
    from workers.fanout.hls_visits import Guest

READ_BYTES: int = 64 * 1024
"""Of a file at once. Files lie in memory, so that nobody waits for a disk."""


class Http2Exchange:
    """One request on a stream.

    Args:
        connection: which the stream is one of.
        stream: was opened by it.
        request: is being answered.
        request_id: taken from it, or made.
        host: the player's address without its port.
    """

    __slots__ = (
        "_connection",
        "_stream",
        "account",
        "began_s",
        "guest",
        "host",
        "player",
        "request",
        "request_id",
    )

    takes_growing = True

    def __init__(
        self, connection: Connection, stream: Http2Stream, request: Request, request_id: str, host: str
    ) -> None:
        self._connection = connection
        self._stream = stream
        self.request = request
        self.request_id = request_id
        self.host = host
        self.began_s = time.monotonic()
        self.account: Account | None = None
        self.player: HlsPlayer | None = None
        self.guest: Guest | None = None

    @property
    def sent_bytes(self) -> int:
        return self._stream.sent_bytes

    @property
    def conn(self) -> str:
        return self._connection.id

    @property
    def remote(self) -> str:
        return self._connection.remote_of(self.host)

    def leave_out(self, waited_s: float) -> None:
        self.began_s += waited_s

    async def send(self, head: Head, body: bytes = b"") -> None:
        """Answer with `body`, unless the head alone was asked for."""
        with trio.fail_after(SEND_S):
            await send_answer(self._stream, head, b"" if self.request.method == "HEAD" else body)

    async def send_file(self, head: Head, fd: int, piece: ByteRange) -> None:
        """Send `head`, then bytes of a file."""
        with trio.fail_after(SEND_S):
            await self._stream.begin(head)
            for at in range(piece.first, piece.stop, READ_BYTES):
                wanted = min(READ_BYTES, piece.stop - at)
                data = os.pread(fd, wanted, at)
                if len(data) < wanted:  # shorter than it was a moment ago; our files never are
                    raise PeerGone
                await self._stream.send_all(data)
            self._stream.end()

    async def send_part(self, head: Head, part: WholePart) -> None:
        """Send `head` and a part."""
        with trio.fail_after(SEND_S):
            await self._stream.begin(head)
            await self._stream.send_all(copied(part.ring, part.start, part.stop))
            self._stream.end()

    async def begin(self, head: Head) -> None:
        with trio.fail_after(SEND_S):
            await self._stream.begin(head)

    async def add_from_ring(self, ring: RingReader, start: int, stop: int) -> None:
        """Send the next bytes of a body that grows."""
        with trio.fail_after(SEND_S):
            await self._stream.send_all(copied(ring, start, stop))

    async def finish(self) -> None:
        self._stream.end()


async def send_answer(stream: Http2Stream, head: Head, body: bytes) -> None:
    """A whole answer, which ends with its head if there is no body."""
    await stream.begin(head, end=not body)
    if body:
        await stream.send_all(body)
        stream.end()


def copied(ring: RingReader, start: int, stop: int) -> bytes:
    """Bytes of a ring, out of its writer's way. Raises Overwritten."""
    data = b"".join(ring.views(start, stop))
    if not ring.valid(start):
        raise Overwritten
    return data
