"""The reading end of a ring: cheap looks that never stop the writer, each checked against its intent.

How to send from it: take `head_pos` as the end, ask `safe(start)`, send `views(start, end)`, and ask
`valid(start)` afterwards. If that fails the writer came round in between, and what was sent is wrong.
Positions may be any byte; `entry`, `seq_at` and the start points say where tags are. Being lapped is
ordinary: catch Lapped, go on at a later start point.
"""

from typing import Final

from shm.arena import Arena
from shm.errors import Lapped
from shm.layout import (
    ENTRY_BYTES,
    ENTRY_WORDS,
    PAGE_BYTES,
    RING_BASE_POS,
    RING_BASE_SEQ,
    RING_EPOCH,
    RING_HEAD_POS,
    RING_HEAD_SEQ,
    RING_INTENT_POS,
    RING_INTENT_SEQ,
)
from shm.ring_entry import ENTRY, NO_START, Entry, entry_of

# Kept free before the writer's intent when a range is checked *before* use. A batch moves the intent by an
# eighth of the ring at most (unless one tag alone is larger), so a send begun inside the guard survives one
# more batch.
GUARD_SHARE: Final = 8
ATTEMPTS: Final = 16  # a look is repeated only if a whole lap, or a rebase, happened within it


class RingReader:
    """Reads stream slot `slot`. Holds no claim, writes nothing, and may be made and dropped at any time."""

    def __init__(self, arena: Arena, slot: int) -> None:
        geometry = arena.geometry
        self.slot = slot
        self.capacity = geometry.ring_bytes
        self._index_entries = geometry.index_entries
        self._safe_reach = geometry.ring_bytes - geometry.ring_bytes // GUARD_SHARE
        self._words = arena.map(geometry.ring_offset(slot), PAGE_BYTES, writable=False).cast("Q")
        self._index = arena.map(geometry.index_offset(slot), geometry.index_bytes, writable=False)
        self._index_words = self._index.cast("Q")
        self._data = arena.map(geometry.data_offset(slot), geometry.ring_bytes, writable=False)

    @property
    def head_pos(self) -> int:
        """End of the readable bytes: always a tag boundary. The cheapest look there is."""
        return self._words[RING_HEAD_POS]

    @property
    def head_seq(self) -> int:
        """End of the readable entries; may be newer than a `head_pos` read before. `head()` pairs them."""
        return self._words[RING_HEAD_SEQ]

    @property
    def epoch(self) -> int:
        """Epoch of the newest writer."""
        return self._words[RING_EPOCH]

    @property
    def use(self) -> float:
        """How full it is, 0 to 1: of bytes or of index entries, whichever is nearer to its end.

        Looks at the counters alone. `oldest` would be exact to the byte, but searches the index: who looks at
        every ring now and then would come to have all indexes in its memory, 8 MB for fifty streams.
        """
        words = self._words
        of_bytes = (words[RING_HEAD_POS] - words[RING_BASE_POS]) / self.capacity
        of_entries = (words[RING_HEAD_SEQ] - words[RING_BASE_SEQ]) / self._index_entries
        return min(1.0, max(0.0, of_bytes, of_entries))

    @property
    def oldest_pos(self) -> int:
        return self.oldest()[0]

    @property
    def oldest_seq(self) -> int:
        return self.oldest()[1]

    def safe(self, pos: int) -> bool:
        """Whether bytes from `pos` on stay good for a while: the guard zone is not reached either."""
        return pos >= self._words[RING_INTENT_POS] - self._safe_reach

    def valid(self, pos: int) -> bool:
        """Whether no byte from `pos` on has been overwritten, nor is being overwritten, up to this moment."""
        return pos >= self._words[RING_INTENT_POS] - self.capacity

    def views(self, a: int, b: int) -> tuple[memoryview, ...]:
        """Bytes `[a, b)`, not copied: one read-only view, or two where the ring wraps. Raises Lapped past a
        lap.

        Does not look at the counters: that is for `safe` before and `valid` after.
        """
        capacity = self.capacity
        at = a % capacity
        end = at + b - a
        if end <= capacity:
            return (self._data[at:end],)
        if end - capacity > at:
            raise Lapped(f"{b - a} bytes are more than the ring has")
        return (self._data[at:], self._data[: end - capacity])

    def entry(self, seq: int) -> Entry:
        """The index entry of tag `seq`. Raises Lapped if it is gone, IndexError if it is not there yet."""
        if seq >= self._words[RING_HEAD_SEQ]:
            raise IndexError(f"tag {seq} has not been written: head is {self._words[RING_HEAD_SEQ]}")
        self._refuse_lapped(seq)
        words = ENTRY.unpack_from(self._index, seq % self._index_entries * ENTRY_BYTES)
        self._refuse_lapped(seq)
        if words[0] != seq:
            raise Lapped(f"tag {seq} is from before this claim")
        return entry_of(words)

    def entries(self, a: int, b: int) -> list[Entry]:
        """The index entries `[a, b)`; raises as `entry` does, for the whole range."""
        if a >= b:
            return []
        if b > self._words[RING_HEAD_SEQ]:
            raise IndexError(f"tag {b - 1} has not been written: head is {self._words[RING_HEAD_SEQ]}")
        self._refuse_lapped(a)
        copied = self._copy_index(a, b)
        self._refuse_lapped(a)
        found = [entry_of(words) for words in ENTRY.iter_unpack(copied)]
        if found[0].seq != a or found[-1].seq != b - 1:
            raise Lapped(f"tag {a} is from before this claim")
        return found

    def head(self) -> tuple[int, int]:
        """(head_pos, head_seq) that belong together.

        Taken from head_seq and the entry below it, since the two words are two stores. May be one
        publication ahead of `head_pos`: all it covers is written.
        """
        words = self._words
        for _ in range(ATTEMPTS):
            seq, base_seq = words[RING_HEAD_SEQ], words[RING_BASE_SEQ]
            if seq <= base_seq:
                return words[RING_BASE_POS], base_seq
            try:
                return self.entry(seq - 1).end, seq
            except Lapped:  # a rebase is under way
                continue
        # It died there: nothing below these is valid anyway.
        return words[RING_HEAD_POS], words[RING_HEAD_SEQ]

    def oldest(self) -> tuple[int, int]:
        """(pos, seq) of this claim's oldest tag with entry and bytes all there; head if there is none."""
        for _ in range(ATTEMPTS):
            head_pos, head_seq = self.head()
            byte_tail = max(self._words[RING_INTENT_POS] - self.capacity, self._words[RING_BASE_POS])
            seq = self._first_from(byte_tail, self._entry_tail(), head_seq)
            if seq >= head_seq:
                return head_pos, head_seq
            try:
                return self.entry(seq).pos, seq
            except Lapped:  # the tail moved on meanwhile
                continue
        return self.head()

    def seq_at(self, pos: int) -> int:
        """The tag that holds byte `pos`; head_seq for head_pos. Raises Lapped, or IndexError past head."""
        head_pos, head_seq = self.head()
        if pos == head_pos:
            return head_seq
        if pos > head_pos:
            raise IndexError(f"byte {pos} has not been written: head is {head_pos}")
        seq = self._first_from(pos + 1, self._entry_tail(), head_seq) - 1
        entry = self.entry(seq)
        if not entry.pos <= pos < entry.end or not self.valid(pos):
            raise Lapped(f"byte {pos} is gone")
        return seq

    def newest_start(self) -> Entry | None:
        """The newest point where a player may start, if one is still there."""
        _, head_seq = self.head()
        return self._start_below(head_seq)

    def previous_start(self, entry: Entry) -> Entry | None:
        """The newest start point before `entry`, if one is still there."""
        return self._start_below(entry.seq)

    def _start_below(self, seq: int) -> Entry | None:
        if seq <= self._words[RING_BASE_SEQ]:
            return None
        try:
            start_seq = self.entry(seq - 1).start_seq
            start = None if start_seq == NO_START else self.entry(start_seq)
        except Lapped:
            return None
        return start if start is not None and self.valid(start.pos) else None

    def _entry_tail(self) -> int:
        """First sequence whose entry is not overwritten; its bytes may be."""
        return max(self._words[RING_INTENT_SEQ] - self._index_entries, self._words[RING_BASE_SEQ])

    def _first_from(self, pos: int, low: int, high: int) -> int:
        """The first sequence in [low, high) whose tag begins at `pos` or behind it; `high` if none does.

        Bisection without checks: the caller checks what it finds.
        """
        words, index_entries = self._index_words, self._index_entries
        while low < high:
            middle = (low + high) // 2
            if words[middle % index_entries * ENTRY_WORDS + 1] < pos:
                low = middle + 1
            else:
                high = middle
        return low

    def _copy_index(self, a: int, b: int) -> bytes:
        """The rows of entries `[a, b)`, none of them lapped, so that they are not more than there are."""
        first, last = a % self._index_entries * ENTRY_BYTES, (b - 1) % self._index_entries * ENTRY_BYTES
        if first <= last:
            return bytes(self._index[first : last + ENTRY_BYTES])
        return bytes(self._index[first:]) + bytes(self._index[: last + ENTRY_BYTES])

    def _refuse_lapped(self, seq: int) -> None:
        if seq < self._words[RING_INTENT_SEQ] - self._index_entries:
            raise Lapped(f"tag {seq} is being overwritten or has been")
