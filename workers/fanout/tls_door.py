"""A connection to a port with TLS: the handshake, and then what the plain port would do.

Failures are counted by reason and told to nobody else: strangers make thousands of them.
"""

import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

import trio

from workers.fanout.audience import Audience
from workers.fanout.connection import REFUSAL_LINGER_S
from workers.fanout.http2_connection import serve_http2
from workers.fanout.sinks import Sink
from workers.fanout.tls_contexts import TlsContexts
from workers.fanout.tls_socket import TlsSocket

HANDSHAKES_PER_TURN: Final = 4
"""Steps of handshakes in one turn of the event loop: about a millisecond and a half, as a pump's pass."""

READ_BYTES: Final = 16 * 1024

NOT_TLS: Final = frozenset(
    {"HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL"}
)
NOTHING_IN_COMMON: Final = frozenset({"UNSUPPORTED_PROTOCOL", "NO_SHARED_CIPHER", "NO_SUITABLE_KEY_SHARE"})
"""OpenSSL's names for them (SSLError.reason)."""

Serve = Callable[[Audience, Sink, str], Awaitable[None]]
AGREED: Final[Mapping[str, Serve]] = MappingProxyType({"h2": serve_http2})
"""By name in ALPN (RFC 7301). The port for RTMP offers none."""


class TlsDoor:
    """The door of one kind of listener; called with each connection.

    Args:
        contexts: where certificates come from.
        kind: of the listener, for the counters.
        serve: goes on inside.
    """

    def __init__(self, contexts: TlsContexts, kind: str, serve: Serve) -> None:
        self._contexts = contexts
        self._kind = kind
        self._serve = serve
        self._turn = trio.Semaphore(HANDSHAKES_PER_TURN)

    async def __call__(self, audience: Audience, sock: socket.socket, remote: str) -> None:
        """Serve one connection; its errors end here."""
        context = self._contexts.of(self._kind)
        if context is None:
            audience.report.tls_handshake(self._kind, "no_certificate")
            sock.close()
            return
        tls = TlsSocket(sock, context)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tls.run)
                await self._shake_hands_and_serve(audience, tls, sock, remote)
                await tls.finish()
                nursery.cancel_scope.cancel()
        finally:
            tls.close_now()

    async def _shake_hands_and_serve(
        self, audience: Audience, tls: TlsSocket, sock: socket.socket, remote: str
    ) -> None:
        failure = await self._shake_hands(audience, tls)
        if failure:
            audience.report.tls_handshake(self._kind, failure)
            await turn_away(tls, sock, failure)
            return
        try:
            await self._go_on(audience, tls, remote)
        finally:
            audience.report.tls_closed(self._kind)

    async def _shake_hands(self, audience: Audience, tls: TlsSocket) -> str:
        """Why it failed; empty if it did not, and is counted."""
        began_s, patience_s = trio.current_time(), audience.worker.config.tls.handshake_timeout_s
        try:
            with trio.fail_after(patience_s):
                await tls.shake_hands(self._turn)
        except trio.TooSlowError:
            return "timeout"
        except OSError as error:
            return reason_of(error)
        audience.report.tls_opened(self._kind, trio.current_time() - began_s)
        return ""

    async def _go_on(self, audience: Audience, tls: TlsSocket, remote: str) -> None:
        """What is spoken inside: what both sides agreed on, else what the port is for."""
        serve = AGREED.get(tls.protocol or "", self._serve)
        await serve(audience, tls, remote)


def reason_of(error: OSError) -> str:
    """The word in the counters for how a handshake failed."""
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError):
        return "connection_lost"
    reason = error.reason or ""
    if reason in NOT_TLS:
        return "not_tls"
    if reason in NOTHING_IN_COMMON:
        return "nothing_in_common"
    return "refused_by_peer" if "ALERT" in reason else "protocol_error"


async def turn_away(tls: TlsSocket, sock: socket.socket, failure: str) -> None:
    """Close such that the peer sees an end: an alert where it can read one, and no reset under it."""
    if failure not in ("not_tls", "connection_lost"):
        tls.tell_failure()
    with trio.move_on_after(REFUSAL_LINGER_S), suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while True:
            await trio.lowlevel.wait_readable(sock)
            if not sock.recv(READ_BYTES):
                break
    tls.give_up()
