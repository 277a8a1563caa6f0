"""A sender that is killed at any point of any write: what it had confirmed, the next one has.

The folder is copied while files are written, in the middle of records and between any two steps, and each
copy is read as the next process would. While something is written the book changes already, each time and
not by chance.
"""

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
import trio

from engine.hooks.book import Book
from engine.hooks.records import AnyRecord, Closed, Done, Opened
from tests.engine.hooks.records import queued, session
from tests.workers.control.hooks.office import Counts, at_once
from workers.control.hooks import spool as spools
from workers.control.hooks.segment_file import SegmentFile, numbers_in, path_of
from workers.control.hooks.spool import Spool

STREAMS = ("live/a", "live/b", "live/c")
STEPS = 400
LIMIT_BYTES = 24_000
LEAST_SEGMENT_BYTES = 1500
CUTS = 4
"""Points in one write."""


class Promises(NamedTuple):
    """What the spool has been given, and what of it was confirmed by then."""

    begun: frozenset[str]
    open: frozenset[str]
    waiting: frozenset[int]
    owed: dict[str, int]
    """Sessions whose end is given but not confirmed, with the numbers of those events."""
    sequences: dict[str, int]


class Clerk:
    """Changes the book as the sender does."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.begun = 0
        self.chance = random.Random(7)
        self.open: set[str] = set()
        self.waiting: set[int] = set()
        self.owed: dict[str, int] = {}
        self.sequences: dict[str, int] = {}

    def step(self) -> tuple[list[AnyRecord], Callable[[], None]]:
        """Change it, and give the records; the other one is for when they have been confirmed."""
        done = self.chance.choice((self._begin, self._begin, self._end, self._finish))
        return done()

    def _begin(self) -> tuple[list[AnyRecord], Callable[[], None]]:
        self.begun += 1
        one = session(f"s{self.begun}", stream=STREAMS[self.begun % 3], told=True)
        self.book.ledger.begin(one)
        sequence = self.book.next_sequence(one.stream)

        def confirmed() -> None:
            if one.id in self.book.ledger.open:
                self.open.add(one.id)
            self.sequences[one.stream] = max(sequence, self.sequences.get(one.stream, 0))

        return [Opened(one, sequence)], confirmed

    def _end(self) -> tuple[list[AnyRecord], Callable[[], None]]:
        if not self.open:
            return self._begin()
        session_id = self.chance.choice(sorted(self.open))
        stream = self.book.ledger.open[session_id].stream
        self.book.ledger.end(session_id)
        self.book.next_sequence(stream)
        event = queued(self.book.next_number, stream, size=100)
        self.book.next_number += 1
        self.book.pending[event.number] = event
        self.open.discard(session_id)
        self.owed[session_id] = event.number

        def confirmed() -> None:
            del self.owed[session_id]
            self.waiting.add(event.number)

        return [Closed(session_id), event], confirmed

    def _finish(self) -> tuple[list[AnyRecord], Callable[[], None]]:
        if len(self.waiting) < 20:
            return self._end()
        number = self.chance.choice(sorted(self.waiting)[1:])  # nobody takes the first one
        del self.book.pending[number]
        self.waiting.discard(number)
        return [Done([number])], lambda: None

    def promises(self) -> Promises:
        return Promises(
            frozenset(f"s{number}" for number in range(1, self.begun + 1)),
            frozenset(self.open),
            frozenset(self.waiting),
            dict(self.owed),
            dict(self.sequences),
        )


class Witness:
    """Copies the folder at each point, with what was promised by then."""

    def __init__(self, folder: Path, clerk: Callable[[], Clerk]) -> None:
        self.copies: list[tuple[dict[int, bytes], Promises]] = []
        self._folder = folder
        self._clerk = clerk

    def look(self) -> None:
        files = {number: path_of(self._folder, number).read_bytes() for number in numbers_in(self._folder)}
        self.copies.append((files, self._clerk().promises()))

    def in_pieces(self, append: Callable[[SegmentFile, bytes], None]) -> Callable[[SegmentFile, bytes], None]:
        def torn(file: SegmentFile, data: bytes) -> None:
            size = len(data) // CUTS + 1
            for at in range(0, len(data), size):
                append(file, data[at : at + size])
                self.look()

        return torn

    def after(self, unlink: Callable[[Path], None]) -> Callable[[Path], None]:
        def gone(path: Path) -> None:
            unlink(path)
            self.look()

        return gone


async def write_through_many_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Witness:
    """One life, of which each step is confirmed but for those that come while another is written."""
    monkeypatch.setattr(spools, "LEAST_SEGMENT_BYTES", LEAST_SEGMENT_BYTES)
    monkeypatch.setattr("engine.hooks.book.SNAPSHOT_ENTRIES", 4)
    witness = Witness(folder, lambda: clerk)
    late: list[Callable[[], None]] = []

    async def meanwhile(work: Callable[[], None]) -> None:
        if len(late) < 3:
            records, confirmed = clerk.step()
            spool.note(records)
            late.append(confirmed)
        await at_once(work)

    spool = spool_in(folder, meanwhile)
    clerk = Clerk(spool.book)
    monkeypatch.setattr(SegmentFile, "append", witness.in_pieces(SegmentFile.append))
    monkeypatch.setattr(Path, "unlink", witness.after(Path.unlink))
    await spool.open()
    for _ in range(STEPS):
        records, confirmed = clerk.step()
        confirmations = [*late, confirmed]
        late.clear()
        await spool.append(records)
        for one in confirmations:
            one()
        witness.look()
    monkeypatch.undo()
    spool.close_now()
    assert len(spool.segments) < spool.segments.newest.number, "no file has gone"
    return witness


def spool_in(folder: Path, aside: spools.Aside = at_once) -> Spool:
    log = cast("Any", SimpleNamespace(warning=lambda *_args, **_more: None, error=fail))
    errors = Counts().bind("errors")
    return Spool(folder, LIMIT_BYTES, lambda numbers: fail(str(numbers)), log, cast("Any", errors), aside)


def fail(what: str, **more: object) -> None:
    raise AssertionError(what, more)


async def test_what_was_confirmed_is_there_wherever_the_sender_was_killed(
    tmp_path: Path, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = await write_through_many_files(tmp_path / "spool", monkeypatch)
    assert len(witness.copies) > STEPS
    for number, (files, promised) in enumerate(witness.copies):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, data in files.items():
            path_of(folder, name).write_bytes(data)
        heir = spool_in(folder)
        await heir.open()
        heir.close_now()
        assert lost(heir.book, promised) == [], f"copy {number}"


def lost(book: Book, promised: Promises) -> list[object]:
    """What the next process does not have of all that it must."""
    known, waits = book.ledger.open.keys(), set(book.pending)
    lost: list[object] = [*(promised.open - known), *(promised.waiting - waits), *(known - promised.begun)]
    lost += [one for one, number in promised.owed.items() if one not in known and number not in waits]
    return lost + [name for name, last in promised.sequences.items() if book.next_sequence(name) <= last]
