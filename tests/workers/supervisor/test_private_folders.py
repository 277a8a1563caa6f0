"""Folders of engines that start at the same time: each keeps its own."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from workers.supervisor.private_folder import METRICS_PREFIX, PrivateFolder


def new_folder(parent: Path) -> PrivateFolder:
    return PrivateFolder.create({"RUNTIME_DIRECTORY": str(parent)}, METRICS_PREFIX)


def test_a_folder_that_another_engine_swept_away_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, others = fcntl.flock, list[PrivateFolder]()

    def lock_late(descriptor: int, how: int) -> None:
        if how == fcntl.LOCK_EX and not others:
            monkeypatch.setattr(fcntl, "flock", lock)
            others.append(new_folder(tmp_path))  # which sweeps first
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    mine = new_folder(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine.path, others[0].path])
    mine.remove()
    others[0].remove()


def test_what_was_left_is_removed_under_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / f"{METRICS_PREFIX}1-left"
    left.mkdir()
    remove, was_locked = shutil.rmtree, list[Path]()

    def look_and_remove(path: Path, ignore_errors: bool) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
        was_locked.append(path)
        remove(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", look_and_remove)
    mine = new_folder(tmp_path)
    assert was_locked == [left]
    assert list(tmp_path.iterdir()) == [mine.path]
    monkeypatch.undo()
    mine.remove()
