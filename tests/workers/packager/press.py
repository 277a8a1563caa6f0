"""A package whose packager is the test: chunks and marks without media in them."""

from pathlib import Path

from engine.protocols.hls import (
    InitMade,
    Mark,
    PartEnd,
    PlaylistSettings,
    SegmentBegin,
    SegmentEnd,
    Window,
    media_playlist,
)
from engine.protocols.hls.cut_outputs import Chunk
from shm.arena import Arena
from shm.board import Board
from shm.directory import DirectoryWriter
from shm.layout import Geometry
from workers.packager.journal import Journal
from workers.runtime.bells import Bells
from workers.runtime.packages import Packages

KIB = 1024
RING_BYTES = 64 * KIB
SETTINGS = PlaylistSettings(stamp="1a2b", part_target_s=0.5)


class Press:
    """A packager's writing end, and what it has written."""

    def __init__(self, folder: Path) -> None:
        self.arena = Arena.create(Geometry(workers=2, streams=2, ring_bytes=RING_BYTES, index_entries=64))
        self.packages = Packages(self.arena, folder)
        self._directory = DirectoryWriter(self.arena, 0, 1)
        self.slot = self._directory.claim("live/cam")
        self.journal = self.write_on(Window(SETTINGS))
        self._msn = 0

    def write_on(self, window: Window) -> Journal:
        """What a packager has, or the successor of a dead one."""
        self.journal = Journal(self.arena, self._directory, self.slot, window, Bells(Board(self.arena), {}))
        return self.journal

    def write_segment(self, parts: int = 2, chunk_bytes: int = 1_000) -> None:
        """One whole segment."""
        msn, self._msn = self._msn, self._msn + 1
        if msn == 0:
            self.journal.note_mark(InitMade(0, "avc1.64001f", has_video=True))
        self.journal.note_mark(SegmentBegin(msn, msn * 1_000_000, 0, False, True))
        for part in range(parts):
            first = self.journal.next_seq
            self.journal.note_chunk(Chunk(bytes(chunk_bytes), 0, part == 0, True, part == 0))
            self.journal.note_mark(
                PartEnd(msn, part, 500_000, part == 0, chunk_bytes, first, self.journal.next_seq)
            )
        self._note_end(SegmentEnd(msn, parts * 500_000, parts * chunk_bytes))
        self.journal.write()

    def begin_segment(self) -> None:
        """The first moment of one that may last long."""
        self.journal.note_mark(InitMade(0, "avc1.64001f", has_video=True))
        self.journal.note_mark(SegmentBegin(0, 0, 0, False, True))
        self.journal.write()

    def write_part(self, part: int, data: bytes) -> None:
        """One part more of it, in one chunk."""
        first = self.journal.next_seq
        self.journal.note_chunk(Chunk(data, 0, part == 0, True, part == 0))
        self.journal.note_mark(PartEnd(0, part, 500_000, part == 0, len(data), first, self.journal.next_seq))
        self.journal.write()

    def _note_end(self, mark: Mark) -> None:
        self.journal.request_snapshot()
        self.journal.note_mark(mark)

    def playlist(self) -> str:
        return media_playlist(self.journal.window)
