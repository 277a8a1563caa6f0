"""Players with sockets: fast ones, and such that read only when the test lets them."""

import socket
from collections.abc import Callable
from typing import Final, Self
from urllib.parse import urlsplit

import trio

from bench.stream import KIND_SCRIPT, read_stamp
from engine.protocols.flv import FlvTag
from tests.e2e.engine_process import RunningEngine
from tests.e2e.tls import Sock, TlsSocket, is_over_tls
from tests.e2e.wires import HTTP, RTMP, WEBSOCKET, ClientWire, HttpFlv, RtmpPlay, WebSocketFlv

READ_BYTES: Final = 65_536
PATIENCE_S: Final = 30.0  # for what must come; a loaded machine of two cores needs a tenth

# The least that Linux grants, so that what a player does not read stays with the engine, where it is seen.
SMALL_BUFFER_BYTES: Final = 2_048


class TookTooLong(Exception):
    """A player has not got what it was to get."""


class Player:
    """One player and all that it has received.

    Args:
        protocol: "http-flv", "ws-flv" or "rtmp".
        url: what it plays, in plain or over TLS.
        small_buffer: receive as little as the kernel allows ahead of what is read.
        source: the address that it comes from; the kernel's choice by default.
    """

    def __init__(self, protocol: str, url: str, *, small_buffer: bool = False, source: str = "") -> None:
        self.protocol = protocol
        self.url = url
        self.source = source
        self.tags: list[FlvTag] = []
        self.bytes_received = 0
        self.local = ""
        self.over = trio.Event()
        self.cut_off = False
        self.ended_whole = False
        self.left = False
        self._small_buffer = small_buffer
        self._wire = wire_of(protocol, url)
        self._may_read = trio.Event()
        self._may_read.set()
        self._allowance: int | None = None
        self._news = trio.Event()

    @property
    def farewell(self) -> str:
        """The last word of the server: a close code, "StreamEOF", or nothing."""
        return self._wire.farewell

    @property
    def numbers(self) -> list[int]:
        """The numbers of the media messages received."""
        return [number for tag in self.tags if (number := number_of(tag)) is not None]

    async def play(self, *, task_status: trio.TaskStatus[Self] = trio.TASK_STATUS_IGNORED) -> None:
        """Play until the server closes, or this player does. Started once it is connected."""
        with await self._connect() as sock:
            self._sock = sock
            host, port = sock.getsockname()
            self.local = f"{host}:{port}"
            task_status.started(self)
            try:
                await self._flush()
                await self._read_to_the_end()
            except OSError:
                self.cut_off = True
            finally:
                self.over.set()
                self._tell()

    async def _connect(self) -> Sock:
        parts = urlsplit(self.url)
        sock = trio.socket.socket()
        if self._small_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        if self.source:
            await sock.bind((self.source, 0))
        await sock.connect((parts.hostname, parts.port))
        return await TlsSocket.open(sock) if is_over_tls(self.url) else sock

    async def _read_to_the_end(self) -> None:
        while True:
            await self._may_read.wait()
            data = await self._sock.recv(self._take_allowance())
            if not data:
                break
            self.bytes_received += len(data)
            self.tags += self._wire.receive(data)
            await self._flush()
            self._tell()
        self.ended_whole = self._wire.is_between_tags()

    async def _flush(self) -> None:
        data = self._wire.take_output()
        while data:
            data = data[await self._sock.send(data) :]

    # -- what the test says

    def hold(self) -> None:
        """Read nothing more."""
        self._may_read = trio.Event()

    @property
    def is_held(self) -> bool:
        """Whether it reads nothing at present."""
        return not self._may_read.is_set()

    def read_on(self) -> None:
        """Read whatever comes."""
        self._allowance = None
        self._may_read.set()

    def read_only(self, size: int) -> None:
        """Read so many bytes, then hold."""
        self._allowance = (self._allowance or 0) + size
        self._may_read.set()

    def _take_allowance(self) -> int:
        if self._allowance is None:
            return READ_BYTES
        size = min(self._allowance, READ_BYTES)
        self._allowance -= size
        if not self._allowance:
            self.hold()
        return size

    async def leave(self) -> None:
        """Say good-bye as this protocol does, and read to the end what the server has sent until then."""
        self.left = True
        if not self._wire.leave():
            self._sock.shutdown(trio.socket.SHUT_WR)
        await self._flush()
        self.read_on()
        await self.ended()

    async def until(self, condition: Callable[[Self], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait until the condition holds; raises TookTooLong, also if the player ends without that."""
        with trio.move_on_after(patience_s):
            while not condition(self) and not self.over.is_set():
                await self._news.wait()
        if not condition(self):
            numbers = self.numbers
            raise TookTooLong(f"{self.protocol} {self.local}: {len(numbers)} messages, last {numbers[-3:]}")

    async def until_number(self, number: int) -> None:
        """Wait until the message with this number, or a later one, is here."""
        await self.until(lambda player: bool(player.numbers) and player.numbers[-1] >= number)

    async def until_more(self, count: int) -> None:
        """Wait for so many tags more."""
        wanted = len(self.tags) + count
        await self.until(lambda player: len(player.tags) >= wanted)

    async def ended(self) -> None:
        """Wait until the connection is over."""
        await self.until(lambda player: player.over.is_set())

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()


def wire_of(protocol: str, url: str) -> ClientWire:
    wires: dict[str, Callable[[str], ClientWire]] = {HTTP: HttpFlv, WEBSOCKET: WebSocketFlv, RTMP: RtmpPlay}
    return wires[protocol](url)


def url_of(engine: RunningEngine, protocol: str, name: str, start: str = "") -> str:
    """Where a stream is played over a protocol; `start` is a start mode."""
    urls = {HTTP: engine.http_url, WEBSOCKET: engine.ws_url, RTMP: engine.rtmp_url}
    return urls[protocol](name) + (f"?start={start}" if start else "")


def number_of(tag: FlvTag) -> int | None:
    """The number of a media message, None for headers and metadata."""
    stamp = read_stamp(tag.kind, tag.body) if tag.kind != KIND_SCRIPT else None
    return stamp.number if stamp else None
