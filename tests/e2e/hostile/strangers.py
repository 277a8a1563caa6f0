"""Clients that say what they like: bytes to a port of the engine, and what came back until it closed."""

import socket
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

import trio

from engine.protocols import amf0
from engine.protocols.rtmp.messages import Command, Message
from tests.e2e.engine_process import RunningEngine
from tests.e2e.tls import Sock, TlsSocket
from tests.engine.rtmp.wire import HANDSHAKE, command, said

Port = Literal["rtmp", "http", "rtmps", "https", "api", "metrics"]

READ_BYTES: Final = 65_536
PATIENCE_S: Final = 20.0  # for what must come; a loaded machine of two cores needs a tenth
ABORT: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing is a reset


class Stranger:
    """One raw connection."""

    def __init__(self, sock: Sock) -> None:
        self.sock = sock
        self.answer = b""

    @property
    def local(self) -> str:
        """What the engine's log calls this connection's far end."""
        host, port = self.sock.getsockname()
        return f"{host}:{port}"

    async def say(self, data: bytes) -> None:
        """Send all of it. Raises OSError when the server has closed."""
        while data:
            data = data[await self.sock.send(data) :]

    async def hear(self, wanted: bytes = b"") -> bytes:
        """Read until `wanted` is there, which must come, or else to the end, which may be a reset; gives all
        so far.
        """
        with trio.fail_after(PATIENCE_S), suppress(ConnectionError):
            while not (wanted and wanted in self.answer):
                data = await self.sock.recv(READ_BYTES)
                if not data:
                    break
                self.answer += data
        assert wanted in self.answer, f"closed before {wanted!r} came; the last was {self.answer[-200:]!r}"
        return self.answer

    async def until_cut_off(self, drip: bytes, pause_s: float) -> None:
        """Send the same again and again, until the server has closed both directions."""
        with suppress(ConnectionError):
            while True:
                await self.say(drip)
                await trio.sleep(pause_s)

    def half_close(self) -> None:
        """Say that nothing more will be said, and go on listening."""
        self.sock.shutdown(trio.socket.SHUT_WR)

    def reset(self) -> None:
        """Close at once, without the courtesy of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self.sock.close()


@asynccontextmanager
async def stranger(engine: RunningEngine, port: Port, source: str = "") -> AsyncIterator[Stranger]:
    """Connect to a port, without TLS whatever the port is; the connection is closed at the end.

    `source` is the address to come from, the kernel's choice by default.
    """
    with trio.socket.socket() as sock:
        await _connect(sock, engine, port, source)
        yield Stranger(sock)


@asynccontextmanager
async def stranger_over_tls(
    engine: RunningEngine, port: Port, *protocols: str, source: str = ""
) -> AsyncIterator[Stranger]:
    """The same inside of TLS, offering to speak `protocols`."""
    with trio.socket.socket() as sock:
        await _connect(sock, engine, port, source)
        yield Stranger(await TlsSocket.open(sock, *protocols))


async def _connect(sock: trio.socket.SocketType, engine: RunningEngine, port: Port, source: str) -> None:
    host, number = engine.addresses[port].rsplit(":", 1)
    if source:
        await sock.bind((source, 0))
    await sock.connect((host, int(number)))


async def exchange(engine: RunningEngine, port: Port, data: bytes) -> bytes:
    """Say this, and hear everything until the server closes."""
    async with stranger(engine, port) as client:
        with suppress(ConnectionError):  # the server need not hear us out
            await client.say(data)
        return await client.hear()


def status_of(answer: bytes) -> int:
    """The status of an HTTP answer; 0 if it is none."""
    words = answer.split(b" ", 2)
    return int(words[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def codes(answer: bytes) -> list[str]:
    """The codes of all statuses in an RTMP server's answer."""
    return list(_codes_of(said(answer)))


def _codes_of(messages: Iterable[Message]) -> Iterable[str]:
    for message in messages:
        match message:
            case Command(arguments=(_, {"code": str() as code})):
                yield code


def rtmp_request(verb: Literal["publish", "play"], app: str, name: str) -> bytes:
    """Everything from the first byte to the command, by a client that waits for nothing."""
    about: dict[str, amf0.Value] = {"app": app, "tcUrl": f"rtmp://host/{app}"}
    return b"".join(
        (
            HANDSHAKE,
            command("connect", 1, about),
            command("createStream", 2, None),
            command(verb, 3, None, name, "live", csid=8, stream=1),
        )
    )


def http_request(target: bytes, *fields: bytes) -> bytes:
    """A GET with further header lines."""
    return b"\r\n".join((b"GET " + target + b" HTTP/1.1", b"Host: engine", *fields, b"", b""))


UPGRADE: Final = (
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def upgrade_request(target: bytes) -> bytes:
    """A WebSocket handshake."""
    return http_request(target, *UPGRADE)
