"""The guarded network: what stands between a host name and a connection.

A name is resolved once, every address it has is looked at, and the connection goes to an address that was
looked at, as a number. So there is no second look-up that could give another answer (DNS rebinding), and no
other reader of the URL: what is checked here is what httpcore connects to. One forbidden address among
several forbids all of them: names of honest services do not mix public and private addresses, and whoever
does is waiting for the client to fall back.

TLS is none of this module's concern: httpcore asks for the certificate of the URL's host, whichever address
it has.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import httpcore
import trio

from engine.access.addresses import Address, plain
from engine.access.allowed import AllowList
from engine.access.hosts import BadHost, Host, parse_host
from engine.policy.outgoing_errors import Forbidden, Unreachable

MAX_ADDRESSES: Final = 8
"""Of one name: more are looked at and not tried."""

CONNECT_S: Final = 1.0
"""For one of several addresses; the last one has whatever time is left."""

MAX_LOOKUPS: Final = 4
"""Names looked up at a time by one process. The C library's resolver blocks a thread, and goes on for up to
30 s when nobody waits for it any more; a dead name server must not take all of trio's threads."""

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Every address of a name, best first. Raises OSError."""

SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

_LOOKUPS: Final = trio.CapacityLimiter(MAX_LOOKUPS)


async def resolve(name: str, port: int) -> Sequence[Address]:
    """Ask the machine's resolver, as every program does. Raises OSError."""
    found = await trio.to_thread.run_sync(_look_up, name, port, abandon_on_cancel=True, limiter=_LOOKUPS)
    return list(dict.fromkeys(ipaddress.ip_address(address) for address in found))


def _look_up(name: str, port: int) -> list[str]:
    answers = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    # A zone (fe80::1%eth0) is of no interest: link-local addresses are refused with and without.
    return [str(address[0]).partition("%")[0] for *_, address in answers]


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects for httpcore. allow: what the operator allows now. network: what connects in the end."""

    def __init__(
        self,
        dependency: str,
        allow: Callable[[], AllowList],
        resolver: Resolver,
        network: httpcore.AsyncNetworkBackend,
    ) -> None:
        self._dependency = dependency
        self._allow = allow
        self._resolve = resolver
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises Forbidden, Unreachable for a name without addresses, and httpcore's errors."""
        addresses = await self._checked(host, port)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(
                    str(address), port, CONNECT_S, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(
            str(addresses[-1]), port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[SocketOption] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise Forbidden(self._dependency, "a Unix socket is not outside", "mend the URL")

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def _checked(self, text: str, port: int) -> Sequence[Address]:
        """The addresses to try, in this order: at least one, and none that is forbidden."""
        host = self._parsed(text)
        addresses = [host] if not isinstance(host, str) else await self._addresses_of(host, port)
        allow = self._allow()
        for address in addresses:
            danger = allow.danger(host, address)
            if danger is not None:
                address = plain(address)
                what = f"{_named(host, address)} is a {danger.replace('_', '-')} address"
                hint = f'if that is meant, add "{address}" to outgoing.allow'
                raise Forbidden(self._dependency, what, hint)
        return addresses[:MAX_ADDRESSES]

    def _parsed(self, text: str) -> Host:
        try:
            return parse_host(f"[{text}]" if ":" in text else text)
        except BadHost as error:
            raise Forbidden(self._dependency, str(error), "mend the URL") from None

    async def _addresses_of(self, name: str, port: int) -> Sequence[Address]:
        try:
            found = await self._resolve(name, port)
        except OSError as error:
            hint = "see whether the name is right and the name server is up"
            raise Unreachable(
                self._dependency, f"{name} cannot be resolved: {error.strerror}", hint
            ) from error
        if not found:
            raise Unreachable(self._dependency, f"{name} has no address", "see whether the name is right")
        return found


def _named(host: Host, address: Address) -> str:
    return f"{address}, where {host} is," if isinstance(host, str) else str(address)
