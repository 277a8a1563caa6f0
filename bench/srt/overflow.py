"""Datagrams that the kernel threw away because a socket's buffer was full: `drops` in /proc/net/udp.

Who reads too rarely loses packets that nobody counts. A benchmark that blames the network, or the other end,
has to know.
"""

import socket
from collections.abc import Iterable, Iterator
from os import fstat
from pathlib import Path
from typing import NamedTuple

TABLE = Path("/proc/net/udp")
_LOCAL, _INODE, _DROPS = 1, 9, 12


class UdpSocket(NamedTuple):
    """One line of the table."""

    port: int
    inode: int
    drops: int


def at_port(port: int) -> int:
    """Lost so far at all sockets of a port that are still open, in whatever process."""
    return sum(each.drops for each in read(TABLE.read_text()) if each.port == port)


def at_sockets(sockets: Iterable[socket.socket]) -> int:
    """Lost so far at sockets of this process."""
    inodes = {fstat(sock.fileno()).st_ino for sock in sockets}
    return sum(each.drops for each in read(TABLE.read_text()) if each.inode in inodes)


def read(table: str) -> Iterator[UdpSocket]:
    """The table's lines."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        port = int(fields[_LOCAL].rpartition(":")[2], 16)
        yield UdpSocket(port, int(fields[_INODE]), int(fields[_DROPS]))
