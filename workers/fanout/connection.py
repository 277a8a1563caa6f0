"""What all connections of a fanout worker share: an identity, a deadline for talk, and the long watch while
media flows.
"""

import secrets
import socket
import time
from collections.abc import Callable

import trio

from workers.fanout.player import Player

READ_BYTES: int = 16 * 1024
"""One read of what clients say: a request head, a few RTMP commands."""


class PeerGone(Exception):
    """The peer closed or lost its connection; ordinary, and caught where the connection's story ends."""


class Connection:
    """One accepted socket.

    Args:
        sock: non-blocking; closed by `close`.
        remote: the peer's address as the kernel gave it.
        worker_name: begins the id, so that the holder of a client can be read off it.
    """

    __slots__ = ("accepted_ns", "accepted_s", "id", "remote", "sock")

    def __init__(self, sock: socket.socket, remote: str, worker_name: str) -> None:
        self.sock = sock
        self.remote = remote
        self.id = f"{worker_name}-{secrets.token_hex(6)}"
        self.accepted_ns = time.time_ns()
        self.accepted_s = trio.current_time()

    async def read(self) -> bytes:
        """The next bytes from the peer. Raises PeerGone at the end."""
        while True:
            try:
                data = self.sock.recv(READ_BYTES)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self.sock)
                continue
            except OSError:
                raise PeerGone from None
            if not data:
                raise PeerGone
            return data

    async def write(self, data: bytes) -> None:
        """Send all of `data`. For talk before media flows: the pump is the only writer after that."""
        while data:
            try:
                data = data[self.sock.send(data) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self.sock)
            except OSError:
                raise PeerGone from None

    async def watch(self, player: Player, on_data: Callable[[bytes], None]) -> None:
        """Stay until the player is over, handing on what the peer says in the meantime.

        A player that is done is only read to its end, so that closing does not reset what it has yet to take.
        """
        while True:
            try:
                data = await self.read()
            except PeerGone:
                return
            if not player.done:
                on_data(data)

    def close(self) -> None:
        trio.lowlevel.notify_closing(self.sock)
        self.sock.close()
