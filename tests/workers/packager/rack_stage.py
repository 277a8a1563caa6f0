"""A packager without its process: streams whose publisher is the test, and a rack that packages them."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import structlog
import trio

from engine.config import Config, load
from engine.media.intake import Intake
from engine.media.tags import KIND_VIDEO
from engine.protocols.hls import Window
from shm.arena import Arena
from shm.board import Board
from shm.directory import Directory, DirectoryWriter, StreamState
from shm.layout import Geometry
from shm.ring import RingWriter, Tag
from tests.engine.fmp4.material import AVC_HEADER, nals
from workers.packager.packages import PackageRack
from workers.runtime.packages import Packages, WindowReader
from workers.runtime.slots import WorkerSlot

MIB = 1024 * 1024
FANOUT, PACKAGER = WorkerSlot(0, "fanout", 0), WorkerSlot(1, "packager", 0)
FRAMES_PER_S = 25
FRAME_MS = 1000 // FRAMES_PER_S
ROUNDS = 200
CONFIG = load("[hls]\nsegment_s = 1.0\ndelete_after_s = 0.0", {})


class Counts:
    """Counts nothing, and remembers that it was asked to."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.jitters_s: list[float] = []

    def part_jitter(self, seconds: float) -> None:
        self.jitters_s.append(seconds)

    def failed(self, reason: str) -> None:
        self.failures.append(reason)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class RackStage:
    """Everything around one packager."""

    def __init__(self, folder: Path, config: Config = CONFIG) -> None:
        geometry = Geometry(workers=2, streams=4, ring_bytes=4 * MIB, index_entries=4096)
        self.streams, arena = Arena.create(geometry), Arena.create(geometry)
        self.packages = Packages(arena, folder)
        self.publishing = DirectoryWriter(self.streams, 0, 1)
        self.board = Board(self.streams)
        self.streams_directory = Directory(self.streams)
        self.counts = Counts()
        self._publications: dict[str, Publication] = {}
        self._worker = SimpleNamespace(
            packages=self.packages,
            slots=(FANOUT, PACKAGER),
            slot=PACKAGER,
            board=self.board,
            directory=self.streams_directory,
            doorbells={},
            arena=self.streams,
            config=config,
            log=structlog.wrap_logger(logging.getLogger("stage")),
        )

    def new_rack(self, nursery: trio.Nursery) -> PackageRack:
        """A packager that takes the seat, as after the death of another."""
        rack = PackageRack(cast("Any", self._worker), nursery, cast("Any", self.counts))
        rack.adopt()
        return rack

    def reload(self, config: Config) -> None:
        """As the supervisor has it after SIGHUP."""
        self._worker.config = config

    def worker_in(self, slot: WorkerSlot) -> SimpleNamespace:
        """Another worker of the same engine; whom it rings for looks by itself."""
        deaf = {each.number: SimpleNamespace(ring=lambda: None) for each in (FANOUT, PACKAGER)}
        return SimpleNamespace(**(vars(self._worker) | {"slot": slot, "doorbells": deaf}))

    def publish(self, name: str, *, late_s: float = 0.0) -> "Publication":
        """late_s: how much later its media arrives than that of others with the same times."""
        self._publications[name] = Publication(self, name, late_s)
        return self._publications[name]

    def window(self, name: str) -> WindowReader | None:
        """The package as a fanout worker sees it."""
        record = self.packages.directory.find(name)
        if record is None or not self.packages.directory.headers(record.slot)[1]:
            return None
        reader = WindowReader(self.packages, record.slot)
        reader.catch_up()
        return reader

    def close(self) -> None:
        self.streams.close()
        self.packages.arena.close()


class Publication:
    """One stream: a second of video at a time, with a keyframe first."""

    def __init__(self, stage: RackStage, name: str, late_s: float) -> None:
        self._late_ns = int(late_s * 1e9)
        self.slot = stage.publishing.claim(name)
        self._stage = stage
        self._intake = Intake()
        self._ring = RingWriter(stage.streams, self.slot, stage.publishing.epoch(self.slot))
        self._row = stage.board.row(FANOUT.number, self.slot)
        self._row.begin(Directory(stage.streams).get(self.slot).lease)
        self._ms = 0
        self._write(AVC_HEADER)

    def send(self, seconds: int) -> None:
        """So much more media, all at once."""
        for number in range(seconds * FRAMES_PER_S):
            key = number % FRAMES_PER_S == 0
            head, nal = (b"\x17", b"\x65") if key else (b"\x27", b"\x41")
            self._write(head + b"\x01\x00\x00\x00" + nals(nal))
            self._ms += FRAME_MS

    def _write(self, body: bytes) -> None:
        for tag in self._intake.take(KIND_VIDEO, self._ms, body, time.monotonic_ns() + self._late_ns):
            headers = self._intake.headers
            self._stage.publishing.set_headers(self.slot, headers.generation, headers.blob())
            self._ring.write([Tag._make(tag)])

    def come_back(self, *, late_s: float) -> None:
        """The publisher goes, and comes again so much later: a new epoch, in which time goes on."""
        self._late_ns += int(late_s * 1e9)
        self._stage.publishing.set_epoch(self.slot, self._stage.publishing.epoch(self.slot) + 1)
        self._ring = RingWriter(self._stage.streams, self.slot, self._stage.publishing.epoch(self.slot))
        self._intake.begin_session()
        self._write(AVC_HEADER)

    def ask(self) -> None:
        """A player asks for its playlist."""
        self._row.playlist_asked_ns = time.monotonic_ns()

    def forget(self) -> None:
        """Nobody has asked for long."""
        self._row.playlist_asked_ns = 0

    def end(self) -> None:
        self._stage.publishing.set_state(self.slot, StreamState.ENDED)


async def until(rack: PackageRack, true: Callable[[], bool]) -> None:
    """Let the packager work until this is so."""
    for _ in range(ROUNDS):
        rack.look()
        rack.clear_away()
        if true():
            return
        await trio.sleep(0.05)
    raise AssertionError("it never was")


def segments(stage: RackStage, name: str) -> int:
    """How many segments its playlist has come to, all in all."""
    reader = stage.window(name)
    return reader.window.next_msn if reader else 0


def window_of(stage: RackStage, name: str) -> Window:
    reader = stage.window(name)
    assert reader is not None
    return reader.window
