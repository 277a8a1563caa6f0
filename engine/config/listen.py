"""Listening addresses: "host:port" read once, at the edge, into a value that needs no more checking."""

import ipaddress
from typing import Final, NamedTuple, Self

MAX_PORT: Final = 65535
EXAMPLES: Final = '"127.0.0.1:1935", "0.0.0.0:1935" or "[::1]:1935"; port 0 takes any free one'


class _Address(NamedTuple):
    host: str
    port: int


class Listen:
    """Where a listener stands: an IP address without brackets, and a port (0: the kernel chooses one).

    A host name is refused, except `localhost`, which means 127.0.0.1: looking up names is I/O, may give
    several addresses, and changes behind the operator's back.
    """

    __slots__ = ("_address",)

    def __init__(self, host: str, port: int) -> None:
        self._address = _Address(host, port)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "host:port" or "[v6 address]:port"; raise ValueError that says what is wrong."""
        host, colon, port = text.rpartition(":")
        if not colon:
            raise ValueError("the port is missing")
        return cls(_parse_host(host), parse_port(port))

    @property
    def host(self) -> str:
        return self._address.host

    @property
    def port(self) -> int:
        return self._address.port

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_wildcard(self) -> bool:
        """Every address of the machine: 0.0.0.0 or [::]."""
        return ipaddress.ip_address(self.host).is_unspecified

    def collides_with(self, other: "Listen") -> bool:
        """Whether the two could not both be bound. A wildcard meets everything ([::] takes IPv4 too)."""
        if self.port == 0 or self.port != other.port:
            return False
        return self.host == other.host or self.is_wildcard or other.is_wildcard

    def __eq__(self, other: object) -> bool:
        return self._address == other._address if isinstance(other, Listen) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._address)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Listen({str(self)!r})"


def _parse_host(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if bracketed != (":" in bare):
        raise ValueError("an IPv6 address stands in brackets, and only that")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        raise ValueError("the host is not an IP address") from None


def parse_port(port: str) -> int:
    """Read a port number; raise ValueError that says what is allowed."""
    # isascii: str.isdigit also takes superscripts and other scripts' digits.
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= MAX_PORT):
        raise ValueError(f"the port is not a number from 0 to {MAX_PORT}")
    return int(port)
