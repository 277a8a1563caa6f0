"""One stream of an HTTP/2 connection: where one answer goes, and to the pump a sink like any other.

`send` takes what there is room for, which is decided in two places: the client's windows, and the buffer that
all streams of the connection share. Data of a player is copied into that buffer: over TLS it would be anyway.
"""

import socket
from collections.abc import Iterable

import trio

from engine.protocols.http import Head
from engine.protocols.http2 import ErrorCode
from workers.fanout.connection import PeerGone
from workers.fanout.http2_wire import Http2Wire
from workers.fanout.logs import Bytes
from workers.fanout.sinks import set_low_water

PIECE_BYTES: int = 16 * 1024
"""Of a body at once, before the other streams have their turn: one frame."""


class Http2Stream:
    """A stream that was opened by a request.

    Args:
        wire: the connection's.
        stream_id: the client's number for it.
    """

    def __init__(self, wire: Http2Wire, stream_id: int) -> None:
        self.id = stream_id
        self.scope = trio.CancelScope()
        """Whoever answers runs in it; it is cancelled when nobody wants the answer any more."""
        self.over = trio.Event()
        """Nothing will be sent any more: finished, given up, or lost."""
        self.sent_bytes = 0
        """Of an answer's body, what the wire took: it may still lie in the buffer that all streams share. Who
        plays has accounts of his own."""
        self._wire = wire
        self._room = trio.Event()

    # -- an answer

    async def begin(self, head: Head, *, end: bool = False) -> None:
        """Send the head, once there is room for it. Raises PeerGone."""
        await self._wire.wait_for_room()
        self.begin_nowait(head, end=end)

    def begin_nowait(self, head: Head, *, end: bool = False) -> None:
        """The same whether there is room or not: a head is small, and each stream has but one. Raises
        PeerGone.
        """
        self._check()
        self._wire.say_head(self.id, head, end=end)
        if end:
            self.over.set()

    async def send_all(self, data: Bytes) -> None:
        """Send all of it. Raises PeerGone."""
        rest = memoryview(data)
        while rest:
            try:
                sent = self.send(rest[:PIECE_BYTES])
            except BlockingIOError:
                await self.wait_for_room()
            except OSError:
                raise PeerGone from None
            else:
                self.sent_bytes += sent
                rest = rest[sent:]
                await trio.lowlevel.checkpoint()

    def end(self) -> None:
        """That was all of the answer."""
        if not self.over.is_set():
            self._wire.end(self.id)
            self.over.set()

    def give_up(self, code: ErrorCode = ErrorCode.CANCEL) -> None:
        """End the stream without an end to its answer, so that nobody takes it for whole."""
        if not self.over.is_set():
            self._wire.reset(self.id, code)
            self.lose()

    # -- what the client does

    def note_room(self) -> None:
        """There may be more room than there was."""
        self._room.set()

    def lose(self) -> None:
        """The client wants no more of it, or is gone."""
        self.over.set()
        self._room.set()
        self.scope.cancel()

    # -- a channel (sinks.py)

    def send(self, data: Bytes, /) -> int:
        """Raises BlockingIOError where there is no room for anything, BrokenPipeError once it is over."""
        if self.over.is_set() or self._wire.is_lost:
            raise BrokenPipeError
        taken = self._wire.offer(self.id, data)
        if not taken:
            raise BlockingIOError
        return taken

    def sendmsg(self, pieces: Iterable[Bytes], /) -> int:
        """The same for bytes in several pieces."""
        taken = 0
        for piece in filter(len, pieces):
            try:
                sent = self.send(piece)
            except BlockingIOError:
                if taken:
                    break
                raise
            taken += sent
            if sent < len(piece):
                break
        return taken

    def recv(self, most_bytes: int, /) -> bytes:
        """Nothing: what a client may say belongs to the connection."""
        raise BlockingIOError

    def shutdown(self, how: int, /) -> None:
        """The stream's end, or the end of the stream."""
        if how == socket.SHUT_WR:
            self.end()
        else:
            self.give_up()

    def close(self) -> None:
        """Nothing more from this side."""
        self.give_up()

    def fileno(self) -> int:
        """There is none: the connection hears the client."""
        return -1

    async def wait_for_room(self) -> None:
        """Until `send` is worth another try."""
        await self._wire.wait_for_room()
        while not self.over.is_set() and not self._wire.is_lost and self._wire.protocol.room(self.id) <= 0:
            if self._room.is_set():
                self._room = trio.Event()
            await self._room.wait()

    async def wait_for_data(self) -> None:
        """Nothing will come."""
        await self.over.wait()

    def has_data(self) -> bool:
        return False

    def queued_bytes(self) -> int:
        """Of the whole connection: what is before this stream's bytes delays them as well."""
        return self._wire.queued_bytes

    def set_low_water(self, size_bytes: int) -> None:
        set_low_water(self._wire.sink, size_bytes)

    def _check(self) -> None:
        if self.over.is_set() or self._wire.is_lost:
            raise PeerGone
