"""The reading end of the directory: for every process, never waiting for an owner.

A read is repeated while the owner is writing: a few times at once, then with the processor yielded in
between, since an owner in the middle of its two microseconds may have been put off this very core. After
that it is taken for dead, and the slot reads as this reader last saw it (free, if it never did): the state
before the write that was not finished. The owner's successor repairs the slot.
"""

import os
from typing import Final

from shm.arena import Arena
from shm.directory_record import StreamRecord, StreamState, free_record, record_of
from shm.layout import (
    HEADERS_GENERATION,
    HEADERS_LENGTH,
    HEADERS_LOCK,
    HEADERS_MAX,
    LINE_WORDS,
    PAGE_BYTES,
    PAGE_WORDS,
    RECORD_BYTES,
    RECORD_LOCK,
    RECORD_STATE,
)

SPINS: Final = 16
YIELDS: Final = 16  # both together stay below 0.1 ms

Headers = tuple[int, bytes]


class Directory:
    """Which streams there are, and where. Costs: `version` 0.1 us, `find` and `get` about 2 us."""

    def __init__(self, arena: Arena) -> None:
        geometry = arena.geometry
        self._arena = arena
        self._streams = geometry.streams
        self._bytes = arena.map(geometry.records_offset, geometry.records_bytes, writable=False)
        self._words = self._bytes.cast("Q")
        self._states = self._words[RECORD_STATE::PAGE_WORDS]
        changes = arena.map(geometry.changes_offset, geometry.changes_bytes, writable=False).cast("Q")
        self._changes = changes[: geometry.workers * LINE_WORDS : LINE_WORDS]
        self._last_seen: dict[int, StreamRecord] = {}
        self._last_headers: dict[int, Headers] = {}
        self._slots_by_name: dict[str, int] = {}
        self._slots_version = -1

    @property
    def version(self) -> int:
        """Grows with every change but statistics. Read it before looking, not after."""
        return sum(self._changes.tolist())

    def find(self, name: str) -> StreamRecord | None:
        """The stream of that name, if it has a slot (LIVE or GRACE, else ENDED)."""
        if (version := self.version) != self._slots_version:
            ended_first = sorted(self.all(), key=lambda record: record.state is not StreamState.ENDED)
            self._slots_by_name = {record.name: record.slot for record in ended_first}
            self._slots_version = version
        slot = self._slots_by_name.get(name)
        if slot is None:
            return None
        record = self.get(slot)
        return record if record.name == name and record.state is not StreamState.FREE else None

    def get(self, slot: int) -> StreamRecord:
        """The slot's record, whatever its state. Raises IndexError for no such slot."""
        lock = self._arena.geometry.stream_slot(slot) * PAGE_WORDS + RECORD_LOCK
        at = slot * PAGE_BYTES
        for attempt in range(SPINS + YIELDS):
            before = self._words[lock]
            data = bytes(self._bytes[at : at + RECORD_BYTES])
            if before == self._words[lock] and not before & 1:
                record = self._last_seen[slot] = record_of(slot, data)
                return record
            yield_after_spins(attempt)
        return self._last_seen.get(slot) or free_record(slot)

    def all(self) -> list[StreamRecord]:
        """Every record that is not free, by slot."""
        taken = (slot for slot, state in enumerate(self._states.tolist()) if state != StreamState.FREE)
        return [record for slot in taken if (record := self.get(slot)).state is not StreamState.FREE]

    def headers(self, slot: int) -> Headers:
        """(generation, codec headers as FLV tags); (0, b"") as long as there are none."""
        lock = self._arena.geometry.stream_slot(slot) * PAGE_WORDS + HEADERS_LOCK
        for attempt in range(SPINS + YIELDS):
            before = self._words[lock]
            found = self._copy_headers(slot)
            if before == self._words[lock] and not before & 1:
                self._last_headers[slot] = found
                return found
            yield_after_spins(attempt)
        return self._last_headers.get(slot, (0, b""))

    def live_count(self) -> int:
        """How many slots are LIVE."""
        return self._states.tolist().count(StreamState.LIVE)

    def _copy_headers(self, slot: int) -> Headers:
        at = slot * PAGE_WORDS
        length = min(self._words[at + HEADERS_LENGTH], HEADERS_MAX)
        view = self._arena.map(self._arena.geometry.stream_headers_offset(slot), length, writable=False)
        return self._words[at + HEADERS_GENERATION], bytes(view)


def yield_after_spins(attempt: int) -> None:
    if attempt >= SPINS:
        os.sched_yield()
