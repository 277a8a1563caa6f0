"""Package rings as their readers see them: in time, late, and lapped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.protocols.hls import (
    BadSnapshot,
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
from shm.ring import Entry
from workers.packager.journal import Journal
from workers.runtime.bells import Bells
from workers.runtime.packages import Packages, WindowReader

KIB = 1024
SETTINGS = PlaylistSettings(stamp="1a2b", part_target_s=0.5)


class Press:
    """A packager's writing end, and what it has written."""

    def __init__(self, folder: Path) -> None:
        self.arena = Arena.create(Geometry(workers=2, streams=2, ring_bytes=64 * KIB, index_entries=64))
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

    def _note_end(self, mark: Mark) -> None:
        self.journal.request_snapshot()
        self.journal.note_mark(mark)

    def playlist(self) -> str:
        return media_playlist(self.journal.window)


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    press = Press(tmp_path)
    yield press
    press.arena.close()


def test_a_package_that_is_not_open_has_no_readers_yet(press: Press) -> None:
    press.write_segment()
    with pytest.raises(BadSnapshot):
        WindowReader(press.packages, press.slot)


def test_a_reader_folds_what_its_packager_folded(press: Press) -> None:
    press.journal.open()
    chunks: list[Entry] = []
    reader = WindowReader(press.packages, press.slot, chunks.append)
    for _ in range(3):
        press.write_segment()
        reader.catch_up()
        assert media_playlist(reader.window) == press.playlist()
    assert len(chunks) == 6
    assert not reader.has_news()


def test_a_reader_that_comes_late_begins_with_the_snapshot(press: Press) -> None:
    press.journal.open()
    for _ in range(20):
        press.write_segment()
    chunks: list[Entry] = []
    reader = WindowReader(press.packages, press.slot, chunks.append)
    reader.catch_up()
    assert media_playlist(reader.window) == press.playlist()
    assert chunks == []


def test_a_reader_that_was_lapped_goes_on_with_a_newer_window(press: Press) -> None:
    press.journal.open()
    reader = WindowReader(press.packages, press.slot)
    press.write_segment()
    reader.catch_up()
    window = reader.window
    for _ in range(40):  # more than the ring and its index hold
        press.write_segment(chunk_bytes=4 * KIB)
    reader.catch_up()
    assert reader.window is not window
    assert media_playlist(reader.window) == press.playlist()


def test_a_successor_turns_the_unfinished_segment_into_a_gap(press: Press) -> None:
    press.journal.open()
    press.write_segment()
    press.journal.note_mark(SegmentBegin(1, 1_000_000, 0, False, True))
    first = press.journal.next_seq
    press.journal.note_chunk(Chunk(bytes(100), 0, True, True, True))
    press.journal.note_mark(PartEnd(1, 0, 500_000, True, 100, first, press.journal.next_seq))
    press.journal.write()
    reader = WindowReader(press.packages, press.slot)
    inherited = WindowReader(press.packages, press.slot)
    inherited.catch_up()
    press.write_on(inherited.window).open()
    press.journal.note_mark(InitMade(1, "avc1.64001f", has_video=True))
    press.journal.note_mark(SegmentBegin(inherited.window.next_msn, 2_000_000, 1, True, True))
    press.journal.write()
    reader.catch_up()
    assert "#EXT-X-GAP" in press.playlist()
    assert media_playlist(reader.window) == press.playlist()
