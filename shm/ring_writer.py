"""The writing end of a ring. Theory and proof of the write order: `shm/layout.py`.

A batch is what one pass of the ingest loop brings: it costs two intent stores, one copy and one entry per
tag, and one publication, so that readers see all of it or nothing. The writer never waits for a reader.

It works from its own copies of head and intent, and reads the shared ones only at construction: one word
has one writer. A successor takes up where the shared words say, with the intent never lowered.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from shm.arena import Arena
from shm.errors import LostRing, TagTooLarge
from shm.layout import (
    ENTRY_BYTES,
    MIB,
    PAGE_BYTES,
    RING_BASE_POS,
    RING_BASE_SEQ,
    RING_EPOCH,
    RING_HEAD_POS,
    RING_HEAD_SEQ,
    RING_INTENT_POS,
    RING_INTENT_SEQ,
    RING_RESERVED_BYTES,
    RING_RESERVED_ENTRIES,
)
from shm.ring_claim import rebase, release
from shm.ring_entry import (
    ENTRY,
    EPOCH_MAX,
    EPOCH_SHIFT,
    FLAG_START,
    FLAGS_SHIFT,
    KIND_SHIFT,
    NO_START,
    Entry,
    Tag,
    entry_of,
)

TAG_SHARE: Final = 4  # a tag takes at most a quarter of the ring: Aeron's broadcast buffer allows an eighth
BATCH_SHARE: Final = 8  # an intent reaches at most this share ahead of head, unless one tag alone is larger
# Reserved at a time, in 0.25 ms: a ring of 32 MiB at once would block the loop for 7 ms.
EXTENT_BYTES: Final = 1 * MIB
# glibc copies with non-temporal stores from 3/4 of a core's share of the shared cache on, which is above
# 0.5 MiB wherever we have looked. Those stores could overtake the intent, so larger tags are copied in
# pieces.
COPY_PIECE_BYTES: Final = 128 * 1024
NO_LIMIT: Final = 2**63


class RingWriter:
    """Writes the tags of stream slot `slot` as the holder of `epoch`.

    `check_epoch`, if given, says before every batch which epoch counts (the directory's word). Constructing
    a writer makes it the ring's only one: an older one finds the epoch changed and raises LostRing at its
    next batch.
    """

    def __init__(
        self, arena: Arena, slot: int, epoch: int, *, check_epoch: Callable[[], int] | None = None
    ) -> None:
        if not 0 <= epoch <= EPOCH_MAX:
            raise ValueError(f"an epoch has 32 bits, {epoch} does not fit")
        self.slot = slot
        self.epoch = epoch
        self._arena = arena
        self._check_epoch = check_epoch
        self._pos = self._seq = self._intent_pos = self._intent_seq = 0
        self._start_seq = NO_START
        self._map_areas(arena, slot)
        self._take_over()

    def _map_areas(self, arena: Arena, slot: int) -> None:
        geometry = arena.geometry
        self._ring_bytes = geometry.ring_bytes
        self._index_entries = geometry.index_entries
        self._words = arena.map(geometry.ring_offset(slot), PAGE_BYTES, writable=True).cast("Q")
        self._index = arena.map(geometry.index_offset(slot), geometry.index_bytes, writable=True)
        self._data = arena.map(geometry.data_offset(slot), geometry.ring_bytes, writable=True)
        self._tag_bytes_max = geometry.ring_bytes // TAG_SHARE
        self._batch_bytes_max = geometry.ring_bytes // BATCH_SHARE
        self._batch_tags_max = geometry.index_entries // BATCH_SHARE

    @property
    def head_pos(self) -> int:
        return self._pos

    @property
    def head_seq(self) -> int:
        return self._seq

    @property
    def batch_bytes_max(self) -> int:
        """What is made visible at once at most, unless one tag alone is larger: an eighth of the ring. Who
        may cut his data where he likes cuts it so, and readers keep their guard zone."""
        return self._batch_bytes_max

    @property
    def capacity(self) -> int:
        return self._ring_bytes

    def write(self, tags: Sequence[Tag]) -> None:
        """Append `tags`, visible to readers all at once (an over-large batch: in several steps).

        Raises TagTooLarge with nothing written; ArenaFull or LostRing with the batch in question, and those
        after it, not written.
        """
        sizes = [len(tag.data) for tag in tags]
        if not sizes:
            return
        if max(sizes) > self._tag_bytes_max:
            raise TagTooLarge(f"a tag of {max(sizes)} bytes: this ring takes {self._tag_bytes_max}")
        total = sum(sizes)
        if total <= self._batch_bytes_max and len(sizes) <= self._batch_tags_max:
            self._write_batch(tags, total)
        else:
            for batch, batch_bytes in self._batches(tags, sizes):
                self._write_batch(batch, batch_bytes)

    def rebase(self) -> None:
        """Make all that was written unreadable for good; the next tag begins a new claim. Raises LostRing."""
        self._refuse_lost()
        rebase(self._arena, self.slot)
        self._take_over()

    def release(self) -> None:
        """Rebase, and give the ring's memory back. See `shm/ring_claim.py` for when. Raises LostRing."""
        self._refuse_lost()
        release(self._arena, self.slot)
        self._take_over()

    def _write_batch(self, tags: Sequence[Tag], batch_bytes: int) -> None:
        self._refuse_lost()
        end_pos, end_seq = self._pos + batch_bytes, self._seq + len(tags)
        if end_pos > self._pos_limit or end_seq > self._seq_limit:
            self._reserve(end_pos, end_seq)
        words = self._words
        if end_pos > self._intent_pos:
            words[RING_INTENT_POS] = self._intent_pos = end_pos
        if end_seq > self._intent_seq:
            words[RING_INTENT_SEQ] = self._intent_seq = end_seq
        start_seq = self._store(tags)
        words[RING_HEAD_SEQ] = end_seq
        words[RING_HEAD_POS] = end_pos
        self._pos, self._seq, self._start_seq = end_pos, end_seq, start_seq

    def _store(self, tags: Sequence[Tag]) -> int:
        """Bytes and entries of one batch, from head on; the sequence of the newest start point with it."""
        pos, seq, start_seq = self._pos, self._seq, self._start_seq
        ring_bytes, index_entries, pack = self._ring_bytes, self._index_entries, ENTRY.pack
        data, index, epoch_word = self._data, self._index, self.epoch << EPOCH_SHIFT
        for tag, kind, flags, dts_us, pts_us, generation, ingest_ns in tags:
            length = len(tag)
            at = pos % ring_bytes
            if length <= COPY_PIECE_BYTES and at + length <= ring_bytes:
                data[at : at + length] = tag
            else:
                self._store_in_pieces(at, tag)
            if flags & FLAG_START:
                start_seq = seq
            packed = length | kind << KIND_SHIFT | flags << FLAGS_SHIFT
            row = seq % index_entries * ENTRY_BYTES
            index[row : row + ENTRY_BYTES] = pack(
                seq, pos, packed, dts_us, pts_us, epoch_word | generation, ingest_ns, start_seq
            )
            pos += length
            seq += 1
        return start_seq

    def _store_in_pieces(self, at: int, tag: bytes | bytearray | memoryview) -> None:
        """A tag that wraps around the end of the ring, or that is too large to copy at once."""
        source, data, ring_bytes = memoryview(tag), self._data, self._ring_bytes
        while source:
            length = min(len(source), COPY_PIECE_BYTES, ring_bytes - at)
            data[at : at + length] = source[:length]
            source = source[length:]
            at = (at + length) % ring_bytes

    def _batches(self, tags: Sequence[Tag], sizes: list[int]) -> Iterator[tuple[Sequence[Tag], int]]:
        """`tags` cut into batches within the limits (one large tag may be alone above), and their bytes."""
        first, batch_bytes = 0, 0
        for number, size in enumerate(sizes):
            full = batch_bytes + size > self._batch_bytes_max or number - first == self._batch_tags_max
            if full and number > first:
                yield tags[first:number], batch_bytes
                first, batch_bytes = number, 0
            batch_bytes += size
        yield tags[first:], batch_bytes

    def _refuse_lost(self) -> None:
        if self._words[RING_EPOCH] != self.epoch:
            raise LostRing(f"ring {self.slot}: epoch {self._words[RING_EPOCH]} writes now, not {self.epoch}")
        if self._check_epoch is not None and (current := self._check_epoch()) != self.epoch:
            raise LostRing(f"ring {self.slot}: epoch {current} holds it now, not {self.epoch}")

    def _take_over(self) -> None:
        """Go on from the shared words, and repair what a killed predecessor left between two stores."""
        words = self._words
        words[RING_EPOCH] = self.epoch
        self._find_head()
        if self._was_killed_in_rebase():
            rebase(self._arena, self.slot)
            self._find_head()
        self._intent_pos = max(words[RING_INTENT_POS], self._pos)
        self._intent_seq = max(words[RING_INTENT_SEQ], self._seq)
        words[RING_HEAD_SEQ] = self._seq
        words[RING_HEAD_POS] = self._pos
        self._find_limits()

    def _was_killed_in_rebase(self) -> bool:
        """Only a rebase takes an intent a lap ahead of head: tags written there would be unreadable."""
        return (
            self._words[RING_INTENT_POS] - self._pos >= self._ring_bytes
            or self._words[RING_INTENT_SEQ] - self._seq >= self._index_entries
        )

    def _find_head(self) -> None:
        """Head as head_seq and the entry below it have it: head_pos is stored after both."""
        words = self._words
        self._pos, self._seq, self._start_seq = words[RING_BASE_POS], words[RING_BASE_SEQ], NO_START
        if words[RING_HEAD_SEQ] > self._seq:
            newest = self._entry_below(words[RING_HEAD_SEQ])
            self._pos, self._seq, self._start_seq = newest.end, newest.seq + 1, newest.start_seq

    def _entry_below(self, seq: int) -> Entry:
        row = (seq - 1) % self._index_entries * ENTRY_BYTES
        return entry_of(ENTRY.unpack_from(self._index, row))

    def _reserve(self, end_pos: int, end_seq: int) -> None:
        """Memory for the first lap of this claim up to these ends, in whole extents. Raises ArenaFull.

        A claim's base is the start of both areas, so that the first lap needs a prefix of each.
        """
        words, geometry = self._words, self._arena.geometry
        lap_bytes = min(end_pos - words[RING_BASE_POS], self._ring_bytes)
        data, index = geometry.data_offset(self.slot), geometry.index_offset(self.slot)
        self._reserve_area(RING_RESERVED_BYTES, lap_bytes, data, self._ring_bytes, 1)
        lap_tags = min(end_seq - words[RING_BASE_SEQ], self._index_entries)
        self._reserve_area(RING_RESERVED_ENTRIES, lap_tags, index, self._index_entries, ENTRY_BYTES)
        self._find_limits()

    def _reserve_area(self, word: int, wanted: int, offset: int, size: int, unit_bytes: int) -> None:
        extent = EXTENT_BYTES // unit_bytes
        reserved = self._words[word]
        while reserved < wanted:
            count = min(extent, size - reserved)
            self._arena.reserve(offset + reserved * unit_bytes, count * unit_bytes)
            reserved += count
            self._words[word] = reserved

    def _find_limits(self) -> None:
        """How far head may go before more memory must be reserved."""
        words = self._words
        reserved_bytes, reserved_entries = words[RING_RESERVED_BYTES], words[RING_RESERVED_ENTRIES]
        bytes_left = reserved_bytes < self._ring_bytes
        entries_left = reserved_entries < self._index_entries
        self._pos_limit = words[RING_BASE_POS] + reserved_bytes if bytes_left else NO_LIMIT
        self._seq_limit = words[RING_BASE_SEQ] + reserved_entries if entries_left else NO_LIMIT
