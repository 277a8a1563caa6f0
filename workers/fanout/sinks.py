"""What a connection's bytes go into and come out of: a TCP socket, or a channel that does the same on top of
one (TLS; a stream among others on a shared connection).

The pump asks for little and asks often: `send` takes what there is room for at once and says how much that
was. A plain socket is a sink as it is, so that the pump's loop over plain players is one system call each.
Waiting is what differs: trio lets one task wait for a descriptor and direction, and a channel has something
of its own to do there, or no descriptor at all. So waiting is done by the functions here.
"""

import fcntl
import os
import socket
import struct
import termios
from collections.abc import Iterable
from typing import Protocol, TypeAlias

import trio

from workers.fanout.logs import Bytes

FILE_PIECE_BYTES: int = 64 * 1024
"""Of a file read at once for a channel: what is read and not taken is read again."""


class Channel(Protocol):
    """A sink that is not a socket. The first five do what `socket.socket`'s do, non-blocking."""

    def send(self, data: Bytes, /) -> int:
        """How many bytes were taken, from the front. Raises BlockingIOError where there is no room for any,
        any other OSError once the connection is dead.
        """
        ...

    def sendmsg(self, pieces: Iterable[Bytes], /) -> int:
        """The same for bytes in several pieces."""
        ...

    def recv(self, most_bytes: int, /) -> bytes:
        """What there is, at most so much; empty at the end. Raises OSError as `send` does."""
        ...

    def shutdown(self, how: int, /) -> None:
        """SHUT_WR: what was taken still goes out, then the end is told. SHUT_RDWR: it is over now."""
        ...

    def close(self) -> None:
        """No more from this side; who waits here is woken."""
        ...

    def fileno(self) -> int:
        """The descriptor that is readable when something may have come; -1 where there is none, and the
        connection has a watch of its own.
        """
        ...

    async def wait_for_room(self) -> None:
        """Until `send` is worth another try. Any number of tasks may wait."""
        ...

    async def wait_for_data(self) -> None:
        """Until `recv` is worth another try."""
        ...

    def has_data(self) -> bool:
        """Whether something has come that `recv` did not give out, and no descriptor will tell of."""
        ...

    def queued_bytes(self) -> int:
        """Bytes taken that the peer has not acknowledged."""
        ...

    def set_low_water(self, size_bytes: int) -> None:
        """As the function of that name here."""
        ...


Sink: TypeAlias = socket.socket | Channel


async def wait_for_room(sink: Sink) -> None:
    if isinstance(sink, socket.socket):
        await trio.lowlevel.wait_writable(sink)
    else:
        await sink.wait_for_room()


async def wait_for_data(sink: Sink) -> None:
    if isinstance(sink, socket.socket):
        await trio.lowlevel.wait_readable(sink)
    else:
        await sink.wait_for_data()


def has_data(sink: Sink) -> bool:
    """Whether to read again at once; of what waits in a socket the descriptor tells."""
    return not isinstance(sink, socket.socket) and sink.has_data()


def close(sink: Sink) -> None:
    """Close, and wake who waits there."""
    if isinstance(sink, socket.socket):
        trio.lowlevel.notify_closing(sink)
    sink.close()


def queued_bytes(sink: Sink) -> int:
    """Bytes that the peer has not acknowledged yet (SIOCOUTQ)."""
    if not isinstance(sink, socket.socket):
        return sink.queued_bytes()
    try:
        answer = fcntl.ioctl(sink.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return 0
    return int(struct.unpack("=i", answer)[0])


def set_low_water(sink: Sink, size_bytes: int) -> None:
    """Let the kernel take no more than `size_bytes` ahead of what it has sent, where there is TCP below.

    Without it a slow player hides seconds of media in its send buffer, where no cursor sees them.
    """
    if not isinstance(sink, socket.socket):
        sink.set_low_water(size_bytes)
    elif sink.type == socket.SOCK_STREAM and sink.family != socket.AF_UNIX:
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, size_bytes)


def send_from_file(sink: Sink, fd: int, at: int, most_bytes: int) -> int:
    """Send bytes of a file from `at` on; how many were taken, none at its end. Raises as `send`."""
    if isinstance(sink, socket.socket):
        return os.sendfile(sink.fileno(), fd, at, most_bytes)
    data = os.pread(fd, min(most_bytes, FILE_PIECE_BYTES), at)
    return sink.send(data) if data else 0
