"""A fanout worker's media port without its process: a stream whose packager is the test, and players on
socket pairs."""

import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import trio

from engine.config import Config
from engine.protocols.hls import PartEnd, SegmentBegin
from engine.protocols.hls.cut_outputs import Chunk
from shm.arena import Arena
from shm.board import Board, RowCell
from shm.directory import Directory, DirectoryWriter
from shm.layout import Geometry
from tests.workers.fanout.http2_stage import Browser, Log, Report
from tests.workers.packager.press import KIB, Press
from workers.fanout.audience import Audience
from workers.fanout.guard import Guard
from workers.fanout.hls_answers import Hls, HlsAnswers
from workers.fanout.holds import Holds
from workers.fanout.http2_connection import serve_http2
from workers.fanout.http_connection import serve_http
from workers.fanout.hub import Hub
from workers.fanout.library import Library
from workers.runtime.hook_line import HookLine
from workers.runtime.slots import WorkerSlot

FANOUT, PACKAGER = WorkerSlot(0, "fanout", 0), WorkerSlot(1, "packager", 0)
NAME = "live/cam"
WHOLE_SEGMENTS = 2
MIB = 1024 * KIB
MEDIA = f"/{NAME}/media.m3u8"


def reload(part: int) -> str:
    """The playlist that has this part of the third segment in it."""
    return f"{MEDIA}?_HLS_msn={WHOLE_SEGMENTS}&_HLS_part={part}"


class HttpAnswer(NamedTuple):
    """One answer."""

    status: int
    fields: dict[str, str]
    body: bytes


class Viewer:
    """The far end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.heard_bytes = 0
        self._data = b""

    def ask(self, *targets: str, fields: str = "") -> None:
        """Send so many requests in one go."""
        heads = [f"GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n" for target in targets]
        self.sock.send("".join(heads).encode())

    async def hear(self) -> HttpAnswer:
        """The next answer."""
        while b"\r\n\r\n" not in self._data:
            await self._read()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines)
        length = int(fields["content-length"])
        while len(self._data) < length:
            await self._read()
        body, self._data = self._data[:length], self._data[length:]
        return HttpAnswer(int(status.split(" ")[1]), fields, body)

    async def get(self, target: str, fields: str = "") -> HttpAnswer:
        self.ask(target, fields=fields)
        return await self.hear()

    async def until_closed(self) -> bytes:
        """What comes before the end."""
        data = self._data
        while more := await self._receive():
            data += more
        return data

    async def _read(self) -> None:
        data = await self._receive()
        assert data, "the connection has ended"
        self._data += data

    async def _receive(self) -> bytes:
        await trio.lowlevel.wait_readable(self.sock)
        try:
            data = self.sock.recv(64 * KIB)
        except ConnectionResetError:
            return b""
        self.heard_bytes += len(data)
        return data

    def close(self) -> None:
        trio.lowlevel.notify_closing(self.sock)
        self.sock.close()


class HttpStage:
    """The worker, and everybody around it."""

    audience: Audience
    hub: Hub

    def __init__(self, folder: Path, config: Config, guard: Guard | None, line: HookLine | None) -> None:
        self.guard, self.line = guard, line
        self.press = Press(folder)
        self._streams = Arena.create(Geometry(workers=2, streams=2, ring_bytes=64 * KIB, index_entries=64))
        self.directory = DirectoryWriter(self._streams, 0, 1)
        self.slot = self.directory.claim(NAME)
        self.report, self.log = Report(), Log()
        self.holds = Holds()
        self._parts = 0
        self._viewers: list[Viewer] = []
        self.worker = SimpleNamespace(
            tracer=None,
            packages=self.press.packages,
            slots=(FANOUT, PACKAGER),
            slot=FANOUT,
            board=Board(self._streams),
            directory=Directory(self._streams),
            doorbell=None,
            doorbells={PACKAGER.number: SimpleNamespace(ring=lambda: None)},
            arena=self._streams,
            config=config,
            log=self.log,
            draining=trio.Event(),
        )

    def open(self, nursery: trio.Nursery) -> None:
        """Let players in."""
        worker, report = cast("Any", self.worker), cast("Any", self.report)
        self.hub = Hub(worker, nursery, lambda feed: None)
        answers = HlsAnswers(self.press.packages, lambda: self.worker.config, self.holds, report)
        hls = Hls(Library(worker, nursery, self.hub.bell), answers)
        self.audience = Audience(worker, self.hub, report, hls, self.guard, self.line)
        self._nursery = nursery
        nursery.start_soon(self.hub.reception.run)
        nursery.start_soon(self.audience.make_rounds)

    def write_part(self, data: bytes) -> str:
        """The next part of the third segment; its path."""
        journal, part = self.press.journal, self._parts
        self._parts += 1
        if part == 0:
            journal.note_mark(SegmentBegin(WHOLE_SEGMENTS, 2_000_000, 0, False, True))
        first = journal.next_seq
        journal.note_chunk(Chunk(data, 0, part == 0, True, part == 0))
        journal.note_mark(
            PartEnd(WHOLE_SEGMENTS, part, 500_000, part == 0, len(data), first, journal.next_seq)
        )
        journal.write()
        return f"/{NAME}/1a2b-{WHOLE_SEGMENTS}.{part}.m4s"

    def connect(self, buffer_bytes: int = 256 * KIB) -> Viewer:
        """One more player, each of an address of its own."""
        ours, theirs = self._pair(buffer_bytes)
        viewer = Viewer(theirs)
        self._viewers.append(viewer)
        remote = f"192.0.2.{len(self._viewers)}:4000"
        self._nursery.start_soon(serve_http, self.audience, ours, remote)
        return viewer

    def connect_browser(self) -> Browser:
        """One more player, over HTTP/2."""
        ours, theirs = self._pair(256 * KIB)
        self._viewers.append(Viewer(theirs))
        self._nursery.start_soon(serve_http2, self.audience, ours, "198.51.100.1:4000")
        return Browser(theirs, MIB)

    def _pair(self, buffer_bytes: int) -> tuple[socket.socket, socket.socket]:
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        return ours, theirs

    @property
    def row(self) -> RowCell:
        """What the worker says of the slot that the stream had."""
        row: RowCell = self.worker.board.row(FANOUT.number, self.slot)
        return row

    def booked_bytes(self) -> int:
        """All that the report has heard of."""
        told = self.report.told.items()
        return sum(key[1] * count for key, count in told if key[0] == "hls_sent")  # type: ignore[operator, misc]

    def requests(self, resource: str) -> Counter[int]:
        """Answers by status."""
        told = self.report.told.items()
        return Counter(
            {key[2]: count for key, count in told if key[:2] == ("hls_request", resource)}  # type: ignore[misc]
        )

    def drain(self) -> None:
        """What a worker does that leaves."""
        self.worker.draining.set()
        self.audience.let_go()

    def close(self) -> None:
        for viewer in self._viewers:
            viewer.close()
        self.hub.reception.close()
        self.hub.ear.close()
        self.hub.circle.close()
        self.press.arena.close()
        self._streams.close()


@asynccontextmanager
async def staged(
    folder: Path,
    config: Config | None = None,
    guard: Guard | None = None,
    line: HookLine | None = None,
) -> AsyncIterator[HttpStage]:
    """A stage whose playlist has two segments; the third begins with its first part."""
    stage = HttpStage(folder, config or Config(), guard, line)
    stage.press.journal.open()
    for _ in range(WHOLE_SEGMENTS):
        stage.press.write_segment()
    try:
        async with trio.open_nursery() as nursery:
            stage.open(nursery)
            yield stage
            nursery.cancel_scope.cancel()
    finally:
        stage.close()
