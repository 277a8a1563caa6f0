"""Binding sockets to an address: alone, or as a group that shares one port."""

import errno
import os
import socket

from engine.config import Listen
from workers.supervisor.limits import BACKLOG


def open_alone(listen: Listen) -> socket.socket:
    """One listening TCP socket. Raises OSError."""
    return _open(socket.SOCK_STREAM, listen.host, listen.port, shared=False)


def open_group(kind: socket.SocketKind, listen: Listen, count: int) -> list[socket.socket]:
    """`count` sockets that share one port with each other, and with nobody else. Raises OSError.

    Streams listen already. A port 0 is chosen by the kernel for the first socket; its siblings share it.
    """
    if listen.port:
        # SO_REUSEPORT would let a second engine of the same user in without a word; a plain bind tells.
        _bound(kind, listen.host, listen.port, shared=False).close()
    group: list[socket.socket] = []
    try:
        port = listen.port
        for _ in range(count):
            group.append(_open(kind, listen.host, port, shared=True))
            port = group[0].getsockname()[1]
    except OSError:
        for opened in group:
            opened.close()
        raise
    return group


def reason(error: OSError) -> str:
    """Why an address cannot be had, as an operator says it."""
    if error.errno == errno.EADDRINUSE:
        return "the port is taken; is another engine running?"
    if error.errno == errno.EACCES:
        return "not allowed; ports below 1024 need CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address"
    return os.strerror(error.errno or 0)


def _open(kind: socket.SocketKind, host: str, port: int, *, shared: bool) -> socket.socket:
    opened = _bound(kind, host, port, shared=shared)
    if kind == socket.SOCK_STREAM:
        opened.listen(BACKLOG)
    return opened


def _bound(kind: socket.SocketKind, host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, kind)
    try:
        opened.setblocking(False)
        if kind == socket.SOCK_STREAM:
            # Past connections in TIME_WAIT are no obstacle. To UDP it would mean something else: that anybody
            # who asks for the same may have the port as well.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # [::] takes IPv4 as well
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened
