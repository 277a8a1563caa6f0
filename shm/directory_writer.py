"""The owner's end of the directory.

Ingest k of n owns the slots [k * per, (k + 1) * per) and is the only writer of their records, headers and
its change counter. Two seqlocks guard a slot: one the record, one the codec headers (they are larger, and
change at other times, so that statistics once a second never make a reader of headers try again). A seqlock
is a counter: odd while its owner writes. Readers copy, and believe the copy if the counter was even and the
same before and after.

An owner killed inside leaves its lock odd. Its successor makes it even again at construction, after which
the slot says something sensible whatever the moment was, because within the lock the stores are ordered for
that:

- `claim` stores the state last, so that a claim cut off leaves the slot free; `free` stores it first.
- `set_headers` stores the length 0 first and the true one last, so that half a blob is no blob.
- everything else is single words, each of them right before and after.

The change counter is raised after each change but statistics, by the successor too.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shm.arena import Arena
from shm.directory_link import LINK_START, LINK_WORDS, LinkStats, packed_link
from shm.directory_record import STATS_WORDS, StreamRecord, StreamState, StreamStats, encoded_name, record_of
from shm.errors import DirectoryFull
from shm.layout import (
    HEADERS_GENERATION,
    HEADERS_LENGTH,
    HEADERS_LOCK,
    HEADERS_MAX,
    LINE_WORDS,
    PAGE_BYTES,
    PAGE_WORDS,
    RECORD_BYTES,
    RECORD_EPOCH,
    RECORD_GENERATION,
    RECORD_INGEST,
    RECORD_LEASE,
    RECORD_LOCK,
    RECORD_NAME,
    RECORD_NAME_LENGTH,
    RECORD_STARTED_NS,
    RECORD_STATE,
    RECORD_STATE_SINCE_NS,
    RECORD_STATS,
    WORD_BYTES,
    Geometry,
)
from shm.ring_claim import rebase


class DirectoryWriter:
    """Writes the slots that ingest `ingest_index` of `ingest_count` owns, and repairs them first."""

    def __init__(self, arena: Arena, ingest_index: int, ingest_count: int) -> None:
        geometry = arena.geometry
        self.ingest = ingest_index
        self.slots = owned_slots(geometry, ingest_index, ingest_count)
        self._arena = arena
        self._bytes = arena.map(geometry.records_offset, geometry.records_bytes, writable=True)
        self._words = self._bytes.cast("Q")
        self._changes = arena.map(geometry.changes_offset, geometry.changes_bytes, writable=True).cast("Q")
        self._repair()

    def claim(self, name: str) -> int:
        """Take a free slot for `name`, LIVE at once, with nothing of the slot's last stream readable.

        A stream of that name that has ended, and whose players still drain, keeps its own slot until then.
        Lease and epoch are one more than the slot's last ones; headers and statistics are empty. Raises
        DirectoryFull, or ValueError for a name that has a slot already.
        """
        data = encoded_name(name)
        if any(record.name == name and record.state is not StreamState.ENDED for record in self.owned()):
            raise ValueError(f"{name} has a slot already")
        slot = self._free_slot()
        rebase(self._arena, slot)
        self._forget_headers(slot)
        self._write_claim(slot, data)
        return slot

    def set_state(self, slot: int, state: StreamState) -> None:
        with self._writing(slot) as at:
            self._words[at + RECORD_STATE_SINCE_NS] = time.monotonic_ns()
            self._words[at + RECORD_STATE] = state

    def set_epoch(self, slot: int, epoch: int) -> None:
        """Say who writes the ring from now on."""
        with self._writing(slot) as at:
            self._words[at + RECORD_EPOCH] = epoch

    def epoch(self, slot: int) -> int:
        """The epoch that counts: cheap enough for `RingWriter(check_epoch=...)`."""
        return self._words[self._at(slot) + RECORD_EPOCH]

    def set_headers(self, slot: int, generation: int, blob: bytes) -> None:
        """Store the codec headers that players who join need. Raises ValueError if too long, ArenaFull."""
        if len(blob) > HEADERS_MAX:
            raise ValueError(f"{len(blob)} bytes of codec headers, {HEADERS_MAX} fit")
        at, offset = self._at(slot), self._arena.geometry.stream_headers_offset(slot)
        if blob:
            self._arena.reserve(offset, len(blob))
        with self._locked(at + HEADERS_LOCK):
            self._words[at + HEADERS_LENGTH] = 0
            self._arena.map(offset, len(blob), writable=True)[:] = blob
            self._words[at + HEADERS_GENERATION] = generation
            self._words[at + HEADERS_LENGTH] = len(blob)
        with self._writing(slot):
            self._words[at + RECORD_GENERATION] = generation

    def set_stats(self, slot: int, stats: StreamStats) -> None:
        """Store what was measured. No change in the sense of `Directory.version`."""
        at = self._at(slot)
        first = (at + RECORD_STATS) * WORD_BYTES
        with self._locked(at + RECORD_LOCK):
            self._bytes[first : first + STATS_WORDS.size] = STATS_WORDS.pack(*stats)

    def set_link(self, slot: int, link: LinkStats | None) -> None:
        """Store what an SRT publisher's connection measured; None once the publisher is another one's."""
        at = self._at(slot)
        first = at * WORD_BYTES + LINK_START
        with self._locked(at + RECORD_LOCK):
            self._bytes[first : first + LINK_WORDS.size] = packed_link(link)

    def free(self, slot: int) -> None:
        """The slot may be claimed again. The ring's memory is given back apart (`RingWriter.release`)."""
        with self._writing(slot) as at:
            self._words[at + RECORD_STATE] = StreamState.FREE
            self._words[at + RECORD_STATE_SINCE_NS] = time.monotonic_ns()
        self._forget_headers(slot)

    def owned(self) -> list[StreamRecord]:
        """The records of this ingest's slots that are not free."""
        records = (self._record(slot) for slot in self.slots)
        return [record for record in records if record.state is not StreamState.FREE]

    def _write_claim(self, slot: int, name: bytes) -> None:
        words = self._words
        with self._writing(slot) as at:
            first = (at + RECORD_NAME) * WORD_BYTES
            self._bytes[first : first + len(name)] = name
            words[at + RECORD_NAME_LENGTH] = len(name)
            words[at + RECORD_LEASE] += 1
            words[at + RECORD_EPOCH] += 1
            words[at + RECORD_GENERATION] = 0
            words[at + RECORD_INGEST] = self.ingest
            words[at + RECORD_STARTED_NS] = time.time_ns()
            words[at + RECORD_STATE_SINCE_NS] = time.monotonic_ns()
            first = (at + RECORD_STATS) * WORD_BYTES
            self._bytes[first : first + STATS_WORDS.size] = bytes(STATS_WORDS.size)
            first = at * WORD_BYTES + LINK_START
            self._bytes[first : first + LINK_WORDS.size] = packed_link(None)
            words[at + RECORD_STATE] = StreamState.LIVE

    def _forget_headers(self, slot: int) -> None:
        at = self._at(slot)
        if self._words[at + HEADERS_LENGTH] == 0 and self._words[at + HEADERS_GENERATION] == 0:
            return
        with self._locked(at + HEADERS_LOCK):
            self._words[at + HEADERS_LENGTH] = 0
            self._words[at + HEADERS_GENERATION] = 0
        self._arena.release(self._arena.geometry.stream_headers_offset(slot), HEADERS_MAX)

    def _free_slot(self) -> int:
        for slot in self.slots:
            if self._words[self._at(slot) + RECORD_STATE] == StreamState.FREE:
                return slot
        raise DirectoryFull(f"all {len(self.slots)} stream slots of ingest {self.ingest} are taken")

    def _repair(self) -> None:
        """Undo what a predecessor was killed within, and have every reader look again."""
        for slot in self.slots:
            for lock in (self._at(slot) + RECORD_LOCK, self._at(slot) + HEADERS_LOCK):
                self._words[lock] += self._words[lock] & 1
        self._changed()

    def _record(self, slot: int) -> StreamRecord:
        at = self._at(slot) * WORD_BYTES
        return record_of(slot, bytes(self._bytes[at : at + RECORD_BYTES]))

    @contextmanager
    def _writing(self, slot: int) -> Iterator[int]:
        """The record's lock held; its first word's number. Counted as a change."""
        at = self._at(slot)
        with self._locked(at + RECORD_LOCK):
            yield at
        self._changed()

    @contextmanager
    def _locked(self, lock: int) -> Iterator[None]:
        self._words[lock] += 1
        try:
            yield
        finally:
            self._words[lock] += 1

    def _changed(self) -> None:
        self._changes[self.ingest * LINE_WORDS] += 1

    def _at(self, slot: int) -> int:
        """First word of a slot's record. Raises IndexError for a slot that is not this ingest's."""
        if slot not in self.slots:
            raise IndexError(f"stream slot {slot} is not one of ingest {self.ingest}: {self.slots}")
        return slot * PAGE_WORDS


def owned_slots(geometry: Geometry, ingest_index: int, ingest_count: int) -> range:
    """The stream slots of ingest `ingest_index` of `ingest_count`. Raises ValueError if there is no such."""
    if not 0 <= ingest_index < ingest_count <= min(geometry.streams, geometry.workers):
        raise ValueError(f"no ingest {ingest_index} of {ingest_count} in {geometry}")
    per = geometry.streams // ingest_count
    return range(ingest_index * per, (ingest_index + 1) * per)


assert PAGE_WORDS * WORD_BYTES == PAGE_BYTES
