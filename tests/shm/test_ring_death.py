"""A writer killed between any two of its stores: what readers see, and what its successor finds."""

from collections.abc import Callable

import pytest

from shm.arena import Arena
from shm.errors import Lapped
from shm.layout import PAGE_BYTES, RING_HEAD_POS
from shm.ring import RingReader, RingWriter, rebase
from tests.shm.conftest import SMALL
from tests.shm.killing import Killed, every_death, make_mortal
from tests.shm.tags import is_intact, read, readable, sealed_tag, start_tag

LAPPED_TAGS = 70  # of 1,500 bytes: the ring and its index have both come round
BATCH_TAGS = 5


def lapped_ring(arenas: list[Arena]) -> Callable[[], RingWriter]:
    """A maker of rings, each full in an arena of its own."""

    def prepare() -> RingWriter:
        arenas.append(Arena.create(SMALL))
        writer = RingWriter(arenas[-1], 0, 1)
        for seq in range(LAPPED_TAGS):
            writer.write([start_tag(seq, 1500) if seq % 10 == 0 else sealed_tag(seq, 1500)])
        return writer

    return prepare


def write_batch(writer: RingWriter) -> None:
    writer.write([sealed_tag(LAPPED_TAGS + number, 1500) for number in range(BATCH_TAGS)])


def intact(reader: RingReader) -> list[int]:
    """Sequences of all that can be read, each of it checked."""
    entries = readable(reader)
    assert all(reader.valid(entry.pos) for entry in entries)
    assert [entry for entry in entries if not is_intact(entry.seq, read(reader, entry))] == []
    return [entry.seq for entry in entries]


def test_readers_of_a_dead_writer_see_all_of_its_last_batch_or_nothing() -> None:
    arenas: list[Arena] = []
    assert every_death(lapped_ring(arenas), write_batch) == 2 + 2 * BATCH_TAGS + 2
    ends = []
    for arena in arenas:
        reader = RingReader(arena, 0)
        pos, seq = reader.head()
        assert reader.entry(seq - 1).end == pos
        assert intact(reader)[-1] == seq - 1
        ends.append(seq)
    assert ends == [LAPPED_TAGS] * (len(arenas) - 2) + [LAPPED_TAGS + BATCH_TAGS] * 2


def test_the_next_writer_goes_on_at_once_and_what_was_torn_stays_hidden() -> None:
    arenas: list[Arena] = []
    every_death(lapped_ring(arenas), write_batch)
    for arena in arenas:
        reader = RingReader(arena, 0)
        before = intact(reader)
        writer = RingWriter(arena, 0, 2)
        assert (reader.head_pos, reader.head_seq) == reader.head() == (writer.head_pos, writer.head_seq)
        assert intact(reader) == before
        writer.write([sealed_tag(writer.head_seq, 10)])
        assert intact(reader)[-1] == writer.head_seq - 1
        assert reader.entry(writer.head_seq - 1).epoch == 2
        start = reader.newest_start()
        assert start is not None
        assert start.seq == LAPPED_TAGS - 10


def test_death_between_the_two_words_of_head_is_repaired() -> None:
    arena_of: list[Arena] = []
    writer = lapped_ring(arena_of)()
    reader = RingReader(arena_of[0], 0)
    old_pos = reader.head_pos
    make_mortal(writer, 2 + 2 * BATCH_TAGS + 1)
    with pytest.raises(Killed):
        write_batch(writer)
    assert reader.head_pos == old_pos
    assert reader.head() == (old_pos + BATCH_TAGS * 1512, LAPPED_TAGS + BATCH_TAGS)
    RingWriter(arena_of[0], 0, 2)
    assert reader.head_pos == old_pos + BATCH_TAGS * 1512


@pytest.mark.parametrize("act", [RingWriter.rebase, RingWriter.release])
def test_a_rebase_cut_off_anywhere_leaves_old_tags_whole_or_gone(act: Callable[[RingWriter], None]) -> None:
    arenas: list[Arena] = []
    assert every_death(lapped_ring(arenas), act) >= 6
    for arena in arenas:
        reader = RingReader(arena, 0)
        old = intact(reader)
        assert old == [] or old[-1] == LAPPED_TAGS - 1
        reader.newest_start()
        writer = RingWriter(arena, 0, 2)
        writer.write([start_tag(writer.head_seq, 3000)])
        assert intact(reader)[-1:] == [writer.head_seq - 1]
        assert reader.newest_start() == reader.entry(writer.head_seq - 1)


def test_a_claim_after_a_rebase_cut_off_anywhere_shows_nothing_old() -> None:
    arenas: list[Arena] = []
    every_death(lapped_ring(arenas), RingWriter.rebase)
    for arena in arenas:
        rebase(arena, 0)
        reader = RingReader(arena, 0)
        assert reader.oldest() == reader.head()
        assert not reader.valid(LAPPED_TAGS * 1512 - 1)
        with pytest.raises(Lapped):
            reader.entry(LAPPED_TAGS - 1)


def test_memory_given_back_by_a_dead_writer_is_reserved_again() -> None:
    arenas: list[Arena] = []
    every_death(lapped_ring(arenas), RingWriter.release)
    full = arenas[0].resident_bytes
    for arena in arenas:
        RingWriter(arena, 0, 2).write([start_tag(0, 3000)])
        assert arena.resident_bytes == full


def test_a_reader_in_the_middle_of_a_rebase_is_not_stuck(arena: Arena) -> None:
    writer, reader = RingWriter(arena, 0, 1), RingReader(arena, 0)
    writer.write([start_tag(0, 100)])
    make_mortal(writer, 2)
    with pytest.raises(Killed):
        writer.rebase()
    words = arena.map(SMALL.ring_offset(0), PAGE_BYTES, writable=False).cast("Q")
    assert reader.head() == (words[RING_HEAD_POS], 1)
    assert reader.oldest() == reader.head()
    assert not reader.safe(0)
    assert reader.newest_start() is None
