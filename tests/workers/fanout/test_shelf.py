"""Shelves: packages as a worker serves them, also one whose ring is faster than it can be followed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from engine.protocols.hls import StreamEnd
from shm.directory import StreamRecord
from tests.workers.packager.press import KIB, Press
from workers.fanout.shelf import Shelf
from workers.packager.journal import Journal


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    press = Press(tmp_path)
    yield press
    press.arena.close()


def shelf_of(press: Press) -> Shelf:
    record: StreamRecord | None = press.packages.directory.find("live/cam")
    assert record is not None
    return Shelf(press.packages, record, press.packages.board.row(0, press.slot), keep_s=10.0)


async def test_a_growing_part_comes_in_the_pieces_that_its_chunks_stand_in(
    press: Press, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    press.journal.open()
    press.begin_segment()
    shelf = shelf_of(press)
    nursery.start_soon(shelf.run)
    press.write_part(0, bytes(20 * KIB))
    await trio.sleep(0.1)
    assert shelf.growing is not None
    assert shelf.growing.whole
    assert sum(each.length for each in shelf.growing.chunks) == 20 * KIB
    nursery.cancel_scope.cancel()


async def test_who_is_lost_waits_for_the_next_snapshot_and_lets_others_work(
    press: Press, nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    press.journal.open()
    press.begin_segment()
    shelf = shelf_of(press)
    nursery.start_soon(shelf.run)
    with monkeypatch.context() as rare:
        rare.setattr(Journal, "_is_much_new", False)
        for part in range(40):
            press.write_part(part, bytes(4 * KIB))
        await trio.sleep(1)
        assert shelf.window.changes < press.journal.window.changes
    press.write_part(40, b"x")
    await trio.sleep(0.1)
    assert shelf.window.changes == press.journal.window.changes
    nursery.cancel_scope.cancel()


async def test_who_looks_at_once_sees_the_end_before_anybody_rang(press: Press) -> None:
    press.journal.open()
    press.write_segment()
    shelf = shelf_of(press)
    press.journal.note_mark(StreamEnd())
    press.journal.write()
    before = shelf.window.changes
    shelf.look()
    assert shelf.window.changes == before + 1
    assert shelf.window.ended
    shelf.close()
