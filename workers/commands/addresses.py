"""Where a demo's engine may listen: on its configured ports, or on free ones where they are taken."""

import socket
from typing import Final, NamedTuple

from engine.config import Config, Listen

KINDS: Final = ("rtmp", "http", "srt", "api", "metrics")
OVER_TLS: Final = ("rtmps", "https")


class Address(NamedTuple):
    """Where one kind of listener stands; `instead_of` is the configured address if that is taken."""

    listen: Listen
    instead_of: Listen | None = None

    @property
    def reachable(self) -> str:
        """host:port for somebody on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.listen.host, self.listen.host)
        return str(Listen(host, self.listen.port))


def find_addresses(config: Config) -> dict[str, Address]:
    """An address for each kind of listener. Raises OSError where the machine does not have the host.

    They are free now and not reserved: the engine binds them a moment later, and fails if it lost the race.
    """
    addresses: dict[str, Address] = {}
    for kind in (*KINDS, *OVER_TLS) if config.tls.enabled else KINDS:
        configured: Listen = getattr(config.tls, kind) if kind in OVER_TLS else getattr(config, kind).listen
        transport = socket.SOCK_DGRAM if kind == "srt" else socket.SOCK_STREAM
        port = free_port(configured.host, configured.port, transport)
        moved = configured.port not in (0, port)
        addresses[kind] = Address(Listen(configured.host, port), configured if moved else None)
    return addresses


def listen_variable(kind: str) -> str:
    """The environment variable that says where this kind of listener stands."""
    return f"FANLIGHT_TLS__{kind.upper()}" if kind in OVER_TLS else f"FANLIGHT_{kind.upper()}__LISTEN"


def free_port(host: str, wanted: int, transport: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """`wanted` if nobody listens there, else a port that the kernel chooses."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (wanted, 0):
        with socket.socket(family, transport) as probe:
            try:
                _occupy(probe, host, port)
            except OSError:
                if not port:
                    raise
                continue
            return int(probe.getsockname()[1])
    raise AssertionError("the loop returns or raises")


def _occupy(probe: socket.socket, host: str, port: int) -> None:
    if probe.type == socket.SOCK_STREAM:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind((host, port))
    if probe.type == socket.SOCK_STREAM:
        probe.listen()  # two sockets may be bound to one address with SO_REUSEADDR, but not listen there
