"""HTTP requests to the outside: the one client of the engine, and the only one that may take URLs from
anybody.

    async with open_outgoing(worker, "hooks", OutsideLimits(deadline_s=3)) as outgoing:
        reply = await outgoing.post(url, body, {"content-type": "application/json"})

Whatever the other side does, one of two things comes of it in time: a Reply (any status below 500 but
redirects and 429), or an OutsideError. No redirects are followed, no cookies kept, no proxy is taken from the
environment, nothing is decompressed, and an answer beyond `max_reply_bytes` is not read to its end.

Why httpcore and not httpx on top of it: each of the things above is something that httpx does and that would
have to be switched off again. What is needed, HTTP over a pool of connections with a network backend of our
own, is httpcore.
"""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Final, NamedTuple, NoReturn, TypeVar

import httpcore
import trio

from engine.access.allowed import AllowList
from engine.access.targets import BadUrl, Target, parse_target
from engine.policy.outgoing_errors import (
    BadCertificate,
    BadStatus,
    Broken,
    Forbidden,
    Redirected,
    TooLarge,
    Unreachable,
)
from engine.policy.outside import OutsideLimits
from workers.runtime.guard import GuardedNetwork, Resolver, resolve
from workers.runtime.outside import Outside
from workers.runtime.request_body import RequestBody
from workers.runtime.worker import Worker

Wanted = TypeVar("Wanted", bound=BaseException)

MAX_REPLY_BYTES: Final = 64 * 1024
"""Body of an answer. A decision is a few bytes, a JWKS a few KiB."""

KEEP_ALIVE_S: Final = 15.0
"""Idle time of a pooled connection. Many servers close after 5 to 75 s; a change of the allow-list or of a
name's address takes effect within this."""

MAX_IDLE: Final = 8
"""Idle connections kept: nobody looks at them until the next request."""

USER_AGENT: Final = "fanlight"
TOO_MANY_REQUESTS: Final = 429
NOT_MODIFIED: Final = 304


class Reply(NamedTuple):
    """An answer, with any status from 200 to 499 but redirects and 429.

    `headers` have lower-case names; of several with one name the last.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]


class Outgoing:
    """The client of one dependency: its own connections, breaker and limits, so that none takes another's.

    allow: looked at for each new connection, so that a reload of `[outgoing] allow` takes effect.
    network: what the guard connects with.
    """

    def __init__(
        self,
        outside: Outside,
        allow: Callable[[], AllowList],
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        resolver: Resolver = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.outside = outside
        self._allow = allow
        self._max_reply_bytes = max_reply_bytes
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or client_context(),
            max_connections=None,  # the limiter's seats bound them
            max_keepalive_connections=MAX_IDLE,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=GuardedNetwork(
                outside.dependency, allow, resolver, network or httpcore.TrioBackend()
            ),
        )

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float | None = None
    ) -> Reply:
        """Send `body`. deadline_s: for everything together; without it the limits'. Raises OutsideError."""
        return await self._request("POST", url, body, headers, deadline_s)

    async def get(self, url: str, headers: Mapping[str, str], deadline_s: float | None = None) -> Reply:
        """Fetch. As `post`; 304 is a Reply too, for those who sent a condition."""
        return await self._request("GET", url, None, headers, deadline_s)

    async def aclose(self) -> None:
        """Close the connections; no call may be under way."""
        await self._pool.aclose()

    async def _request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], deadline_s: float | None
    ) -> Reply:
        target = self._target(url)
        return await self.outside.call(lambda: self._exchange(method, target, body, headers), deadline_s)

    def _target(self, url: str) -> Target:
        try:
            return parse_target(url)
        except BadUrl as error:
            self.outside.refused()
            raise Forbidden(
                self.outside.dependency, f"the URL is not taken: {error}", "mend the URL"
            ) from None

    async def _exchange(
        self, method: str, target: Target, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        """One attempt. Raises OutsideError."""
        content = None if body is None else RequestBody(body)
        try:
            async with self._pool.stream(
                method, _url(target), headers=_headers(target, headers, body), content=content
            ) as response:
                self._refuse_status(response.status, target)
                return Reply(response.status, await self._read(response), _lowered(response.headers))
        except Forbidden:
            self.outside.refused()
            raise
        except _CONNECTION_ERRORS as error:
            self._explain(error, target)

    def _refuse_status(self, status: int, target: Target) -> None:
        if 300 <= status < 400 and status != NOT_MODIFIED:
            hint = "configure the URL that it means; redirects are not followed"
            raise Redirected(self.outside.dependency, f"{target.origin} redirects ({status})", hint)
        if not 200 <= status < 500 or status == TOO_MANY_REQUESTS:
            raise BadStatus(self.outside.dependency, status)

    async def _read(self, response: httpcore.Response) -> bytes:
        """The body, as it is on the wire: a compressed one would be a bomb, and was not asked for."""
        body = bytearray()
        # Cancelled, and not left, once it is too large: httpcore's generators within generators end properly
        # only by an error from below, and would otherwise be left to the collector of garbage.
        with trio.CancelScope() as reading:
            async for piece in response.aiter_stream():
                body += piece
                if len(body) > self._max_reply_bytes:
                    reading.cancel()
        if len(body) > self._max_reply_bytes:
            what = f"the answer has more than {self._max_reply_bytes} bytes"
            raise TooLarge(self.outside.dependency, what, "see what it sends; nothing so large is expected")
        return bytes(body)

    def _explain(self, error: Exception, target: Target) -> NoReturn:
        """Raise what `error` means. Texts of protocol errors are left out: they repeat what was sent."""
        dependency = self.outside.dependency
        certificate = _cause(error, ssl.SSLCertVerificationError)
        if certificate is not None:
            what = f"{target.origin}: {certificate.verify_message}"
            hint = "renew it, or add its authority to the machine's (SSL_CERT_FILE)"
            raise BadCertificate(dependency, what, hint) from error
        if isinstance(error, httpcore.LocalProtocolError):
            raise Forbidden(dependency, "a header that cannot be sent", "mend its name or value") from None
        if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
            what = f"no connection to {target.origin}: {_root(error)}"
            raise Unreachable(dependency, what, "see whether it is up") from error
        why = "no HTTP, or only a part" if isinstance(error, httpcore.ProtocolError) else _root(error)
        hint = "see the service's own log"
        raise Broken(dependency, f"the exchange with {target.origin} broke off: {why}", hint) from error


@asynccontextmanager
async def open_outgoing(
    worker: Worker, dependency: str, limits: OutsideLimits, max_reply_bytes: int = MAX_REPLY_BYTES
) -> AsyncIterator[Outgoing]:
    """The client of one dependency for as long as the block runs. One per worker process and dependency."""
    outside = Outside.of(worker, dependency, limits)
    outgoing = Outgoing(outside, lambda: worker.config.outgoing.allow, max_reply_bytes=max_reply_bytes)
    try:
        yield outgoing
    finally:
        await outgoing.aclose()


@cache
def client_context() -> ssl.SSLContext:
    """TLS 1.2 and 1.3, and the machine's own authorities. Reading these takes some 20 ms, so once per
    process."""
    # Not create_default_context: it would write session keys to a file that the environment names.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    context.set_alpn_protocols(["http/1.1"])
    return context


_CONNECTION_ERRORS: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ConnectionNotAvailable,
    ssl.SSLError,
    OSError,
)
"""What httpcore raises, and what comes through it from below."""


def _url(target: Target) -> httpcore.URL:
    # Without brackets: httpcore takes the host as it is for the network, and for the name in the certificate.
    return httpcore.URL(scheme=target.scheme, host=str(target.host), port=target.port, target=target.resource)


def _headers(target: Target, headers: Mapping[str, str], body: bytes | None) -> list[tuple[bytes, bytes]]:
    fixed = {"host": target.authority, "user-agent": USER_AGENT, "accept-encoding": "identity"}
    if body is not None:
        fixed["content-length"] = str(len(body))
    return [(name.encode(), value.encode()) for name, value in {**fixed, **headers}.items()]


def _lowered(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("ascii").lower(): value.decode("latin-1") for name, value in headers}


def _cause(error: BaseException | None, kind: type[Wanted]) -> Wanted | None:
    """The first of that kind among the error and what caused it."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _root(error: BaseException) -> str:
    """What it comes from, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
