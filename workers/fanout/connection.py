"""What all connections of a fanout worker share: an identity, a deadline for talk, the long watch while
media flows, and a last word.

Every read gives way to the other connections first: a peer that sends without end gets its turns, no more.
"""

import contextlib
import secrets
import socket
import time
from collections.abc import Callable

import trio
from structlog.typing import FilteringBoundLogger

from workers.fanout.logs import Bytes
from workers.fanout.player import Player
from workers.fanout.sinks import Sink, close, has_data, wait_for_data, wait_for_room
from workers.runtime.circle import NEVER, Circle
from workers.runtime.remotes import host_of
from workers.runtime.worker import Worker

READ_BYTES: int = 16 * 1024
"""One read of what clients say: a request head, a few RTMP commands."""

REFUSAL_LINGER_S: float = 2.0
"""How long a refused peer has to take its answer and close, seconds."""


class PeerGone(Exception):
    """The peer closed or lost its connection; ordinary, and caught where the connection's story ends."""

    reason = "connection_lost"


class Connection:
    """One accepted socket, or what stands for one.

    Args:
        sock: closed by `close`.
        remote: the peer's address as the kernel gave it.
        worker_name: begins the id, so that the holder of a client can be read off it.
    """

    __slots__ = (
        "_named",
        "_token",
        "accepted_ns",
        "accepted_s",
        "host",
        "id",
        "remote",
        "request_id",
        "sock",
    )

    def __init__(self, sock: Sink, remote: str, worker_name: str) -> None:
        self.sock = sock
        self.remote = remote
        self.host = host_of(remote)
        """The peer's address without its port."""
        self._token = secrets.token_hex(6)
        self._named = 0
        self.id = f"{worker_name}-{self._token}"
        self.request_id = ""  # of the HTTP request that is being answered
        self.accepted_ns = time.time_ns()
        self.accepted_s = trio.current_time()

    def name_request(self, given: str | None) -> str:
        """The id of the request that has come: as its client says, or the next of this connection's own."""
        self._named += 1
        self.request_id = given or f"{self._token}-{self._named}"
        return self.request_id

    @property
    def is_first_request(self) -> bool:
        """Whether nothing was asked for on this connection before what is being answered."""
        return self._named <= 1

    def remote_of(self, client: str) -> str:
        """What the client at the address `client` is called in lists and logs: without a port where only a
        proxy knows it."""
        return client if client and client != self.host else self.remote

    async def read(self, most_bytes: int = READ_BYTES) -> bytes:
        """The next bytes from the peer, at most so many. Raises PeerGone at the end."""
        while True:
            await wait_for_data(self.sock)
            try:
                data = self.sock.recv(min(READ_BYTES, most_bytes))
            except BlockingIOError:
                continue
            except OSError:
                raise PeerGone from None
            if not data:
                raise PeerGone
            return data

    async def write(self, data: Bytes) -> None:
        """Send all of `data`. For talk before media flows: the pump is the only writer after that."""
        rest = memoryview(data)
        while rest:
            rest = rest[await self.write_some(rest) :]

    async def write_some(self, data: Bytes) -> int:
        """Send as much of `data` as there is room for, once there is any; how much that was."""
        while True:
            try:
                return self.sock.send(data)
            except BlockingIOError:
                await wait_for_room(self.sock)
            except OSError:
                raise PeerGone from None

    async def watch(self, player: Player, on_data: Callable[[bytes], None], ear: Circle) -> None:
        """Stay until the player is over, handing on what the peer says in the meantime.

        A connection whose sink has no descriptor hears its peer in a way of its own.
        """
        watch = Watch(self.sock, player, on_data)
        ear.add(watch)
        try:
            await watch.over.wait()
        finally:
            ear.remove(watch)
        if watch.error is not None:
            raise watch.error

    async def refuse(self, answer: bytes) -> None:
        """Send a last word, and wait for the peer to take it: closing at once could reset the connection
        under the answer.
        """
        with trio.move_on_after(REFUSAL_LINGER_S), contextlib.suppress(PeerGone, OSError):
            await self.write(answer)
            self.sock.shutdown(socket.SHUT_WR)
            while True:
                await self.read()

    def failed(self, log: FilteringBoundLogger) -> None:
        """Note a fault of ours: it costs this connection, not the worker with everybody in it."""
        log.exception("connection_failed", conn=self.id, remote=self.remote)

    def end_story(self, worker: Worker, error: str) -> None:
        """What a trace tells of it, if one does, ends so."""
        if worker.tracer is not None:
            worker.tracer.end(error)

    def close(self) -> None:
        close(self.sock)


class Watch:
    """Listens to one player while media flows.

    Players say little: an acknowledgement now and then, a pong, the end. Hundreds of them are heard by one
    task (the ear) that lets what they say gather for a moment: a task switch for each acknowledgement of a
    thousand RTMP players cost a fifth of what it costs to serve them.

    A player that is done is only read to its end, so that closing does not reset what it has yet to take.
    """

    __slots__ = ("_on_data", "_player", "_sock", "error", "over")

    def __init__(self, sock: Sink, player: Player, on_data: Callable[[bytes], None]) -> None:
        self._sock = sock
        self._player = player
        self._on_data = on_data
        self.over = trio.Event()
        self.error: Exception | None = None

    def fileno(self) -> int:
        return self._sock.fileno()

    def serve(self, now_us: int) -> int:
        """Take one read of what the player says: whoever talks most has to wait its turn."""
        try:
            data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return NEVER
        except OSError:
            data = b""
        if not data:
            self.over.set()
        elif not self._player.done:
            self._on_data(data)
        return now_us if data and has_data(self._sock) else NEVER

    def fail(self, error: Exception) -> None:
        self.error = error
        self.over.set()
