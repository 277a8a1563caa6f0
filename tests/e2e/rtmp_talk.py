"""The engine's RTMP client machine on a socket: one task listens, anybody may speak."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio

from engine.protocols.rtmp import ClientConnection, Event
from tests.e2e.tls import in_tls, is_over_tls, rtmp_address

READ_BYTES: Final = 65_536


class Gone(Exception):
    """The server has closed the connection."""


class Talk:
    """One client's conversation. `heard` has every event so far; `local` is our end, "host:port"."""

    def __init__(self, client: ClientConnection, stream: trio.abc.Stream, local: str) -> None:
        self.client = client
        self.local = local
        self.heard: list[Event] = []
        self.over = False
        self._stream = stream
        self._speaking = trio.Lock()
        self._news = trio.Event()

    async def flush(self) -> None:
        """Send what the machine has to say. Raises Gone."""
        async with self._speaking:
            if output := self.client.take_output():
                try:
                    await self._stream.send_all(output)
                except trio.BrokenResourceError:
                    raise Gone from None

    async def until(self, condition: Callable[["Talk"], bool]) -> None:
        """Listen until the condition holds. Raises Gone if the server closes before."""
        while not condition(self):
            if self.over:
                raise Gone
            await self._news.wait()

    async def listen(self) -> None:
        """Hear the server until it closes."""
        while not self.over:
            data = await self._read()
            self.over = not data
            self.heard += self.client.receive(data, trio.current_time())
            self._tell()
            await self._answer()

    async def _read(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(READ_BYTES))
        except trio.BrokenResourceError:
            return b""

    async def _answer(self) -> None:
        try:
            await self.flush()
        except Gone:
            self.over = True
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()

    def hear_of(self, kind: type[Event]) -> bool:
        return any(isinstance(event, kind) for event in self.heard)


@asynccontextmanager
async def talking(client: ClientConnection, url: str) -> AsyncIterator[Talk]:
    """Connect to the server of `url` and listen to it; the connection is closed at the end."""
    parts = rtmp_address(url)
    connected = await trio.open_tcp_stream(parts.host, parts.port)
    host, port = connected.socket.getsockname()
    async with in_tls(connected) if is_over_tls(url) else connected as stream:
        talk = Talk(client, stream, f"{host}:{port}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.listen)
            yield talk
            nursery.cancel_scope.cancel()
