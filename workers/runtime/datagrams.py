"""UDP in bulk: as many datagrams per system call as the kernel lets.

Out: a run of datagrams of one size goes as one message with UDP_SEGMENT, and the kernel cuts it (udp(7)):
0.44 us a packet against 2.38 us one by one. Header and payload stay two buffers, so that players share the
payload. In: Python has no recvmmsg, so reading costs a call per datagram; callers let datagrams gather and
read them at once. The kernel knows when each came; it is asked only about the few for which that matters.
"""

import contextlib
import errno
import fcntl
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
Datagram: TypeAlias = tuple[bytes, Buffer]

SOL_UDP: Final = 17  # linux/udp.h
UDP_SEGMENT: Final = 103
MAX_SEGMENTS: Final = 44
"""Datagrams of one call. The kernel allows 64, and 65,507 bytes in all: 44 of 1,472."""

MAX_DATAGRAM_BYTES: Final = 2048
"""More than any SRT packet (1,500 less the headers below it); a longer one is cut and then refused as
damaged.
"""

SIOCGSTAMPNS: Final = 0x8907  # linux/sockios.h: when the datagram read last reached the machine
_TIMESPEC: Final = struct.Struct("qq")
MAX_DELAY_US: Final = 1_000_000
"""A datagram that seems to have waited longer did not: somebody has set the wall clock."""

MAX_READS: Final = 256
"""Datagrams taken from one socket in one turn: half a second of 5 Mbit/s."""

_NO_ROOM: Final = frozenset({errno.EAGAIN, errno.ENOBUFS})
_CANNOT_SEGMENT: Final = frozenset({errno.EINVAL, errno.EIO, errno.EMSGSIZE})
"""What the kernel says where the way out cannot take segments: it carries only shorter packets, as tunnels
do, or computes no checksums.
"""


def send_datagrams(sock: socket.socket, datagrams: Sequence[Datagram]) -> int:
    """Send on a connected socket; returns how many the kernel took, in order.

    What it did not take is lost as on the wire, and asked for again. Raises OSError for a dead peer.
    """
    sent = 0
    try:
        for run in _runs(datagrams):
            if len(run) > 1 and _send_segmented(sock, run):
                sent += len(run)
                continue
            for header, payload in run:
                sock.sendmsg((header, payload) if payload else (header,))
                sent += 1
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
    return sent


def receive_datagrams(sock: socket.socket, limit: int = MAX_READS) -> list[bytes]:
    """What waits on a connected socket, at most `limit` datagrams. Raises OSError for a dead peer."""
    received: list[bytes] = []
    try:
        while len(received) < limit:
            received.append(sock.recv(MAX_DATAGRAM_BYTES))
    except BlockingIOError:
        pass
    return received


def receive_stamped(
    sock: socket.socket, prefix: bytes, limit: int = MAX_READS
) -> tuple[list[bytes], dict[int, int]]:
    """The same, and by index how long those that begin with `prefix` have waited, microseconds."""
    received: list[bytes] = []
    delays_us: dict[int, int] = {}
    try:
        while len(received) < limit:
            datagram = sock.recv(MAX_DATAGRAM_BYTES)
            if datagram.startswith(prefix):
                delays_us[len(received)] = delay_us(sock)
            received.append(datagram)
    except BlockingIOError:
        pass
    return received, delays_us


def delay_us(sock: socket.socket) -> int:
    """How long the datagram that was read last had waited, microseconds; 0 where the kernel does not know.
    The first call has it take note from then on."""
    with contextlib.suppress(OSError):
        seconds, nanoseconds = _TIMESPEC.unpack(fcntl.ioctl(sock, SIOCGSTAMPNS, bytes(_TIMESPEC.size)))
        waited_us = (time.time_ns() - seconds * 1_000_000_000 - nanoseconds) // 1000
        return waited_us if 0 <= waited_us <= MAX_DELAY_US else 0
    return 0


def _send_segmented(sock: socket.socket, run: Sequence[Datagram]) -> bool:
    """Datagrams of one size in one call; False if they have to go one by one."""
    pieces = [piece for datagram in run for piece in datagram if piece]
    size = struct.pack("=H", len(run[0][0]) + len(run[0][1]))
    try:
        sock.sendmsg(pieces, [(SOL_UDP, UDP_SEGMENT, size)])
    except OSError as error:
        if error.errno not in _CANNOT_SEGMENT:
            raise
        return False
    return True


def _runs(datagrams: Sequence[Datagram]) -> Iterator[list[Datagram]]:
    """Neighbours of one size, at most MAX_SEGMENTS."""
    for _, group in groupby(datagrams, key=lambda datagram: len(datagram[0]) + len(datagram[1])):
        run = list(group)
        for begin in range(0, len(run), MAX_SEGMENTS):
            yield run[begin : begin + MAX_SEGMENTS]
