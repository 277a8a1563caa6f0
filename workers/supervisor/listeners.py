"""The listening sockets: made here, kept here, so that no worker's death refuses a connection.

Theory of operation. Each fanout slot has a socket of its own per port, all bound to one address with
SO_REUSEPORT; the kernel spreads connections over them by hash. Whoever owns a slot accepts there; the
supervisor's copy keeps the queue alive between two owners. One shared socket would do without lending, but
gives every connection to whichever worker wakes first, which on Linux is mostly the same one. Where systemd
hands a socket in, there is only that one and all share it.

UDP has the same groups, and no connections to accept (`datagrams`).

Options are set on the listening TCP socket, because accepted sockets inherit them on Linux (tcp(7)): that
saves four system calls per connection and leaves no moment without them.
"""

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from typing import Final

from engine.config import Config, Listen
from engine.config.access_rules import asks_for_credentials
from workers.runtime.notify import HandedIn
from workers.runtime.worker import API, HTTP, HTTPS, METRICS, RTMP, RTMPS, SRT, is_srt, mapped_stream
from workers.supervisor.binding import open_alone, open_group, reason
from workers.supervisor.datagrams import check_handed_in, open_datagrams
from workers.supervisor.errors import StartError

STREAM_KINDS: Final = (RTMP, HTTP, RTMPS, HTTPS, API, METRICS)
KINDS: Final = (RTMP, HTTP, RTMPS, HTTPS, SRT, API, METRICS)
PER_FANOUT: Final = frozenset({RTMP, HTTP, RTMPS, HTTPS})
OVER_TLS: Final = frozenset({RTMPS, HTTPS})

Listeners = dict[str, list[socket.socket]]


def open_listeners(config: Config, fanouts: int, handed: Sequence[HandedIn]) -> Listeners:
    """All listening sockets: by kind, and for rtmp, http, rtmps, https and srt by fanout index. Raises
    StartError. Without TLS "rtmps" and "https" are empty.

    A port that stands for a stream is a kind of its own, `mapped_srt(name)`. A port 0 is chosen by the
    kernel for the first socket; its siblings share it.
    """
    given = _by_kind(handed)
    opened: Listeners = {}
    try:
        opened.update(open_datagrams(config, fanouts, given.get(SRT)))
        for kind in STREAM_KINDS:
            opened[kind] = _given_or_open(config, kind, given, fanouts)
        set_options(opened, config)
        if (fault := unguarded(opened, config)) is not None:
            raise StartError(fault)
    except BaseException:
        close_listeners(opened)
        raise
    return opened


def unguarded(listeners: Mapping[str, Sequence[socket.socket]], config: Config) -> str | None:
    """What is wrong if others reach the API or the metrics and nobody is asked who he is.

    The configuration is checked for its own addresses; a socket that was handed in may listen elsewhere.
    """
    for kind, section in ((API, config.api), (METRICS, config.metrics)):
        for listener in listeners[kind]:
            if _others_reach(listener) and not asks_for_credentials(section):
                return (
                    f"the socket that systemd handed in as {kind} listens on {address_of(listener)}, which"
                    f" can be reached from outside, and nobody is asked who he is; set {kind}.keys"
                )
    return None


def _others_reach(listener: socket.socket) -> bool:
    if listener.family == socket.AF_UNIX:
        return False  # its file's mode says who may
    return not ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def close_listeners(listeners: Mapping[str, Sequence[socket.socket]]) -> None:
    for sockets in listeners.values():
        for listener in sockets:
            listener.close()


def set_options(listeners: Mapping[str, Sequence[socket.socket]], config: Config) -> None:
    """Set what accepted sockets inherit; after a reload too, since workers share these sockets."""
    for kind, sockets in listeners.items():
        for listener in sockets:
            if listener.family != socket.AF_UNIX and not is_srt(kind):
                _set_options(listener, config, bounded=kind in PER_FANOUT)


def addresses_of(listeners: Mapping[str, Sequence[socket.socket]]) -> dict[str, str]:
    """The real addresses, "host:port" by kind; those of streams' own ports are apart."""
    return {kind: address_of(listeners[kind][0]) for kind in KINDS if listeners[kind]}


def stream_addresses_of(listeners: Mapping[str, Sequence[socket.socket]]) -> dict[str, str]:
    """The real addresses of ports that stand for a stream, "host:port" by stream name."""
    named = ((mapped_stream(kind), sockets) for kind, sockets in listeners.items())
    return {name: address_of(sockets[0]) for name, sockets in named if name is not None}


def address_of(listener: socket.socket) -> str:
    """Where a socket listens, as the configuration would write it."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if listener.family == socket.AF_INET6 else f"{host}:{port}"


def _by_kind(handed: Sequence[HandedIn]) -> dict[str, socket.socket]:
    named = {entry.name: entry.socket for entry in handed}
    if len(named) < len(handed):
        # The one left out would stay open at systemd, where connections wait for nobody.
        raise StartError(
            f"systemd handed in several sockets of one name, all of {sorted(named)}; one is taken"
        )
    unknown = sorted(named.keys() - set(KINDS))
    if unknown:
        raise StartError(
            f"systemd handed in sockets named {unknown}; FileDescriptorName= is one of {list(KINDS)}"
        )
    for name, listener in named.items():
        if name == SRT:
            check_handed_in(listener)
        elif not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise StartError(f"the socket that systemd handed in as {name} does not listen (ListenStream=)")
    return named


def _given_or_open(
    config: Config, kind: str, given: Mapping[str, socket.socket], fanouts: int
) -> list[socket.socket]:
    if kind in OVER_TLS and not config.tls.enabled:
        if kind in given:
            raise StartError(f"systemd handed in a socket named {kind}, but tls.certificate is empty")
        return []
    return [given[kind]] if kind in given else _open(config, kind, fanouts)


def _open(config: Config, kind: str, fanouts: int) -> list[socket.socket]:
    where = f"[tls] {kind}" if kind in OVER_TLS else f"[{kind}] listen"
    listen: Listen = getattr(config.tls, kind) if kind in OVER_TLS else getattr(config, kind).listen
    try:
        if kind not in PER_FANOUT:
            return [open_alone(listen)]
        return open_group(socket.SOCK_STREAM, listen, fanouts)
    except OSError as error:
        raise StartError(f"{where}: cannot listen on {listen}: {reason(error)}") from error


def _set_options(listener: socket.socket, config: Config, *, bounded: bool) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Bytes unacknowledged for that long end the connection: a peer whose cable was pulled.
    user_timeout_ms = round(config.fanout.user_timeout_s * 1000)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
    if bounded:
        # Or the kernel hides seconds of a slow player's media where no cursor sees them.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, config.fanout.send_buffer_bytes)
