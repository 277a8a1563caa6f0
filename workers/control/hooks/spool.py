"""The book on disk: every change of it is appended, and read again by the next process.

What is appended by several tasks at once is written in one go, in a thread: a slow disk holds up those who
wait for it, and nobody else. A disk that cannot be written (full, gone, read-only) costs durability and
nothing more: the events are in memory, bounded as they would be on disk, and the next file is tried again.

Each process begins a file of its own, so that nothing is ever written behind what a killed one may have left
half done. A file begins with a snapshot; hence any number of old ones may be gone. They go when the snapshot
is on the disk, and a snapshot says no more than is written by then: so a process may be killed at any point.
Where a snapshot could not be written they stay until a later one was.
"""

import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio
from structlog.typing import FilteringBoundLogger

from engine.hooks.book import Book
from engine.hooks.records import AnyRecord, Done, Queued, encode, in_parts, scan
from engine.hooks.segments import Segments
from workers.control.hooks.folder import InUse, lock
from workers.control.hooks.segment_file import SegmentFile, numbers_in, path_of
from workers.runtime.metrics import Child

SEGMENTS: Final = 16
"""Files that a full spool has: a sixteenth of the events goes at once when it overflows."""

LEAST_SEGMENT_BYTES: Final = 64 * 1024
MOST_SEGMENT_BYTES: Final = 4 * 1024 * 1024
"""Read in one piece when a process begins."""

RECORD_BYTES: Final = 160
"""What an event takes on disk beside its body, for the books: addresses and names are counted as bodies
are."""


Aside = Callable[[Callable[[], None]], Awaitable[None]]
"""Runs what blocks where it holds up nobody."""

Grow = Callable[[int], None]
"""Counts bytes that were written."""


async def in_thread(work: Callable[[], None]) -> None:
    """Run it in a thread, to its end even where the caller is cancelled."""
    await trio.to_thread.run_sync(work)


class Spool:
    """Appends to, and cleans up, one folder.

    Args:
        folder: private to this engine.
        limit_bytes: of all files together.
        on_drop: hears of the events that had to go, by number.
        log, errors: of what goes wrong.
        aside: where files are written.
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int,
        on_drop: Callable[[list[int]], None],
        log: FilteringBoundLogger,
        errors: Child,
        aside: Aside = in_thread,
    ) -> None:
        self.book = Book()
        self.segments = Segments(limit_bytes)
        self._folder = folder
        self._segment_bytes = min(MOST_SEGMENT_BYTES, max(LEAST_SEGMENT_BYTES, limit_bytes // SEGMENTS))
        self._on_drop = on_drop
        self._log = log
        self._errors = errors
        self._aside = aside
        self._lock_fd = -1
        self._file: SegmentFile | None = None
        self._failing = False
        self._number = 0
        self._sound = 0  # the newest file whose snapshot is on the disk
        self._left: list[int] = []  # files that may go as soon as a later one than they is sound
        self._turn = trio.Lock()
        self._buffer: list[AnyRecord] = []
        self._noted = self._taken = 0

    async def open(self) -> None:
        """Read what is there, and begin to write. Never raises for what it finds."""
        await self._aside(self._open)
        await self._clean_up()

    def note(self, records: Sequence[AnyRecord]) -> None:
        """These have changed the book just now: they are to be written before it is copied the next time.

        Events go first. Between an event and the session's record a kill then has the event told twice,
        because its worker says it again; the other way round the session is over and nobody heard of it.
        """
        self._buffer += sorted(records, key=_is_no_event)
        self._noted += len(records)

    async def append(self, records: Sequence[AnyRecord] = ()) -> None:
        """Return when these and all that was noted are written, or cannot be. The book has them already."""
        self.note(records)
        mine = self._noted
        async with self._turn:
            if self._taken < mine:
                # What is taken is others' too, and none of them looks after it again.
                with trio.CancelScope(shield=True):
                    await self._write()

    async def close(self) -> None:
        """Write what is left, and give the folder back."""
        await self.append()
        await self._aside(self.close_now)

    # -- opening

    def _open(self) -> None:
        try:
            self._lock_fd = lock(self._folder)
            for number in numbers_in(self._folder):
                self._read(number)
        except (InUse, OSError) as error:
            self._failed(error)
        self._begin_segment(self.book.snapshot())

    def _read(self, number: int) -> None:
        data = path_of(self._folder, number).read_bytes()
        found = scan(data)
        if found.damaged_bytes:
            self._log.warning(
                "hook_spool_damaged", file=number, bytes=found.damaged_bytes, whole_records=len(found.records)
            )
        self._number = number
        self.segments.open(number)
        self._account(found.records, len(data), self.segments.grow)
        self.book.read(found.records)

    # -- writing

    async def _write(self) -> None:
        await self._aside(partial(self._write_now, self._take()))
        if self.segments.newest.is_full(self._segment_bytes):
            # Of one moment, and what is not written yet goes before: a snapshot that knows of an end makes
            # who reads it forget the session, and the event of that end must not be missing then.
            rest, snapshot = self._take(), self.book.snapshot()
            await self._aside(partial(self._write_now, rest))
            await self._aside(partial(self._begin_segment, snapshot))
        await self._clean_up()

    def _take(self) -> list[AnyRecord]:
        batch, self._buffer = self._buffer, []
        self._taken += len(batch)
        return batch

    def _write_now(self, records: Sequence[AnyRecord], grow: Grow | None = None) -> None:
        """Append to the newest file, and to the books in any case."""
        try:
            size_bytes = self._append(records)
        except OSError as error:
            self._failed(error)
            size_bytes = sum(map(size_of, records))
        self._account(records, size_bytes, grow or self.segments.grow)

    def _append(self, records: Sequence[AnyRecord]) -> int:
        if self._file is None:
            return sum(map(size_of, records))
        data = encode(records, self._file.salt)
        self._file.append(data)
        self._failing = False
        return len(data)

    def _account(self, records: Sequence[AnyRecord], size_bytes: int, grow: Grow) -> None:
        grow(size_bytes)
        for record in records:
            if isinstance(record, Queued):
                self.segments.hold(record.number, size_of(record))
            elif isinstance(record, Done):
                self.segments.done(record.numbers)

    def _begin_segment(self, snapshot: Sequence[AnyRecord]) -> None:
        self._close_file()
        self._number += 1
        self.segments.open(self._number)
        try:
            self._file = SegmentFile(self._folder, self._number) if self._lock_fd >= 0 else None
        except OSError as error:
            self._failed(error)
        self._write_now(snapshot, self.segments.grow_by_snapshot)
        if self._sync():
            self._sound = self._number

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self._failed(error)

    # -- cleaning up

    async def _clean_up(self) -> None:
        """Let files go that nobody needs, and make room if there are too many."""
        await self._remove_unwanted()
        while (remedy := self.segments.remedy) is not None:
            if remedy == "drop":
                await self._drop()
            await self._carry()
            await self._remove_unwanted()

    async def _carry(self) -> None:
        """Write again what is wanted of the oldest file, which nobody wants then."""
        numbers, pending = list(self.segments.oldest.wanted), self.book.pending
        events = [pending[number] for number in numbers if number in pending]
        await self._aside(partial(self._write_now, events, self.segments.grow_by_copies))
        self.segments.done([number for number in numbers if number in self.segments.oldest.wanted])

    async def _drop(self) -> None:
        numbers = self.segments.to_drop()
        self._on_drop(numbers)
        await self._aside(partial(self._write_now, [Done(part) for part in in_parts(numbers)]))

    async def _remove_unwanted(self) -> None:
        unwanted = self.segments.take_unwanted()
        if unwanted or (self._left and self._left[0] < self._sound):
            await self._aside(partial(self._remove, unwanted))

    def _remove(self, numbers: Sequence[int]) -> None:
        """What is still true of these files stands in a sound one, and what was carried in the newest, which
        has to outlive them. Of those that no sound one follows the newest stay, as many as a full spool has:
        a disk that takes what it is given, and never keeps it, must not be filled."""
        if self._lock_fd < 0:
            return  # the files are another engine's, if there are any
        self._sync()
        files = self._left + list(numbers)
        self._left = [number for number in files if number >= self._sound][-SEGMENTS:]
        for number in files[: len(files) - len(self._left)]:
            with contextlib.suppress(OSError):  # gone already, or the folder is
                path_of(self._folder, number).unlink()

    def _sync(self) -> bool:
        """Whether the newest file has what was written last, and has it on the disk."""
        try:
            if self._file is not None:
                self._file.sync()
        except OSError as error:
            self._failed(error)
        return self._file is not None and not self._failing

    def _failed(self, error: Exception) -> None:
        """Once for each time that it stops working: a full disk would fill the log too."""
        self._errors.inc()
        if not self._failing:
            self._failing = True
            self._log.error(
                "hook_spool_failed", error=str(error), hint="events are in memory alone until it works again"
            )

    def close_now(self) -> None:
        """Give the folder back, as the death of the process does."""
        self._close_file()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1


def _is_no_event(record: AnyRecord) -> bool:
    return not isinstance(record, Queued)


def size_of(record: AnyRecord) -> int:
    """About what a record takes."""
    if isinstance(record, Queued):
        return RECORD_BYTES + len(record.body) + len(record.url) + len(record.stream)
    return RECORD_BYTES
