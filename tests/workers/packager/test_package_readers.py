"""Package rings as their readers see them: in time, late, and lapped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.protocols.hls import BadSnapshot, InitMade, PartEnd, SegmentBegin, media_playlist
from engine.protocols.hls.cut_outputs import Chunk
from shm.ring import Entry
from tests.workers.packager.press import KIB, RING_BYTES, Press
from workers.packager.journal import Journal
from workers.runtime.packages import WindowReader


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


@pytest.mark.parametrize("size", [RING_BYTES // 8 + 1, RING_BYTES // 4 + 1, RING_BYTES // 2])
def test_a_chunk_larger_than_a_tag_of_the_ring_stands_there_in_pieces(size: int, press: Press) -> None:
    press.journal.open()
    chunks: list[Entry] = []
    reader = WindowReader(press.packages, press.slot, chunks.append)
    press.begin_segment()
    data = bytes(number % 251 for number in range(size))
    press.write_part(0, data)
    assert reader.catch_up()
    assert b"".join(b"".join(reader.ring.views(each.pos, each.end)) for each in chunks) == data
    assert [bool(each.flags) for each in chunks] == [True, *[False] * (len(chunks) - 1)]
    part = reader.window.part(0, 0)
    assert part is not None
    assert (part.first_seq, part.stop_seq) == (chunks[0].seq, chunks[-1].seq + 1)
    assert max(each.length for each in chunks) <= RING_BYTES // 8


def test_who_comes_late_to_a_segment_larger_than_the_ring_knows_all_its_parts(press: Press) -> None:
    press.journal.open()
    press.begin_segment()
    for part in range(40):
        press.write_part(part, bytes(4 * KIB))
        reader = WindowReader(press.packages, press.slot)
        assert reader.catch_up()
        assert media_playlist(reader.window) == press.playlist()


def test_a_reader_knows_that_it_is_lost(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "_is_much_new", False)
    press.journal.open()
    press.begin_segment()
    reader = WindowReader(press.packages, press.slot)
    for part in range(40):
        press.write_part(part, bytes(4 * KIB))
    assert not reader.catch_up()
    assert not WindowReader(press.packages, press.slot).catch_up()


def test_parts_that_are_listed_and_gone_are_known(press: Press) -> None:
    press.journal.open()
    for _ in range(8):
        press.write_segment(chunk_bytes=KIB)
    assert press.journal.outgrown_bytes == 0
    for _ in range(8):
        press.write_segment(parts=4, chunk_bytes=6 * KIB)
    assert press.journal.outgrown_bytes > RING_BYTES * 7 // 8


def test_a_state_that_has_no_room_beside_the_ring_costs_newcomers_and_nobody_else(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    press.journal.open()
    reader = WindowReader(press.packages, press.slot)
    monkeypatch.setattr("workers.packager.journal.HEADERS_MAX", 100)
    for _ in range(3):
        press.write_segment()
        assert reader.catch_up()
    assert media_playlist(reader.window) == press.playlist()
    late = WindowReader(press.packages, press.slot)
    assert late.catch_up()  # as long as the ring still has all since the state of before
    assert media_playlist(late.window) == press.playlist()
