"""What a request of a player of Low-Latency HLS costs Python, without the kernel: read, understood, answered.

The player's socket has the same request whenever it is read, and takes every answer whole. Of such requests
a player makes four a second: two reloads and two parts of half a second.
"""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import trio

from bench.micro.clock import Step
from bench.wire.answers import browser_request
from engine.config import Config
from engine.protocols.hls import InitMade, PartEnd, PlaylistSettings, SegmentBegin, SegmentEnd, Window
from engine.protocols.hls.cut_outputs import Chunk
from engine.protocols.http import RequestReader
from shm.arena import Arena
from shm.board import Board
from shm.directory import Directory, DirectoryWriter
from shm.layout import MIB, Geometry
from workers.fanout.answers import Answers
from workers.fanout.audience import Audience
from workers.fanout.connection import Connection
from workers.fanout.hls_answers import Hls, HlsAnswers
from workers.fanout.holds import Holds
from workers.fanout.hub import Hub
from workers.fanout.library import Library
from workers.fanout.quick_answers import QuickAnswers
from workers.fanout.report import Report
from workers.fanout.seat import Seat
from workers.packager.journal import Journal
from workers.runtime.bells import Bells
from workers.runtime.packages import Packages
from workers.runtime.slots import WorkerSlot

NAME, STAMP = "live/bench", "1a2b"
FANOUT = WorkerSlot(0, "fanout", 0)
#: Of one call, since each begins an event loop.
REQUESTS = 2_000
SEGMENTS, PARTS, PART_BYTES = 6, 4, 250_000


class Asking:
    """A socket whose peer asks the same for ever, and takes all it gets."""

    def __init__(self, request: bytes) -> None:
        self._request = request

    def recv(self, most_bytes: int) -> bytes:
        """The next request."""
        return self._request

    def sendmsg(self, pieces: tuple[bytes, ...]) -> int:
        """All of them are gone."""
        return sum(map(len, pieces))

    def has_data(self) -> bool:
        """Never more than was read."""
        return False


class Deaf:
    """A nursery, a doorbell or metrics that do nothing."""

    def __getattr__(self, name: str) -> Callable[..., "Deaf"]:
        return lambda *_, **__: self


def hls_steps() -> list[Step]:
    """Built when asked for: a package comes with it."""
    last = SEGMENTS - 1
    asked = {
        "a part": f"/{NAME}/{STAMP}-{last}.0.m4s",  # the newest is not known to be whole without its packager
        "a reload": f"/{NAME}/media.m3u8?_HLS_msn={last}&_HLS_part={PARTS - 1}&_HLS_skip=YES",
    }
    return [Step(f"HLS, {what}", _asking(target), REQUESTS, "request") for what, target in asked.items()]


def _asking(target: str) -> Callable[[], None]:
    sock = Asking(browser_request(target, "127.0.0.1:8080"))
    seats: list[Seat] = []

    async def ask() -> None:
        seat = seats[0] if seats else _seat(sock)
        seats[:] = [seat]
        for _ in range(REQUESTS):
            seat.serve(0)

    return lambda: trio.run(ask)


def _seat(sock: Asking) -> Seat:
    """A connection of a worker that has the stream's package."""
    streams = Arena.create(Geometry(workers=1, streams=1, ring_bytes=MIB, index_entries=1024))
    DirectoryWriter(streams, 0, 1).claim(NAME)
    config, deaf = Config(), cast("Any", Deaf())
    packages = _package()
    worker = SimpleNamespace(
        tracer=None,
        packages=packages,
        slots=(FANOUT,),
        slot=FANOUT,
        board=Board(streams),
        directory=Directory(streams),
        doorbell=None,
        doorbells={},
        arena=streams,
        config=config,
        draining=trio.Event(),
        log=deaf,
    )
    hub = Hub(cast("Any", worker), deaf, deaf)
    report = Report(deaf, FANOUT.name)
    hls = Hls(
        Library(cast("Any", worker), deaf, hub.bell), HlsAnswers(packages, lambda: config, Holds(), report)
    )
    audience = Audience(cast("Any", worker), hub, report, hls)
    connection = Connection(cast("Any", sock), "192.0.2.1:4000", FANOUT.name)
    return Seat(audience, connection, RequestReader(), QuickAnswers(audience, hls, Answers(audience, hls)))


def _package() -> Packages:
    """A stream's newest segments, as a packager leaves them."""
    geometry = Geometry(workers=1, streams=1, ring_bytes=16 * MIB, index_entries=1024)
    packages = Packages(Arena.create(geometry), Path("/nowhere"))
    directory = DirectoryWriter(packages.arena, 0, 1)
    slot = directory.claim(NAME)
    window = Window(PlaylistSettings(stamp=STAMP, part_target_s=0.5))
    journal = Journal(packages.arena, directory, slot, window, Bells(packages.board, {}))
    journal.open()
    journal.note_mark(InitMade(0, "avc1.64001f", has_video=True))
    for msn in range(SEGMENTS):
        journal.note_mark(SegmentBegin(msn, msn * 2_000_000, 0, False, True))
        for part in range(PARTS):
            _write_part(journal, msn, part)
        journal.note_mark(SegmentEnd(msn, PARTS * 500_000, PARTS * PART_BYTES))
    journal.write()
    return packages


def _write_part(journal: Journal, msn: int, part: int) -> None:
    first = journal.next_seq
    journal.note_chunk(Chunk(bytes(PART_BYTES), 0, part == 0, True, part == 0))
    journal.note_mark(PartEnd(msn, part, 500_000, part == 0, PART_BYTES, first, journal.next_seq))
    journal.write()
