"""Packages: what packagers make of streams for HLS, and where everybody finds it.

A second arena of the same layout as the streams' own: its directory has a package per packaged stream, by the
stream's name, its rings hold chunks and marks instead of tags, and its board says which workers want to be
woken for which package. Finished segments are files below `folder`.

Whoever reads a package folds its marks into a window of its own. Who comes late, or was lapped, begins
with the snapshot in the package's record: the window as it was at one place of the ring, which the
snapshot names.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from engine.config import PathSettings
from engine.protocols.hls import CHUNK, MARK, Window, decode_mark
from shm.arena import Arena
from shm.board import Board
from shm.directory import Directory, StreamRecord
from shm.errors import Lapped
from shm.ring import Entry, RingReader

SEQ_BYTES: Final = 8

FILES: Final = "+"
"""The last component of each folder: no name has it in it, so no stream is called as another one's file."""

ASKED_LATELY_S: Final = 30.0
"""Three reloads at a target duration of ten seconds."""

MAX_LOOKS: Final = 8
"""A look at snapshot and ring together is repeated only if the packager wrote more than a whole ring
within it."""


class Packages:
    """The doors to all packages, for one process.

    Args:
        arena: shared by all processes.
        folder: on tmpfs; the packagers write there, everybody reads.
    """

    def __init__(self, arena: Arena, folder: Path) -> None:
        self.arena = arena
        self.folder = folder
        self.board = Board(arena)
        self.directory = Directory(arena)

    def folder_of(self, name: str) -> Path:
        """Where the files of stream `name` are: apart from the folders of streams whose names go on."""
        return self.folder / name / FILES

    @classmethod
    def attach(cls, arena: Arena, folder: Path, number: int) -> Self:
        """In worker `number`, just forked: with mappings of its own, and nothing left of its predecessor."""
        packages = cls(Arena.attach(arena.fd), folder)
        packages.board.clear_worker(number)
        return packages


class WindowReader:
    """The window of one package, as its newest snapshot says, and with `catch_up` as its ring does.

    Args:
        packages: where it is.
        slot: its place there. It must have been begun: its first snapshot is written with it.
        on_chunk: hears of each chunk, when the window is as it was before it; not of chunks that a lap cost.
    """

    def __init__(
        self, packages: Packages, slot: int, on_chunk: Callable[[Entry], None] = lambda chunk: None
    ) -> None:
        self.ring = RingReader(packages.arena, slot)
        self._on_chunk = on_chunk
        self._directory = packages.directory
        self._slot = slot
        self.window: Window
        self._restore()

    def has_news(self) -> bool:
        return self.ring.head_seq != self.seq

    def catch_up(self) -> bool:
        """Fold what is new. A reader that was lapped goes on with a new window from the newest snapshot.

        False if the ring has been faster than the snapshots: the window is an old one then.
        """
        for _ in range(MAX_LOOKS):
            try:
                for entry in self.ring.entries(self.seq, self.ring.head_seq):
                    self._fold(entry)
                return True
            except Lapped:
                self._restore()
        return False

    def _fold(self, entry: Entry) -> None:
        if entry.kind == CHUNK:
            self._on_chunk(entry)
        elif entry.kind == MARK:
            data = b"".join(self.ring.views(entry.pos, entry.end))
            if not self.ring.valid(entry.pos):
                raise Lapped("the mark was overwritten while it was read")
            self.window.apply(decode_mark(data))
        self.seq = entry.seq + 1

    def _restore(self) -> None:
        _, snapshot = self._directory.headers(self._slot)
        self.seq, self.window = read_snapshot(snapshot)


def snapshot_at(seq: int, window: Window) -> bytes:
    """What stands beside a package's ring: the window, and the ring's first sequence that is not in it."""
    return seq.to_bytes(SEQ_BYTES, "big") + window.snapshot()


def read_snapshot(data: bytes) -> tuple[int, Window]:
    """What `snapshot_at` wrote. Raises BadSnapshot."""
    return int.from_bytes(data[:SEQ_BYTES], "big"), Window.restore(data[SEQ_BYTES:])


def stamp_of(package: StreamRecord) -> str:
    """What the names of a package's files begin with: when it was begun, so that no two are alike for
    ever."""
    return f"{package.started_ns // 1_000_000:x}"


def kept_s(settings: PathSettings) -> float:
    """How long a package is served after its stream has ended, seconds, and can be gone on with."""
    waits_s = 0.0 if settings.hls_end_list else settings.hls_return_s
    return max(settings.hls_delete_after_s, waits_s)


def asked_lately_s(settings: PathSettings) -> float:
    """How long after a playlist was asked for its player is still there, seconds: three of its slowest
    reloads."""
    return max(ASKED_LATELY_S, 3 * settings.hls_max_segment_s)
