"""What the spool writes, and when: no audience makes it copy itself each time, no disk makes it keep more
than it may, and who is cancelled takes nobody's records along."""

import errno
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
import trio
import trio.testing

from engine.hooks.book import Book
from engine.hooks.records import AnyRecord, Done, Opened, Queued, scan
from engine.hooks.sessions import Session
from tests.engine.hooks.records import queued, session
from tests.workers.control.hooks.office import MIB, Counts, at_once
from workers.control.hooks.segment_file import SegmentFile, numbers_in, path_of
from workers.control.hooks.spool import LEAST_SEGMENT_BYTES, SEGMENTS, Aside, Spool

SESSION_BYTES = 100
"""At least, of one below."""


class Writer:
    """A spool without the rest of the sender."""

    def __init__(self, folder: Path, limit_bytes: int = MIB, aside: Aside = at_once) -> None:
        log = cast("Any", structlog.get_logger())
        errors = cast("Any", Counts().bind("errors"))
        self.dropped: list[int] = []
        self.spool = Spool(folder, limit_bytes, self._drop, log, errors, aside)
        self._folder = folder

    def _drop(self, numbers: list[int]) -> None:
        self.dropped += numbers
        for number in numbers:
            del self.spool.book.pending[number]

    def begin(self, count: int) -> list[Session]:
        """So many are open, and nobody has written it down."""
        sessions = [one_of_many(number) for number in range(count)]
        for one in sessions:
            self.spool.book.ledger.begin(one)
        return sessions

    async def queue(self, count: int, size: int = 1000) -> None:
        """Events, each written for itself."""
        book = self.spool.book
        for _ in range(count):
            event = queued(book.next_number, size=size)
            book.next_number += 1
            book.pending[event.number] = event
            await self.spool.append([event])

    async def queue_and_send(self) -> None:
        """One event, that nobody wants any more."""
        await self.queue(1)
        self.spool.segments.done(list(self.spool.book.pending))
        self.spool.book.pending.clear()

    @property
    def files_begun(self) -> int:
        return self.spool.segments.newest.number

    @property
    def on_disk_bytes(self) -> int:
        return sum(path_of(self._folder, number).stat().st_size for number in numbers_in(self._folder))

    def written(self) -> list[AnyRecord]:
        files = [path_of(self._folder, number).read_bytes() for number in numbers_in(self._folder)]
        return [record for data in files for record in scan(data).records]

    def sessions_on_disk(self) -> set[str]:
        """Those that the next process would know of."""
        book = Book()
        book.read(self.written())
        return set(book.ledger.open)


def no_space(_file: SegmentFile, _data: bytes) -> None:
    raise OSError(errno.ENOSPC, "no space left on device")


def one_of_many(number: int) -> Session:
    return session(f"{number:05}-{'x' * SESSION_BYTES}", stream="live/final")


async def test_a_large_audience_is_not_written_again_with_each_append(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 16 * MIB)
    writer.begin(20_000)
    await writer.spool.open()
    snapshot_bytes = writer.spool.segments.newest.snapshot_bytes
    assert snapshot_bytes > 20_000 * SESSION_BYTES > writer.spool.segments.limit_bytes // 16
    begun = writer.files_begun
    size = 1000
    fits = snapshot_bytes // (size + 200)
    await writer.queue(fits, size)
    assert writer.files_begun == begun
    await writer.queue(fits, size)
    assert writer.files_begun == begun + 1
    await writer.queue(50, size)
    assert writer.files_begun == begun + 1
    writer.spool.close_now()


async def test_a_full_file_is_followed_by_another_where_there_are_few_sessions(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    await writer.spool.open()
    await writer.queue(3 * LEAST_SEGMENT_BYTES // 1000)
    assert writer.files_begun in (3, 4)
    writer.spool.close_now()


@pytest.mark.parametrize("sessions", [0, 400, 1000])
async def test_events_have_half_of_the_spool_and_all_files_stay_within_it(
    sessions: int, tmp_path: Path
) -> None:
    """Up to a snapshot of 7/32 of the limit. Half is what they have when some have just been dropped."""
    writer = Writer(tmp_path)
    writer.begin(sessions)
    await writer.spool.open()
    assert writer.spool.segments.newest.snapshot_bytes < MIB * 7 / 32
    await writer.queue(400)
    assert writer.dropped == []
    for _ in range(2000):
        await writer.queue(1)
        assert writer.on_disk_bytes <= MIB + 2000
        assert not writer.dropped or writer.spool.segments.wanted_bytes > MIB * 7 / 16 - 2000
    assert 0 < len(writer.dropped) < 2000
    assert writer.dropped == sorted(writer.dropped)
    writer.spool.close_now()


async def test_more_sessions_than_the_spool_may_have_bytes_leave_half_of_it_to_events(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.begin(10_000)
    await writer.spool.open()
    snapshot_bytes = writer.spool.segments.newest.snapshot_bytes
    assert snapshot_bytes > MIB
    await writer.queue(450)
    assert writer.dropped == []
    begun = writer.files_begun
    await writer.queue(3000)
    assert writer.files_begun - begun < 4
    assert writer.on_disk_bytes <= MIB / 2 + 2 * snapshot_bytes + 2000
    assert len(writer.spool.book.pending) > 400
    writer.spool.close_now()


async def test_a_disk_that_is_full_has_no_more_events_kept_than_one_that_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path)
    await writer.spool.open()
    monkeypatch.setattr(SegmentFile, "append", no_space)
    await writer.queue(3000)
    assert len(writer.dropped) > 0
    assert writer.spool.segments.total_bytes <= MIB + 2000
    writer.spool.close_now()


async def test_a_full_spool_drops_more_events_at_once_than_fit_into_one_record(tmp_path: Path) -> None:
    """As one of 600 MiB does. The sizes are made up here, the record of what is dropped is not."""
    writer = Writer(tmp_path)
    await writer.spool.open()
    book, segments = writer.spool.book, writer.spool.segments
    first = 2**32
    many = range(first, first + MIB // 16)
    book.next_number = many[-1] + 2
    for number in (*many, many[-1] + 1):
        book.pending[number] = queued(number)
        segments.hold(number, 1 if number in many else MIB)
    segments.grow(2 * MIB)
    await writer.queue(1)
    assert writer.dropped[: len(many)] == list(many)
    done = [number for record in writer.written() if isinstance(record, Done) for number in record.numbers]
    assert done == writer.dropped
    writer.spool.close_now()


async def test_what_a_file_is_replaced_by_is_on_the_disk_before_that_file_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(SegmentFile, "sync", said(steps, "sync", SegmentFile.sync))
    monkeypatch.setattr(Path, "unlink", said(steps, "unlink", Path.unlink))
    writer = Writer(tmp_path)
    await writer.spool.open()
    for _ in range(200):
        await writer.queue(1)
        writer.spool.segments.done(list(writer.spool.book.pending))
    assert steps.count("unlink") >= 2
    assert all(before == "sync" for before, step in pairwise(steps) if step == "unlink")
    writer.spool.close_now()


async def test_files_stay_until_a_snapshot_that_comes_after_them_could_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path)
    await writer.spool.open()
    await writer.spool.append([Opened(one, 1) for one in writer.begin(3)])
    with monkeypatch.context() as full:
        full.setattr(SegmentFile, "append", no_space)
        begun = writer.files_begun
        while writer.files_begun < begun + 3:
            await writer.queue_and_send()
        assert writer.sessions_on_disk() == set(writer.spool.book.ledger.open)
        while writer.files_begun < begun + 3 * SEGMENTS:
            await writer.queue_and_send()
        assert len(numbers_in(tmp_path)) <= SEGMENTS + 2  # with that of the last event, and the newest
    begun = writer.files_begun
    while writer.files_begun == begun:
        await writer.queue_and_send()
    await writer.queue_and_send()
    assert numbers_in(tmp_path) == [writer.files_begun]
    assert writer.sessions_on_disk() == set(writer.spool.book.ledger.open)
    writer.spool.close_now()


async def test_a_snapshot_that_is_not_on_the_disk_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_disk(_file: SegmentFile) -> None:
        raise OSError(errno.EIO, "input/output error")

    writer = Writer(tmp_path)
    await writer.spool.open()
    first = writer.files_begun
    monkeypatch.setattr(SegmentFile, "sync", no_disk)
    while writer.files_begun < first + 3:
        await writer.queue_and_send()
    assert numbers_in(tmp_path) == [first, first + 1, first + 2, first + 3]
    writer.spool.close_now()


async def test_who_has_no_folder_removes_no_file_of_the_engine_that_has_it(tmp_path: Path) -> None:
    owner, other = Writer(tmp_path), Writer(tmp_path)
    await owner.spool.open()
    await other.spool.open()
    while other.files_begun < 4:
        await other.queue_and_send()
    assert numbers_in(tmp_path) == [owner.files_begun]
    owner.spool.close_now()


def test_a_file_that_cannot_be_begun_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SegmentFile, "append", no_space)
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="no space"):
        SegmentFile(tmp_path, 1)
    assert sorted(os.listdir("/proc/self/fd")) == before


def said(steps: list[str], name: str, real: Callable[..., None]) -> Callable[..., None]:
    def step(*args: object) -> None:
        steps.append(name)
        real(*args)

    return step


class SlowDisk:
    """Each write takes a second, and may be cancelled before it begins, as a thread may."""

    async def __call__(self, work: Callable[[], None]) -> None:
        await trio.sleep(1)
        work()


async def test_who_is_cancelled_while_he_writes_takes_no_records_of_others_along(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    writer = Writer(tmp_path, aside=SlowDisk())
    await writer.spool.open()
    confirmed: list[str] = []

    async def append(name: str, deadline_s: float) -> None:
        with trio.move_on_after(deadline_s):
            await writer.spool.append([Opened(session(name), 1)])
            confirmed.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(append, "first", 9.0)
        await trio.sleep(0.1)
        nursery.start_soon(append, "hasty", 1.0)  # it has its turn, and all records, when this is over
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(append, "patient", 9.0)
    opened = {record.session.id for record in writer.written() if isinstance(record, Opened)}
    assert {"first", "patient"} <= set(confirmed) <= opened
    writer.spool.close_now()


async def test_who_is_cancelled_before_his_turn_has_his_records_written_by_the_next(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    writer = Writer(tmp_path, aside=SlowDisk())
    await writer.spool.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.spool.append, [queued(1)])
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0.1):
            await writer.spool.append([queued(2)])
    await writer.spool.append()
    assert [record.number for record in writer.written() if isinstance(record, Queued)] == [1, 2]
    writer.spool.close_now()
