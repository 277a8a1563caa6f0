"""Segments as files: whole or not there, within a budget, and nobody else's trouble when memory is short."""

import errno
import os
from pathlib import Path

import pytest

from workers.packager.segment_files import Budget, SegmentFiles

STAMP = "1a2b"
ROOM = 1_000


@pytest.fixture
def budget() -> Budget:
    return Budget(ROOM)


@pytest.fixture
def files(tmp_path: Path, budget: Budget) -> SegmentFiles:
    return SegmentFiles(tmp_path / "live" / "cam", STAMP, budget)


def seen(tmp_path: Path) -> list[str]:
    """Files that a player could ask for."""
    return sorted(path.name for path in tmp_path.rglob(f"{STAMP}-*"))


def store(files: SegmentFiles, name: str, data: bytes) -> bool:
    """A whole segment at once."""
    files.begin()
    files.grow(data)
    return files.finish(name)


def test_a_segment_is_seen_when_it_is_whole(tmp_path: Path, files: SegmentFiles, budget: Budget) -> None:
    files.begin()
    files.grow(b"one")
    assert seen(tmp_path) == []
    files.grow(b"two")
    assert files.finish("1a2b-0.m4s")
    assert (tmp_path / "live" / "cam" / "1a2b-0.m4s").read_bytes() == b"onetwo"
    assert budget.used_bytes == files.used_bytes == 6


def test_what_is_over_the_budget_is_given_up_whole_and_the_next_has_its_room(
    tmp_path: Path, files: SegmentFiles, budget: Budget
) -> None:
    files.begin()
    files.grow(bytes(ROOM - 1))
    files.grow(bytes(2))
    files.grow(b"x")
    assert not files.finish("1a2b-0.m4s")
    assert seen(tmp_path) == []
    assert budget.used_bytes == 0
    files.begin()
    files.grow(bytes(ROOM))
    assert files.finish("1a2b-1.m4s")


def test_packages_share_one_budget(tmp_path: Path, files: SegmentFiles, budget: Budget) -> None:
    other = SegmentFiles(tmp_path / "live" / "other", STAMP, budget)
    assert store(files, "1a2b-0.m4s", bytes(600))
    assert not store(other, "1a2b-0.m4s", bytes(600))
    files.delete("1a2b-0.m4s")
    assert store(other, "1a2b-1.m4s", bytes(600))


def test_a_full_tmpfs_costs_the_segment_alone(
    tmp_path: Path, files: SegmentFiles, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    files.begin()
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        files.grow(b"lost")
    assert not files.finish("1a2b-0.m4s")
    assert budget.used_bytes == 0
    assert store(files, "1a2b-1.m4s", b"kept")
    assert seen(tmp_path) == ["1a2b-1.m4s"]


def test_half_a_write_is_no_segment(files: SegmentFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda fd, data: len(data) - 1)
    assert not store(files, "1a2b-0.m4s", b"half")


def test_a_successor_keeps_what_the_playlist_names_and_deletes_the_rest(
    tmp_path: Path, files: SegmentFiles
) -> None:
    store(files, "1a2b-0.m4s", b"old")
    store(files, "1a2b-1.m4s", b"kept")
    files.begin()
    files.grow(b"unfinished")
    budget = Budget(ROOM)
    successor = SegmentFiles(tmp_path / "live" / "cam", STAMP, budget)
    successor.adopt(frozenset({"1a2b-1.m4s"}))
    assert sorted(path.name for path in (tmp_path / "live" / "cam").iterdir()) == ["1a2b-1.m4s"]
    assert budget.used_bytes == len(b"kept")


def test_removing_one_leaves_the_folder_of_a_stream_below_it(
    tmp_path: Path, files: SegmentFiles, budget: Budget
) -> None:
    below = SegmentFiles(tmp_path / "live" / "cam" / "left", "3c4d", budget)
    store(below, "3c4d-0.m4s", b"below")
    store(files, "1a2b-0.m4s", b"above")
    files.remove()
    assert seen(tmp_path) == []
    assert (tmp_path / "live" / "cam" / "left" / "3c4d-0.m4s").read_bytes() == b"below"
    below.remove()
    assert not (tmp_path / "live" / "cam" / "left").exists()
    assert budget.used_bytes == 0


def test_an_init_segment_is_kept_though_the_budget_is_spent(
    tmp_path: Path, files: SegmentFiles, budget: Budget
) -> None:
    store(files, "1a2b-0.m4s", bytes(ROOM))
    files.keep("1a2b-0.mp4", b"init")
    assert seen(tmp_path) == ["1a2b-0.m4s", "1a2b-0.mp4"]
    files.delete("1a2b-0.mp4")
    assert budget.used_bytes == ROOM
