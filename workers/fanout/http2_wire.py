"""What all streams of an HTTP/2 connection share: the state of the protocol, and the one way out.

Whatever is said is tried on the socket at once, so that a pass of the pump costs a player one system call
here too, and no task switch. What the socket does not take waits in one buffer, which the writer's task
empties. The buffer is bounded: bodies and heads (but not those of players) wait for room in it, and a peer
that lets the answers to what it says pile up is not heard until it has taken some of them.
"""

import trio

from engine.protocols.http import Head
from engine.protocols.http2 import ErrorCode, Http2Connection
from workers.fanout.connection import PeerGone
from workers.fanout.exchange import SEND_S
from workers.fanout.logs import Bytes
from workers.fanout.sinks import Sink, queued_bytes, wait_for_room

MAX_BUFFERED_BYTES: int = 64 * 1024
"""Of answers, all streams of a connection together: four frames. Half a second of a stream of 1 Mbit/s, which
is the most that a player here is behind what its pump knows of it."""

LOW_BUFFERED_BYTES: int = MAX_BUFFERED_BYTES // 2
"""Streams are woken when no more than this is left, and then send whole frames again."""

MAX_UNREAD_BYTES: int = MAX_BUFFERED_BYTES + 64 * 1024
"""The same with what the protocol itself answers: beyond it the peer is not read from. A read of 16 KiB is
answered with little more than it is long."""


class Http2Wire:
    """The way out of one connection.

    Args:
        sink: closed by whoever made it.
    """

    def __init__(self, sink: Sink) -> None:
        self.protocol = Http2Connection()
        self.sink = sink
        self._unsent = bytearray()
        self._filled = trio.Event()
        self._lower = trio.Event()  # there is less in the buffer than there was, or it is lost
        self._is_lost = False

    @property
    def has_room(self) -> bool:
        """Whether anything of an answer may be put into the buffer."""
        return len(self._unsent) < MAX_BUFFERED_BYTES

    @property
    def queued_bytes(self) -> int:
        """Bytes that the peer has not acknowledged, or that have not gone out yet."""
        return len(self._unsent) + queued_bytes(self.sink)

    # -- saying

    def say_head(self, stream_id: int, head: Head, *, end: bool) -> None:
        """Begin an answer. Raises OSError once the connection is lost."""
        self.protocol.send_head(stream_id, head, end=end)
        self.flush()

    def offer(self, stream_id: int, data: Bytes) -> int:
        """Send of `data` what client and buffer have room for; how much. Raises OSError as `say_head`."""
        room = MAX_BUFFERED_BYTES - len(self._unsent)
        if room <= 0:
            return 0
        taken = self.protocol.send_data(stream_id, memoryview(data)[:room])
        self.flush()
        return taken

    def end(self, stream_id: int) -> None:
        """The answer is finished."""
        self.protocol.end(stream_id)
        self.flush()

    def reset(self, stream_id: int, code: ErrorCode) -> None:
        """Give up the answer."""
        self.protocol.reset(stream_id, code)
        self.flush()

    def flush(self) -> None:
        """Send what there is to say, as far as it goes at once."""
        output = self.protocol.take_output()
        if self._unsent:
            self._unsent += output
        elif output:
            sent = self._try_to_send(output)
            if sent < len(output):
                self._unsent += output[sent:]
                self._filled.set()

    def take_rest(self) -> bytes:
        """All that has not gone out, for whoever ends the connection."""
        self.flush()
        rest = bytes(self._unsent)
        self._unsent.clear()
        return rest

    # -- the writer

    async def write(self) -> None:
        """Empty the buffer whenever there is room below.

        Raises PeerGone, and `trio.TooSlowError` for a peer that takes next to nothing for long.
        """
        while True:
            await self._filled.wait()
            while self._unsent and not self._is_lost:
                with trio.fail_after(SEND_S):
                    await self._write_some()
                self._wake()
            if self._is_lost:
                raise PeerGone
            self._filled = trio.Event()

    async def _write_some(self) -> None:
        """Until the buffer is low: a byte now and then is not enough to be kept."""
        while not self._is_lost:
            await wait_for_room(self.sink)
            del self._unsent[: self._try_to_send(self._unsent)]
            if len(self._unsent) <= LOW_BUFFERED_BYTES:
                return

    async def wait_for_room(self) -> None:
        """Until more of an answer may be put into the buffer."""
        while not self.has_room and not self._is_lost:
            await self._lower.wait()

    async def wait_until_heard(self) -> None:
        """Until the peer has taken enough of what it was answered that it may go on talking."""
        while len(self._unsent) > MAX_UNREAD_BYTES and not self._is_lost:
            await self._lower.wait()

    async def wait_until_empty(self) -> None:
        """Until everything has gone out."""
        while self._unsent and not self._is_lost:
            await self._lower.wait()

    def _wake(self) -> None:
        self._lower.set()
        self._lower = trio.Event()

    def _try_to_send(self, data: bytes | bytearray) -> int:
        if self._is_lost:
            return 0
        try:
            return self.sink.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.lose()
            return 0

    def lose(self) -> None:
        """The connection is lost: nobody waits for it any more."""
        self._is_lost = True
        self._filled.set()
        self._wake()

    @property
    def is_lost(self) -> bool:
        return self._is_lost
