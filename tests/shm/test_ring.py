"""One writer and its readers, step by step."""

import errno
import os

import pytest

from shm.arena import Arena
from shm.errors import ArenaFull, Lapped, LostRing, TagTooLarge
from shm.layout import KIB, MIB, Geometry
from shm.ring import FLAG_KEYFRAME, FLAG_START, NO_START, Entry, RingReader, RingWriter, Tag, release
from tests.shm.conftest import SMALL
from tests.shm.tags import is_intact, read, readable, sealed_tag, start_tag
from tests.shm.test_arena import refusal

RING = SMALL.ring_bytes


@pytest.fixture
def writer(arena: Arena) -> RingWriter:
    return RingWriter(arena, 1, 5)


@pytest.fixture
def reader(arena: Arena) -> RingReader:
    return RingReader(Arena.attach(arena.fd), 1)


def test_an_empty_ring_has_nothing_to_offer(reader: RingReader) -> None:
    assert reader.head() == reader.oldest() == (0, 0)
    assert reader.newest_start() is None
    assert reader.seq_at(0) == 0
    assert reader.views(0, 0) == (memoryview(b""),)
    assert reader.entries(0, 0) == []
    with pytest.raises(IndexError):
        reader.entry(0)


def test_a_tag_is_read_as_it_was_written(writer: RingWriter, reader: RingReader) -> None:
    tag = Tag(b"a tag", 8, FLAG_START | FLAG_KEYFRAME, -41_000, 2**40, 77, 123_456_789_000)
    writer.write([tag])
    assert reader.head() == (writer.head_pos, writer.head_seq) == (5, 1)
    assert reader.entry(0) == Entry(0, 0, 5, 8, 3, -41_000, 2**40, 5, 77, 123_456_789_000, 0)
    assert read(reader, reader.entry(0)) == b"a tag"
    assert reader.epoch == 5


def test_nothing_written_is_nothing_published(writer: RingWriter, reader: RingReader) -> None:
    writer.write([])
    assert reader.head() == (0, 0)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_tags_may_come_in_any_kind_of_bytes(
    writer: RingWriter, reader: RingReader, kind: type[bytes | bytearray | memoryview]
) -> None:
    writer.write([start_tag(0)._replace(data=kind(b"some bytes"))])
    assert read(reader, reader.entry(0)) == b"some bytes"


def test_bytes_between_boundaries_are_the_tags(writer: RingWriter, reader: RingReader) -> None:
    tags = [sealed_tag(seq, 100) for seq in range(5)]
    writer.write(tags)
    (view,) = reader.views(0, reader.head_pos)
    assert view == b"".join(tag.data for tag in tags)
    assert view.readonly


def test_where_the_ring_wraps_there_are_two_views(writer: RingWriter, reader: RingReader) -> None:
    for seq in range(7):
        writer.write([sealed_tag(seq, 10_000)])
    wrapping = next(entry for entry in readable(reader) if entry.end > RING)
    views = reader.views(wrapping.pos, wrapping.end)
    assert [len(view) for view in views] == [RING - wrapping.pos, wrapping.end - RING]
    assert is_intact(wrapping.seq, b"".join(views))
    assert len(reader.views(RING - 10, RING)) == 1
    with pytest.raises(Lapped, match="more than the ring has"):
        reader.views(wrapping.pos, wrapping.pos + RING + 1)


def test_a_ring_fills_up_and_stays_full(writer: RingWriter, reader: RingReader) -> None:
    assert reader.use == 0
    writer.write([sealed_tag(0, RING // 4 - 12)])
    assert reader.use == 0.25
    for seq in range(1, 9):
        writer.write([sealed_tag(seq, RING // 4 - 12)])
    assert reader.use == 1


def test_a_reader_that_was_lapped_is_told_so(writer: RingWriter, reader: RingReader) -> None:
    writer.write([start_tag(0)])
    assert reader.safe(0)
    seq = 1
    while reader.valid(0):
        writer.write([sealed_tag(seq, 5_000)])
        seq += 1
    assert not reader.safe(0)
    assert reader.oldest_pos > 0
    assert reader.entry(0).seq == 0  # its entry is still there, its bytes are not
    assert reader.newest_start() is None
    with pytest.raises(Lapped):
        reader.seq_at(0)
    for entry in readable(reader):
        assert is_intact(entry.seq, read(reader, entry))


def test_the_guard_zone_warns_before_the_writer_is_there(writer: RingWriter, reader: RingReader) -> None:
    for seq in range(RING // 1000):
        writer.write([sealed_tag(seq, 1000 - 12)])
    edge = writer.head_pos - RING + RING // 8
    assert reader.valid(edge - 1)
    assert not reader.safe(edge - 1)
    assert reader.safe(edge)


def test_the_index_may_be_the_shorter_tail(writer: RingWriter, reader: RingReader) -> None:
    for seq in range(100):
        writer.write([sealed_tag(seq, 0)])
    assert reader.oldest() == (36 * 12, 36)
    assert reader.use == 1
    assert reader.valid(0)
    with pytest.raises(Lapped):
        reader.entry(35)
    with pytest.raises(Lapped):
        reader.seq_at(36 * 12 - 1)
    with pytest.raises(Lapped):
        reader.entries(35, 40)
    assert [entry.seq for entry in reader.entries(36, 100)] == list(range(36, 100))
    with pytest.raises(Lapped):
        reader.entries(0, 100)
    with pytest.raises(IndexError):
        reader.entries(90, 101)


def test_the_tag_at_a_byte_is_found(writer: RingWriter, reader: RingReader) -> None:
    writer.write([sealed_tag(seq, seq * 10) for seq in range(8)])
    for entry in readable(reader):
        assert {reader.seq_at(pos) for pos in range(entry.pos, entry.end)} == {entry.seq}
    assert reader.seq_at(reader.head_pos) == 8
    with pytest.raises(IndexError):
        reader.seq_at(reader.head_pos + 1)


def test_start_points_are_linked_backwards(writer: RingWriter, reader: RingReader) -> None:
    writer.write([sealed_tag(0, 5)])
    assert reader.entry(0).start_seq == NO_START
    assert reader.newest_start() is None
    for seq in range(1, 20):
        writer.write([start_tag(seq) if seq % 6 == 0 else sealed_tag(seq, 5)])
    newest = reader.newest_start()
    assert newest is not None
    chain = [newest]
    while (start := reader.previous_start(chain[-1])) is not None:
        chain.append(start)
    assert [start.seq for start in chain] == [18, 12, 6]
    assert reader.previous_start(reader.entry(17)) == reader.entry(12)


def test_a_batch_appears_all_at_once_and_a_huge_one_in_parts(writer: RingWriter, reader: RingReader) -> None:
    tags = [sealed_tag(seq, 200 if seq % 9 else 16_000) for seq in range(200)]
    writer.write(tags)
    assert reader.head_seq == 200
    assert readable(reader)[-1].seq == 199
    assert all(is_intact(entry.seq, read(reader, entry)) for entry in readable(reader))


def test_a_tag_larger_than_a_quarter_of_the_ring_is_refused_with_its_batch(
    writer: RingWriter, reader: RingReader
) -> None:
    largest = sealed_tag(0, RING // 4 - 12)
    writer.write([largest])
    with pytest.raises(TagTooLarge, match="16385 bytes"):
        writer.write([sealed_tag(1, 10), sealed_tag(2, RING // 4 - 11)])
    assert reader.head() == (RING // 4, 1)


def test_an_epoch_of_more_than_32_bits_is_refused(arena: Arena) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        RingWriter(arena, 0, 2**32)


def test_the_older_writer_loses_the_ring(arena: Arena, writer: RingWriter, reader: RingReader) -> None:
    writer.write([start_tag(0)])
    successor = RingWriter(arena, 1, 6)
    successor.write([sealed_tag(1, 10)])
    with pytest.raises(LostRing, match="epoch 6 writes now, not 5"):
        writer.write([sealed_tag(1, 99)])
    with pytest.raises(LostRing):
        writer.rebase()
    with pytest.raises(LostRing):
        writer.release()
    assert [entry.epoch for entry in readable(reader)] == [5, 6]
    assert reader.entry(1).start_seq == 0
    assert is_intact(1, read(reader, reader.entry(1)))


def test_a_writer_whose_epoch_is_over_in_the_directory_loses_the_ring(arena: Arena) -> None:
    current = [5]
    writer = RingWriter(arena, 1, 5, check_epoch=lambda: current[0])
    writer.write([start_tag(0)])
    current[0] = 6
    with pytest.raises(LostRing, match="epoch 6 holds it now"):
        writer.write([sealed_tag(1, 5)])
    assert RingReader(arena, 1).head_seq == 1


def test_rings_do_not_touch_each_other(arena: Arena) -> None:
    for slot in range(SMALL.streams):
        writer = RingWriter(arena, slot, 1)
        for seq in range(100):
            writer.write([sealed_tag(seq, 900 + slot)])
    for slot in range(SMALL.streams):
        reader = RingReader(arena, slot)
        assert {entry.length for entry in readable(reader)} == {912 + slot}
        assert all(is_intact(entry.seq, read(reader, entry)) for entry in readable(reader))


def test_rebasing_makes_what_was_written_unreadable(writer: RingWriter, reader: RingReader) -> None:
    writer.write([start_tag(seq, 1000) for seq in range(10)])
    old_head = reader.head_pos
    writer.rebase()
    assert reader.oldest() == reader.head() == (writer.head_pos, writer.head_seq)
    assert reader.head_pos % RING == 0
    assert reader.newest_start() is None
    assert not any(reader.valid(pos) for pos in range(old_head))
    with pytest.raises(Lapped):
        reader.entry(9)
    writer.write([start_tag(writer.head_seq, 100)])
    assert [entry.seq for entry in readable(reader)] == [writer.head_seq - 1]
    with pytest.raises(Lapped):
        reader.seq_at(old_head)
    newest = reader.newest_start()
    assert newest is not None
    assert reader.previous_start(newest) is None


def test_there_are_no_entries_between_two_claims(writer: RingWriter, reader: RingReader) -> None:
    writer.write([start_tag(0)])
    writer.rebase()
    base_seq = reader.head_seq
    with pytest.raises(Lapped, match="before this claim"):
        reader.entry(base_seq - 1)
    with pytest.raises(Lapped, match="before this claim"):
        reader.entries(base_seq - 3, base_seq)
    writer.write([start_tag(base_seq + number) for number in range(60)])
    with pytest.raises(Lapped):
        reader.entries(base_seq - 20, base_seq + 60)


def test_a_tail_that_keeps_moving_does_not_hold_a_reader(
    writer: RingWriter, reader: RingReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.write([start_tag(0)])

    def always_lapped(_: int) -> Entry:
        raise Lapped

    monkeypatch.setattr(reader, "entry", always_lapped)
    assert reader.oldest() == reader.head() == (12, 1)
    assert reader.newest_start() is None


def test_rebasing_an_untouched_ring_changes_nothing(writer: RingWriter, reader: RingReader) -> None:
    writer.rebase()
    assert reader.head() == (0, 0)


def test_an_idle_ring_costs_nothing_and_a_released_one_neither(arena: Arena, writer: RingWriter) -> None:
    before = arena.resident_bytes
    for seq in range(20):
        writer.write([sealed_tag(seq, 1000)])
    assert arena.resident_bytes > before
    writer.release()
    assert arena.resident_bytes == before
    writer.write([start_tag(writer.head_seq, 2000)])
    reader = RingReader(arena, 1)
    assert [is_intact(entry.seq, read(reader, entry)) for entry in readable(reader)] == [True]
    release(arena, 1)
    assert arena.resident_bytes == before


def test_refused_memory_is_an_error_with_nothing_half_written(
    arena: Arena, writer: RingWriter, reader: RingReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = arena.map(SMALL.ring_offset(1), 4096, writable=False)
    before = bytes(header)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refusal(errno.ENOSPC))
        with pytest.raises(ArenaFull):
            writer.write([start_tag(0)])
        assert bytes(header) == before
    writer.write([start_tag(0)])
    assert is_intact(0, read(reader, reader.entry(0)))


def test_memory_is_taken_in_extents_just_ahead_of_the_first_lap() -> None:
    arena = Arena.create(Geometry(workers=1, streams=1, ring_bytes=4 * MIB, index_entries=64))
    empty = arena.resident_bytes + 64 * 64
    writer = RingWriter(arena, 0, 1)
    taken = []
    for seq in range(50):
        writer.write([sealed_tag(seq, 100 * KIB)])
        taken.append((arena.resident_bytes - empty) // MIB)
    assert taken[0] == 1
    assert taken == sorted(taken)
    assert set(taken) == {1, 2, 3, 4}
    again = RingWriter(arena, 0, 2)
    again.write([sealed_tag(50, 10)])
    assert (arena.resident_bytes - empty) // MIB == 4
    arena.close()


def test_a_large_tag_is_copied_in_pieces_and_whole() -> None:
    arena = Arena.create(Geometry(workers=1, streams=1, ring_bytes=2 * MIB, index_entries=64))
    writer, reader = RingWriter(arena, 0, 1), RingReader(arena, 0)
    data = os.urandom(MIB // 2)
    for _ in range(6):
        writer.write([Tag(data, 9, 0, 0, 0, 0, 0)])
        assert read(reader, reader.entry(reader.head_seq - 1)) == data
    writer.write([Tag(data[:-5], 9, 0, 0, 0, 0, 0)] * 4)
    assert [len(read(reader, entry)) for entry in readable(reader)] == [MIB // 2 - 5] * 4
    arena.close()
