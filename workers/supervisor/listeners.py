"""The listening sockets: made here, kept here, so that no worker's death refuses a connection.

Theory of operation. Each fanout slot has a socket of its own per port, all bound to one address with
SO_REUSEPORT; the kernel spreads connections over them by hash. Whoever owns a slot accepts there; the
supervisor's copy keeps the queue alive between two owners. One shared socket would do without lending, but
gives every connection to whichever worker wakes first, which on Linux is mostly the same one. Where systemd
hands a socket in, there is only that one and all share it.

Options are set on the listening socket, because accepted sockets inherit them on Linux (tcp(7)): that saves
four system calls per connection and leaves no moment without them.
"""

import errno
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Final

from engine.config import Config, Listen
from workers.runtime.notify import HandedIn
from workers.runtime.worker import API, HTTP, METRICS, RTMP
from workers.supervisor.errors import StartError
from workers.supervisor.limits import BACKLOG

KINDS: Final = (RTMP, HTTP, API, METRICS)
PER_FANOUT: Final = frozenset({RTMP, HTTP})

Listeners = dict[str, list[socket.socket]]


def open_listeners(config: Config, fanouts: int, handed: Sequence[HandedIn]) -> Listeners:
    """All listening sockets: by kind, and for rtmp and http by fanout index. Raises StartError.

    A port 0 is chosen by the kernel for the first socket; its siblings share it.
    """
    given = _by_kind(handed)
    opened: Listeners = {}
    try:
        for kind in KINDS:
            opened[kind] = [given[kind]] if kind in given else _open(config, kind, fanouts)
        set_options(opened, config)
    except BaseException:
        close_listeners(opened)
        raise
    return opened


def close_listeners(listeners: Mapping[str, Sequence[socket.socket]]) -> None:
    for sockets in listeners.values():
        for listener in sockets:
            listener.close()


def set_options(listeners: Mapping[str, Sequence[socket.socket]], config: Config) -> None:
    """Set what accepted sockets inherit; after a reload too, since workers share these sockets."""
    for kind, sockets in listeners.items():
        for listener in sockets:
            if listener.family != socket.AF_UNIX:
                _set_options(listener, config, bounded=kind in PER_FANOUT)


def addresses_of(listeners: Mapping[str, Sequence[socket.socket]]) -> dict[str, str]:
    """The real addresses, "host:port" by kind."""
    return {kind: address_of(sockets[0]) for kind, sockets in listeners.items()}


def address_of(listener: socket.socket) -> str:
    """Where a socket listens, as the configuration would write it."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if listener.family == socket.AF_INET6 else f"{host}:{port}"


def _by_kind(handed: Sequence[HandedIn]) -> dict[str, socket.socket]:
    named = {entry.name: entry.socket for entry in handed}
    unknown = sorted(named.keys() - set(KINDS))
    if unknown:
        raise StartError(
            f"systemd handed in sockets named {unknown}; FileDescriptorName= is one of {list(KINDS)}"
        )
    for name, listener in named.items():
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise StartError(f"the socket that systemd handed in as {name} does not listen (ListenStream=)")
    return named


def _open(config: Config, kind: str, fanouts: int) -> list[socket.socket]:
    listen: Listen = getattr(config, kind).listen
    try:
        if kind not in PER_FANOUT:
            return [_listening(listen.host, listen.port, shared=False)]
        return _open_group(listen, fanouts)
    except OSError as error:
        raise StartError(f"[{kind}] listen: cannot listen on {listen}: {_reason(error)}") from error


def _open_group(listen: Listen, count: int) -> list[socket.socket]:
    """Sockets that share one port with each other, and with nobody else."""
    if listen.port:
        # SO_REUSEPORT would let a second engine of the same user in without a word; a plain bind tells.
        _bound(listen.host, listen.port, shared=False).close()
    group: list[socket.socket] = []
    try:
        port = listen.port
        for _ in range(count):
            group.append(_listening(listen.host, port, shared=True))
            port = group[0].getsockname()[1]
    except OSError:
        close_listeners({"": group})
        raise
    return group


def _listening(host: str, port: int, *, shared: bool) -> socket.socket:
    listener = _bound(host, port, shared=shared)
    listener.listen(BACKLOG)
    return listener


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
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


def _set_options(listener: socket.socket, config: Config, *, bounded: bool) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Bytes unacknowledged for that long end the connection: a peer whose cable was pulled.
    user_timeout_ms = round(config.fanout.user_timeout_s * 1000)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
    if bounded:
        # Or the kernel hides seconds of a slow player's media where no cursor sees them.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, config.fanout.send_buffer_bytes)


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is taken; is another engine running?"
    if error.errno == errno.EACCES:
        return "not allowed; ports below 1024 need CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address"
    return os.strerror(error.errno or 0)
