"""Circuit breakers on the board: what each worker has learnt about the services outside.

They lie behind a worker's page, entries of two cache lines:

    word  0 name_length    0: nobody has the entry
          1 state          BreakerState of engine/policy: 0 closed, 1 half-open, 2 open
          2 failures       in a row
          3 retry_at_ns    monotonic: when an open one lets a trial through
          4 since_ns       monotonic: the last transition; 0 until there was one
          5 trips          times it opened, over all processes of the slot
          6 rejections     calls refused because of it, likewise
          7 owner          which of the slot's processes has it: its generation and one
          8 name           64 bytes, ASCII

The worker alone writes; the API and the metrics read, and so does the process that takes the slot after it.
Unlike the rest of the cell this stays when a worker is buried: it is the successor's start, and counts go on.
What the dead one knew is told until the time it was to ask again: nobody can say more by then, unless the
successor has claimed the entry. Whoever has done with a service gives its entry back.

Write order, and why it suffices
--------------------------------
*An entry's name* is written before its length, and an entry given back has its length taken first. Whoever
sees a length sees the whole name (stores in order: see shm/layout.py). A worker that dies between the two
leaves an entry without length, which is free. Who reads while an entry passes from one service to another may
take the words of one for the other's, once.

*A transition* stores retry_at_ns and since_ns first and the state last. Whoever reads the state first and the
others after it has, for an open breaker, the times of that opening or of a later one, never of an earlier. A
later one is true as well: it says how things stand now. A worker that dies in between leaves the old state
with a new time; a closed breaker has no use for the time, and a half-open one neither: the successor's first
call is then the trial, or the failures that are stored before all else trip it at the next one.

No seqlock, therefore: each word is right by itself, like all others on the board, and two reads of one line
are as close to the same moment as anybody needs who looks at a screen.
"""

from typing import Final

from shm.board import Cell, Word, WorkerCell
from shm.layout import BREAKER_WORDS, BREAKERS_MAX, LINE_WORDS, WORD_BYTES

OPEN: Final = 2
NAME_WORD: Final = LINE_WORDS
NAME_BYTES_MAX: Final = LINE_WORDS * WORD_BYTES


class BreakerEntry(Cell):
    """One breaker of one worker."""

    __slots__ = ()

    name_length = Word(0)
    state = Word(1)
    failures = Word(2)
    retry_at_ns = Word(3)
    since_ns = Word(4)
    trips = Word(5)
    rejections = Word(6)
    owner = Word(7)

    @property
    def name(self) -> str:
        """The service; empty while nobody has the entry."""
        length = min(self.name_length, NAME_BYTES_MAX)
        return self.words[NAME_WORD:].tobytes()[:length].decode("ascii", "replace")

    def move(self, state: int, retry_in_ns: int, now_ns: int) -> None:
        """Store a transition; now_ns is monotonic."""
        if state == OPEN:
            self.trips += 1
        self.retry_at_ns = now_ns + retry_in_ns
        self.since_ns = now_ns
        self.state = state

    def name_it(self, name: bytes) -> None:
        self.words[NAME_WORD:] = memoryview(name.ljust(NAME_BYTES_MAX, b"\0")).cast("Q")
        self.name_length = len(name)

    def give_back(self) -> None:
        """Nobody calls this service any more: the entry is free, and what it said is gone."""
        self.name_length = 0
        self.words[:NAME_WORD] = _NO_WORDS


_NO_WORDS: Final = memoryview(bytes(NAME_WORD * WORD_BYTES)).cast("Q")


class BreakerTable:
    """All breakers of one worker."""

    def __init__(self, cell: WorkerCell) -> None:
        self._cell = cell
        words = cell.breakers
        self._lengths = words[::BREAKER_WORDS]
        self._entries = [
            BreakerEntry(words[first : first + BREAKER_WORDS])
            for first in range(0, BREAKERS_MAX * BREAKER_WORDS, BREAKER_WORDS)
        ]

    def entries(self) -> list[BreakerEntry]:
        """Those that somebody has, in the order they were claimed."""
        # All lengths at once: few of the entries are taken, and each word by itself costs 0.1 us.
        return [entry for entry, length in zip(self._entries, self._lengths, strict=True) if length]

    def told(self, now_ns: int) -> list[BreakerEntry]:
        """Those that still hold: the present process's, and of a dead one's the open ones that wait."""
        owner = self._owner
        return [
            entry
            for entry in self.entries()
            if entry.owner == owner or (entry.state == OPEN and now_ns < entry.retry_at_ns)
        ]

    def claim(self, name: str) -> BreakerEntry | None:
        """The entry of that name, as its last owner left it, or a free one; None where all are taken.

        Where none is free one goes that a dead process left and nobody has claimed since. Only the worker
        itself may claim. Raises ValueError for a name that does not fit.
        """
        data = _checked(name)
        entry = next((entry for entry in self.entries() if entry.name == name), None) or self._free(data)
        if entry is not None:
            entry.owner = self._owner
        return entry

    @property
    def _owner(self) -> int:
        return self._cell.generation + 1

    def _free(self, name: bytes) -> BreakerEntry | None:
        free = next((entry for entry in self._entries if not entry.name_length), None)
        if free is None:
            free = next((entry for entry in self._entries if entry.owner != self._owner), None)
        if free is not None:
            free.give_back()  # whoever had it may have died before all of it was gone
            free.name_it(name)
        return free


def _checked(name: str) -> bytes:
    if not name.isascii() or not 1 <= len(name) <= NAME_BYTES_MAX:
        raise ValueError(f"a breaker's name has 1 to {NAME_BYTES_MAX} ASCII characters: {name!r}")
    return name.encode()
