"""The UDP sockets of SRT: one per fanout slot for the port that all use, and for each port of a stream.

SO_REUSEPORT spreads datagrams by a hash of both addresses, so all of a peer's reach one slot, as with TCP.
What is queued while a slot's worker is being replaced is lost if it is much, and SRT asks for it again.
"""

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from structlog.typing import FilteringBoundLogger

from engine.config import Config, Listen
from workers.runtime.worker import SRT, mapped_srt
from workers.supervisor.binding import open_group, reason
from workers.supervisor.errors import StartError
from workers.supervisor.limits import DATAGRAM_BUFFER_BYTES

_SO_SNDBUFFORCE: Final = 32  # asm-generic/socket.h; Python names neither
_SO_RCVBUFFORCE: Final = 33


def open_datagrams(
    config: Config, fanouts: int, handed: socket.socket | None
) -> dict[str, list[socket.socket]]:
    """Sockets by key: "srt", and "srt:<stream name>" for each mapped port. Raises StartError.

    `handed` is a socket that systemd opened for "srt"; all fanout workers share it. Where SRT is not
    enabled, "srt" has no sockets.
    """
    if not config.srt.enabled:
        if handed is not None:
            raise StartError("systemd handed in a socket named srt, but srt.enabled is false")
        return {SRT: []}
    groups: dict[str, list[socket.socket]] = {}
    try:
        groups[SRT] = [_shared(handed)] if handed else _group("listen", config.srt.listen, fanouts)
        for port, name in config.srt.ports.items():
            listen = Listen(config.srt.listen.host, port)
            groups[mapped_srt(name)] = _group(f"ports.{port}", listen, fanouts)
    except BaseException:
        for opened in (opened for group in groups.values() for opened in group):
            opened.close()
        raise
    for opened in (opened for group in groups.values() for opened in group):
        _widen(opened)
    return groups


def check_handed_in(handed: socket.socket) -> None:
    """Raise StartError for what cannot carry SRT."""
    kind, family = handed.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), handed.family
    if kind != socket.SOCK_DGRAM or family not in (socket.AF_INET, socket.AF_INET6):
        raise StartError(f"the socket that systemd handed in as {SRT} is not one for UDP (ListenDatagram=)")


def tell_buffers(groups: Mapping[str, Sequence[socket.socket]], log: FilteringBoundLogger) -> None:
    """Log what the kernel gave, which is less than was asked for where net.core.rmem_max is as installed."""
    for kind, group in groups.items():
        if group and kind.partition(":")[0] == SRT:
            receive, send = (
                group[0].getsockopt(socket.SOL_SOCKET, option)
                for option in (socket.SO_RCVBUF, socket.SO_SNDBUF)
            )
            # The kernel says twice of what it gave, for its own bookkeeping (socket(7)).
            log.debug("datagram_buffers", kind=kind, receive_bytes=receive // 2, send_bytes=send // 2)


def _group(key: str, listen: Listen, count: int) -> list[socket.socket]:
    try:
        return open_group(socket.SOCK_DGRAM, listen, count)
    except OSError as error:
        raise StartError(f"[srt] {key}: cannot listen on {listen}: {reason(error)}") from error


def _shared(handed: socket.socket) -> socket.socket:
    # Set late it still lets a peer's own socket onto the port, if systemd's user is ours.
    handed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return handed


def _widen(opened: socket.socket) -> None:
    """Ask for large buffers: past the system's bound if we may (CAP_NET_ADMIN), else up to it."""
    for option, forced in ((socket.SO_RCVBUF, _SO_RCVBUFFORCE), (socket.SO_SNDBUF, _SO_SNDBUFFORCE)):
        opened.setsockopt(socket.SOL_SOCKET, option, DATAGRAM_BUFFER_BYTES)
        with suppress(PermissionError):
            opened.setsockopt(socket.SOL_SOCKET, forced, DATAGRAM_BUFFER_BYTES)
