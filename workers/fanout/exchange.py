"""One request and the way its answer goes: what all versions of HTTP have in common.

An answer is sent in one of four ways, each to the end or with an error: PeerGone when the player has left,
`trio.TooSlowError` when it takes too long, and Overwritten when a ring was faster than the player: what it
got is wrong then, and only an end that is no end says so.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from engine.protocols.http import ByteRange, Head, Request
from shm.ring import RingReader
from workers.fanout.prepared import WholePart

if TYPE_CHECKING:
    from workers.fanout.hls_players import Account, HlsPlayer
    from workers.fanout.hls_visits import Guest

SEND_S: float = 30.0
"""An answer must be taken within so long, seconds: the largest segments in ten, and patience for bad
networks. Who takes longer is holding memory and descriptors, or watches a stream that its network cannot
carry."""


class Overwritten(Exception):
    """The ring's writer came by while its bytes were being sent."""


class Exchange(Protocol):
    """The request that is being answered."""

    account: "Account | None"
    """Of the stream whose HLS is asked for, while it lives."""

    player: "HlsPlayer | None"
    """Who asks for HLS, if it counts as a player."""

    guest: "Guest | None"
    """The same as services know it, where one follows."""

    @property
    def request(self) -> Request: ...

    @property
    def request_id(self) -> str: ...

    @property
    def conn(self) -> str:
        """The id of the connection that it came over."""
        ...

    @property
    def remote(self) -> str:
        """What the player is called in the log."""
        ...

    @property
    def host(self) -> str:
        """The player's address without its port."""
        ...

    @property
    def takes_growing(self) -> bool:
        """Whether a body may be sent whose length is not known yet."""
        ...

    @property
    def began_s(self) -> float:
        """When it was asked for, `time.monotonic`; later by what was left out."""
        ...

    @property
    def sent_bytes(self) -> int:
        """What has been taken of the answer so far: over HTTP/1 by the socket, with its head; over HTTP/2 by
        the connection, of the body alone.
        """
        ...

    def leave_out(self, waited_s: float) -> None:
        """So long it was waiting for media that was still to come, which says nothing about us."""
        ...

    async def send(self, head: Head, body: bytes = b"") -> None:
        """Answer with `body`; with the head alone where that was asked for."""
        ...

    async def send_file(self, head: Head, fd: int, piece: ByteRange) -> None:
        """Answer with bytes of a file that never changes."""
        ...

    async def send_part(self, head: Head, part: WholePart) -> None:
        """Answer with a part."""
        ...

    async def begin(self, head: Head) -> None:
        """Begin an answer whose body grows."""
        ...

    async def add_from_ring(self, ring: RingReader, start: int, stop: int) -> None:
        """Send bytes `[start, stop)` of a ring as the next of a body that grows."""
        ...

    async def finish(self) -> None:
        """That was all of the body."""
        ...


@contextmanager
def waiting(exchange: Exchange) -> Iterator[None]:
    """Leave out of the time of the answer what passes in here."""
    since_s = time.monotonic()
    try:
        yield
    finally:
        exchange.leave_out(time.monotonic() - since_s)
