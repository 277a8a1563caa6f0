"""Connections of the load generator: what they send is small, and most of what they get is thrown away.

The kernel says when bytes arrived (SO_TIMESTAMPNS, which Linux answers for TCP too): a generator that has a
thousand answers in front of it would else count its own slowness as the server's.
"""

import socket
import ssl
import struct
import time
from typing import Protocol

from bench.crowd import DISCARD_BYTES

SCHEMES = ("http", "https")

CONNECT_S = 10.0
PLAYERS_PER_NET = 250
TLS_RECORD_BYTES = 16384

#: asm-generic/socket.h; the ancillary message is a `struct timespec`.
SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
_NOTES_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
_discard = memoryview(bytearray(DISCARD_BYTES))

Address = tuple[str, int]


class Line(Protocol):
    """A connected, non-blocking byte stream."""

    #: Whether it may hold bytes back that epoll does not know of.
    hides: bool

    def fileno(self) -> int: ...
    def send(self, data: bytes) -> None: ...
    def read(self, size: int) -> tuple[bytes, int]:
        """At most `size` bytes, and when they came, nanoseconds on CLOCK_REALTIME.

        Raises BlockingIOError where there are none.
        """
        ...

    def discard(self, size: int) -> int:
        """Throw away at most `size` bytes; how many that were."""
        ...

    def close(self) -> None: ...


class PlainLine:
    """Over TCP."""

    __slots__ = ("_socket", "close", "fileno")

    hides = False

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        connection.setblocking(False)
        self._socket = connection
        self.close = connection.close
        self.fileno = connection.fileno

    def send(self, data: bytes) -> None:
        if self._socket.send(data) < len(data):
            raise OSError("a request that does not fit into the socket")

    def read(self, size: int) -> tuple[bytes, int]:
        data, notes, _, _ = self._socket.recvmsg(size, _NOTES_BYTES)
        for _, kind, value in notes:
            if kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                return data, seconds * 1_000_000_000 + nanoseconds
        return data, time.time_ns()

    def discard(self, size: int) -> int:
        return self._socket.recv_into(_discard, min(size, DISCARD_BYTES), socket.MSG_TRUNC)


class TlsLine:
    """Over TLS, where everything has to be read, and arrives when it is."""

    __slots__ = ("_socket", "close", "fileno")

    hides = True

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        self._socket = context.wrap_socket(connection)
        self._socket.setblocking(False)
        self.close = self._socket.close
        self.fileno = self._socket.fileno

    def send(self, data: bytes) -> None:
        if self._socket.send(data) < len(data):
            raise OSError("a request that does not fit into the socket")

    def read(self, size: int) -> tuple[bytes, int]:
        try:
            return self._socket.recv(size), time.time_ns()
        except ssl.SSLWantReadError:
            raise BlockingIOError from None

    def discard(self, size: int) -> int:
        data, _ = self.read(min(size, TLS_RECORD_BYTES))
        return len(data)


def source_of(player: int) -> str:
    """An address of loopback for each player, since a server may count requests by address."""
    return f"127.1.{player // PLAYERS_PER_NET}.{player % PLAYERS_PER_NET + 1}"


def connect(address: Address, source: str, context: ssl.SSLContext | None = None) -> Line:
    """A new line from `source`; waits until it stands."""
    connection = socket.create_connection(address, CONNECT_S, source_address=(source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return PlainLine(connection) if context is None else TlsLine(connection, context)


def context_of(scheme: str) -> ssl.SSLContext | None:
    """For https, one that trusts everybody: nobody has signed the certificates here."""
    if scheme != "https":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
