"""Engines with TLS, and clients of theirs: nobody has signed the certificates here, so all are trusted."""

import ssl
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import trio

from engine.protocols.rtmp import Url, split_url
from tests.certificates import write_pair
from tests.e2e.engine_process import RunningEngine


def trusting(*protocols: str) -> ssl.SSLContext:
    """A client's context; `protocols` are what it offers to speak (ALPN).

    Not the default one: that reads all the world's authorities first, which takes longer than a handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def tls_section(folder: Path, **settings: object) -> dict[str, object]:
    """The section [tls] of an engine that serves both ports over TLS too, with a certificate in `folder`."""
    return write_pair(folder) | {"https": "127.0.0.1:0", "rtmps": "127.0.0.1:0"} | settings


def over_tls(engine: RunningEngine, url: str) -> str:
    """The same at the port with TLS."""
    scheme, _, rest = url.partition("://")
    address = engine.addresses["rtmps" if scheme == "rtmp" else "https"]
    return f"{scheme}s://{address}/{rest.partition('/')[2]}"


def is_over_tls(url: str) -> bool:
    return url.partition("://")[0] in {"https", "wss", "rtmps"}


def rtmp_address(url: str) -> Url:
    """What an RTMP client has to know, of an rtmps:// URL as well."""
    return split_url("rtmp" + url.removeprefix("rtmps") if is_over_tls(url) else url)


def in_tls(stream: trio.SocketStream) -> trio.SSLStream[trio.SocketStream]:
    """The same stream with TLS on it; hands are shaken with the first bytes."""
    return trio.SSLStream(stream, trusting())


def client_hello() -> bytes:
    """A client's first words, whole."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        trusting().wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


class TlsSocket:
    """As much of trio's sockets as clients here use, over TLS.

    The end has to be told in so many words (close_notify): without it, as when a process has died, it counts
    as a reset.
    """

    def __init__(self, sock: trio.socket.SocketType, stream: trio.SSLStream[trio.SocketStream]) -> None:
        self.stream = stream
        self._sock = sock

    @classmethod
    async def open(cls, sock: trio.socket.SocketType, *protocols: str) -> Self:
        """Shake hands on a connected socket, which is closed with this one. Raises ConnectionResetError."""
        stream = trio.SSLStream(trio.SocketStream(sock), trusting(*protocols))
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError:
            sock.close()
            raise ConnectionResetError from None
        return cls(sock, stream)

    async def recv(self, most_bytes: int) -> bytes:
        """What there is; empty at the end. Raises ConnectionResetError."""
        try:
            return bytes(await self.stream.receive_some(most_bytes))
        except trio.BrokenResourceError:
            raise ConnectionResetError from None

    async def send(self, data: bytes) -> int:
        """Send all of it. Raises BrokenPipeError."""
        try:
            await self.stream.send_all(data)
        except trio.BrokenResourceError:
            raise BrokenPipeError from None
        return len(data)

    def getsockname(self) -> tuple[str, int]:
        host, port = self._sock.getsockname()[:2]
        return host, port

    def shutdown(self, how: int) -> None:
        """As a client does that leaves without the word for it."""
        self._sock.shutdown(how)

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        self._sock.setsockopt(level, option, value)

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


Sock = trio.socket.SocketType | TlsSocket
