"""A network without sockets, where hours of a service that drips cost nothing: names, addresses, servers."""

import ipaddress
import math
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import SimpleNamespace

import httpcore
import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from engine.access.addresses import Address
from workers.runtime.guard import SocketOption

Handler = Callable[[trio.abc.Stream], Awaitable[None]]


class Names:
    """A resolver under the test's thumb. A name has a list of answers, one for each time it is asked, and the
    last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    def add(self, name: str, *answers: Sequence[str]) -> None:
        self.answers[name] = list(answers)

    async def __call__(self, name: str, port: int) -> Sequence[Address]:
        self.asked.append(name)
        await trio.lowlevel.checkpoint()
        if name.endswith(".nip.io"):  # as that service does it: the address stands in the name
            return [ipaddress.ip_address(name.removesuffix(".nip.io"))]
        answers = self.answers.get(name)
        if not answers:
            raise OSError(-2, "Name or service not known")
        texts = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ipaddress.ip_address(text) for text in texts]


def let_pool_see(clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let httpcore's idle connections grow old with the test's clock; it asks `time` for that."""
    monkeypatch.setattr("httpcore._async.http11.time", SimpleNamespace(monotonic=clock.current_time))


class MemoryStream(httpcore.AsyncNetworkStream):
    """One end of a connection as httpcore wants it."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return bytes(await self._stream.receive_some(max_bytes))
        except trio.BrokenResourceError as error:
            raise httpcore.ReadError from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            await self._stream.send_all(buffer)
        except trio.BrokenResourceError as error:
            raise httpcore.WriteError from error

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise AssertionError("no TLS here")


class MemoryNetwork(httpcore.AsyncNetworkBackend):
    """Connects to handlers by address. What is not there refuses, or says nothing if it is in `silent`."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.servers: dict[str, Handler] = {}
        self.silent: set[str] = set()
        self.connected: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append(host)
        await trio.lowlevel.checkpoint()
        if host in self.silent:
            with trio.move_on_after(math.inf if timeout is None else timeout):
                await trio.sleep_forever()
            raise httpcore.ConnectTimeout
        if host not in self.servers:
            raise httpcore.ConnectError("connection refused")
        ours, theirs = memory_stream_pair()
        self._nursery.start_soon(self._serve, self.servers[host], theirs)
        return MemoryStream(ours)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    @staticmethod
    async def _serve(handler: Handler, stream: trio.abc.Stream) -> None:
        try:
            await handler(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await trio.aclose_forcefully(stream)


async def read_request(stream: trio.abc.Stream) -> bytes:
    """One request with its body, or what there was of it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = bytes(await stream.receive_some())
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length and (piece := bytes(await stream.receive_some())):
        body += piece
    return head + b"\r\n\r\n" + body


def answer(status: str = "200 OK", body: bytes = b"0", *headers: str) -> bytes:
    """A whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
