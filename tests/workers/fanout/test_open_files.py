"""Open segment files: shared by players, bounded, and no grave for deleted ones."""

import os
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from workers.fanout.open_files import IDLE_S, OpenFiles, is_linked

MOST = 3


class Counts:
    """What the report would say."""

    def __init__(self) -> None:
        self.lookups: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.open = 0

    def file_looked_up(self, result: str) -> None:
        self.lookups[result] += 1

    def file_closed(self, reason: str) -> None:
        self.closed[reason] += 1

    def open_files(self, count: int) -> None:
        self.open = count


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def files(counts: Counts) -> OpenFiles:
    return OpenFiles(cast("Any", counts), MOST)


@pytest.fixture
def names(tmp_path: Path) -> list[Path]:
    """Segments, one more than are kept open."""
    paths = [tmp_path / f"1a2b-{number}.m4s" for number in range(MOST + 1)]
    for number, path in enumerate(paths):
        path.write_bytes(b"segment %d" % number)
    return paths


def ask(files: OpenFiles, path: Path) -> bytes:
    """What one player gets."""
    with files.using(path) as file:
        return os.pread(file.fd, file.size, 0)


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


async def test_who_asks_after_another_shares_the_descriptor(
    files: OpenFiles, counts: Counts, names: list[Path]
) -> None:
    with files.using(names[0]) as first, files.using(names[0]) as second:
        assert first is second
    assert ask(files, names[0]) == b"segment 0"
    assert counts.lookups == {"miss": 1, "hit": 2}


async def test_those_longest_not_asked_for_make_room(
    files: OpenFiles, counts: Counts, names: list[Path]
) -> None:
    for path in (*names[:MOST], names[0], names[MOST]):
        ask(files, path)
    assert len(files) == MOST
    ask(files, names[0])  # asked for twice: it was the second that had to go
    assert counts.lookups["hit"] == 2
    ask(files, names[1])
    assert counts.lookups == {"hit": 2, "miss": MOST + 2}
    assert counts.closed == {"full": 2}


async def test_a_file_is_not_closed_under_a_player_whose_place_another_takes(
    files: OpenFiles, names: list[Path]
) -> None:
    with files.using(names[0]) as slow:
        for path in names[1:]:
            ask(files, path)
        assert os.pread(slow.fd, slow.size, 0) == b"segment 0"
    assert not is_open(slow.fd)


async def test_a_deleted_file_is_let_go_within_a_round_and_is_nobodys_answer(
    files: OpenFiles, counts: Counts, names: list[Path]
) -> None:
    with files.using(names[0]) as file:
        pass
    assert is_open(file.fd)
    names[0].unlink()
    files.sweep()
    assert not is_open(file.fd)
    assert counts.closed == {"deleted": 1}
    assert counts.open == 0
    with pytest.raises(FileNotFoundError), files.using(names[0]):
        pass


async def test_a_name_that_was_taken_again_is_another_file(files: OpenFiles, names: list[Path]) -> None:
    assert ask(files, names[0]) == b"segment 0"
    names[0].unlink()  # by a packager's successor, which then makes the segment anew
    names[0].write_bytes(b"the same, but cut elsewhere")
    assert ask(files, names[0]) == b"the same, but cut elsewhere"


async def test_what_nobody_asks_for_is_closed_in_time(
    files: OpenFiles, counts: Counts, names: list[Path], autojump_clock: MockClock
) -> None:
    ask(files, names[0])
    await trio.sleep(IDLE_S - 1)
    ask(files, names[1])
    files.sweep()
    assert counts.open == 2
    await trio.sleep(2)
    files.sweep()
    assert counts.open == 1
    assert counts.closed == {"idle": 1}


async def test_a_file_that_is_not_there_is_not_remembered(
    files: OpenFiles, counts: Counts, tmp_path: Path
) -> None:
    late = tmp_path / "1a2b-9.m4s"
    with pytest.raises(FileNotFoundError), files.using(late):
        pass
    late.write_bytes(b"now")
    assert ask(files, late) == b"now"
    assert counts.lookups == {"miss": 2}


async def test_links_are_not_followed(files: OpenFiles, names: list[Path], tmp_path: Path) -> None:
    link = tmp_path / "1a2b-8.m4s"
    link.symlink_to(names[0])
    with pytest.raises(OSError, match="link"), files.using(link):
        pass
    assert len(files) == 0


def test_a_name_is_what_makes_a_file_linked(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "x", os.O_CREAT | os.O_RDONLY)
    assert is_linked(fd)
    (tmp_path / "x").unlink()
    assert not is_linked(fd)
    os.close(fd)
