"""An HTTP/2 connection as a worker serves it, on a socket pair, with h2's client at the far end."""

import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import h2.config
import h2.connection
import h2.events
import h2.settings
import trio

from engine.config import Config, for_path
from engine.protocols.http2.frames import Frame, FrameCutter, Kind
from tests.engine.http2.talk import Fields
from tests.workers.fanout.stage import Stage
from workers.fanout.audience import Audience
from workers.fanout.http2_connection import Http2Session, serve_http2

PLENTY_BYTES = 2**30


class Report:
    """Remembers what it was told, by the method's name."""

    def __init__(self) -> None:
        self.told: Counter[tuple[object, ...]] = Counter()
        self.in_flight = 0

    def request_took(self, method: str, route: str, seconds: float) -> None:
        """How long is not remembered."""
        assert seconds >= 0
        self.told["request_took", method, route] += 1

    def __getattr__(self, name: str) -> Callable[..., None]:
        def tell(*values: object) -> None:
            self.told[name, *values] += 1

        return tell


class Log:
    """Events by name, and what was told with each."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.lines: list[tuple[str, dict[str, object]]] = []
        self._levels: list[str] = []

    def info(self, event: str, **fields: object) -> None:
        self._keep("info", event, fields)

    def debug(self, event: str, **fields: object) -> None:
        self._keep("debug", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._keep("warning", event, fields)

    def exception(self, event: str, **fields: object) -> None:
        self._keep("error", event, fields)

    def of(self, event: str) -> list[dict[str, object]]:
        """The fields of all lines of an event."""
        return [fields for name, fields in self.lines if name == event]

    def told(self, event: str) -> list[dict[str, object]]:
        """The same with their levels."""
        lines = zip(self._levels, self.lines, strict=True)
        return [{"level": level, **fields} for level, (name, fields) in lines if name == event]

    def _keep(self, level: str, event: str, fields: dict[str, object]) -> None:
        self.events[event] += 1
        self._levels.append(level)
        self.lines.append((event, fields))


class Hub:
    """One stream, or none."""

    def __init__(self, stage: Stage | None) -> None:
        self._stage = stage

    def settings_for(self, name: str) -> object:
        return for_path(Config(), name)

    async def wait_for(self, name: str, seconds: float) -> object:
        return await self.wait_to_play(name, seconds)

    async def wait_to_play(self, name: str, seconds: float) -> object:
        found = self._stage is not None and name == "live/a"
        return self._stage.feed.record if self._stage and found else None

    async def feed(self, record: object) -> object:
        assert self._stage is not None
        return self._stage.feed

    def names(self) -> list[str]:
        return ["live/a"] if self._stage else []


class Browser:
    """h2's client side on one end of a socket pair."""

    def __init__(self, sock: socket.socket, window_bytes: int) -> None:
        self.sock = sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.h2.initiate_connection()
        self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window_bytes})
        self.heads: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.goodbye: int | None = None
        """The code of it, once it has come."""
        self._frames = FrameCutter()
        self.at_end = False
        self.takes_more = True
        """Whether it gives new room for what it has read."""

    def ask(self, fields: Fields, *, end: bool = True) -> int:
        """Send a request; the stream it is on."""
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream_id, fields, end_stream=end)
        self.speak()
        return stream_id

    def speak(self, data: bytes = b"") -> None:
        """Send what h2 has to say, and then bytes of the test's own."""
        self.sock.send(self.h2.data_to_send() + data)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Read until `is_so`, or until the connection ends."""
        while not is_so() and not self.at_end:
            await self.read()

    async def read(self, most_bytes: int = 1 << 16) -> None:
        await trio.lowlevel.wait_readable(self.sock)
        try:
            data = self.sock.recv(most_bytes)
        except ConnectionResetError:
            data = b""
        self.at_end = not data
        self._frames.add(data)
        while frame := self._frames.take():
            self._hear_frame(frame)
        if not self.at_end and (said := self.h2.data_to_send()):
            self.sock.send(said)

    def _hear_frame(self, frame: Frame) -> None:
        """h2 takes nothing behind a goodbye, though there may be answers; so it does not hear of it."""
        if frame.kind == Kind.GOAWAY:
            self.goodbye = int.from_bytes(frame.payload[4:8], "big")
            return
        for event in self.h2.receive_data(frame.wire):
            self._hear(event)

    def _hear(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                self.heads[event.stream_id] = {
                    bytes(name).decode(): bytes(value).decode() for name, value in event.headers
                }
            case h2.events.DataReceived():
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                if self.takes_more:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.ended.add(event.stream_id)
            case h2.events.StreamReset():
                self.resets[event.stream_id] = int(event.error_code)

    async def get(self, fields: Fields) -> tuple[int, dict[str, str], bytes]:
        """Status, fields and body of one whole answer."""
        stream_id = self.ask(fields)
        await self.until(lambda: stream_id in self.ended or stream_id in self.resets)
        head = self.heads[stream_id]
        return int(head[":status"]), head, self.bodies.get(stream_id, b"")


class Http2Stage:
    """A connection, its audience, and what they told."""

    def __init__(self, stage: Stage | None) -> None:
        self.report, self.log = Report(), Log()
        self.worker = SimpleNamespace(
            tracer=None,
            slot=SimpleNamespace(name="fanout0", number=0),
            config=Config(),
            log=self.log,
            draining=trio.Event(),
        )
        self.audience = Audience(cast("Any", self.worker), cast("Any", Hub(stage)), cast("Any", self.report))
        self.browser: Browser
        self.session: Http2Session
        self.over = trio.Event()

    def told(self, *values: object) -> int:
        """How often the report heard of it."""
        return self.report.told[values]

    def drain(self) -> None:
        """What a worker does that leaves."""
        self.worker.draining.set()
        self.audience.let_go()


@asynccontextmanager
async def connected(
    stage: Stage | None = None, *, window_bytes: int = PLENTY_BYTES, buffer_bytes: int = 1 << 20
) -> AsyncIterator[Http2Stage]:
    """A connection that is served for the time of a test."""
    play = Http2Stage(stage)
    ours, theirs = socket.socketpair()
    for sock, size_bytes in ((ours, buffer_bytes), (theirs, 1 << 20)):
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size_bytes)
    play.browser = Browser(theirs, window_bytes)
    if window_bytes == PLENTY_BYTES:
        play.browser.h2.increment_flow_control_window(PLENTY_BYTES)

    async def serve() -> None:
        await serve_http2(play.audience, ours, "192.0.2.1:4000")
        play.over.set()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            yield play
            nursery.cancel_scope.cancel()
    finally:
        theirs.close()
