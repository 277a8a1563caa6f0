"""The log file: many processes write it, anybody may move it, and no line is lost or torn."""

import fcntl
import os
import resource
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.house.source import ROOT
from workers.runtime.log_file import LogFile

WRITERS, LINES, SMALL_BYTES, MANY = 4, 400, 4000, 1000

WRITER = """
import sys
from workers.runtime.log_file import LogFile
name, path, lines, max_bytes, kept = sys.argv[1:]
file = LogFile(path, int(max_bytes), int(kept))
sys.stdin.readline()
for number in range(int(lines)):
    assert file.write(f"{name} {number} {'x' * (number % 97)}".encode())
print(file.rotations)
"""


def lines_in(folder: Path) -> list[str]:
    """All lines of all files, older files first."""
    paths = sorted(
        folder.iterdir(), key=lambda path: -int(path.suffix[1:]) if path.suffix[1:].isdigit() else 1
    )
    return [line for path in paths for line in path.read_text().splitlines()]


def start_writer(name: str, path: Path) -> "subprocess.Popen[str]":
    arguments = [name, str(path), str(LINES), str(SMALL_BYTES), str(MANY)]
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_processes_that_write_and_rotate_at_once_lose_and_tear_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writers = [start_writer(str(number), path) for number in range(WRITERS)]
    for writer in writers:  # all are there before any begins
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    rotations = sum(int(writer.communicate()[0]) for writer in writers)
    files = list(tmp_path.iterdir())
    assert rotations > 0
    assert sum(1 for file in files if file.suffix) == rotations
    lines = lines_in(tmp_path)
    wanted = {f"{name} {number} {'x' * (number % 97)}" for name in range(WRITERS) for number in range(LINES)}
    assert Counter(lines) == Counter(wanted)
    for name in range(WRITERS):  # and each process's in its order, over all files
        own = [int(line.split()[1]) for line in lines if line.startswith(f"{name} ")]
        assert own == sorted(own)
    sizes = [file.stat().st_size for file in files if file.suffix]
    assert min(sizes) >= SMALL_BYTES


def test_older_files_go_when_there_are_enough(tmp_path: Path) -> None:
    file = LogFile(str(tmp_path / "log"), max_bytes=10, kept=2)
    for text in ("first line", "second line", "third line", "fourth line"):
        assert file.write(text.encode())
    assert (tmp_path / "log.1").read_text() == "fourth line\n"
    assert (tmp_path / "log.2").read_text() == "third line\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.1", "log.2"]
    file.close()


def test_none_are_kept_where_none_are_wanted(tmp_path: Path) -> None:
    file = LogFile(str(tmp_path / "log"), max_bytes=10, kept=0)
    for text in ("first line", "short"):
        assert file.write(text.encode())
    assert (tmp_path / "log").read_text() == "short\n"
    file.close()


def test_a_file_that_logrotate_moves_is_followed_without_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(str(path), max_bytes=SMALL_BYTES, kept=1)
    file.write(b"before")
    path.rename(tmp_path / "log.moved")
    (tmp_path / "log").touch(mode=0o640)  # its `create`
    file.write(b"after")
    assert ((tmp_path / "log.moved").read_text(), path.read_text()) == ("before\n", "after\n")
    path.unlink()
    file.write(b"and again")
    assert path.read_text() == "and again\n"
    file.close()


def test_who_finds_a_sibling_rotating_goes_on_writing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(str(path), max_bytes=5, kept=1)
    file.open()
    with path.open("ab") as sibling:
        fcntl.flock(sibling, fcntl.LOCK_EX)
        assert file.write(b"a full file")
        assert file.write(b"and more")
    assert path.read_text() == "a full file\nand more\n"
    assert file.write(b"the last")  # the sibling has died in the middle, and its lock with it
    assert (tmp_path / "log.1").read_text() == "a full file\nand more\nthe last\n"
    file.close()


def test_a_full_disk_costs_lines_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(str(path), max_bytes=SMALL_BYTES, kept=1)
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
        assert file.write(b"0123456789")
        assert not file.write(b"cut in the middle")
        assert not file.write(b"no room for anything")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert file.write(b"room again")
    assert path.read_text().splitlines() == ["0123456789", "cut in th", "room again"]
    file.close()


def test_a_folder_that_is_not_there_costs_lines_until_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "mounted later"
    file = LogFile(str(folder / "log"), max_bytes=SMALL_BYTES, kept=1)
    with pytest.raises(FileNotFoundError):
        file.open()
    assert not file.write(b"lost")
    folder.mkdir()
    assert file.write(b"there")
    assert (folder / "log").read_text() == "there\n"
    file.close()


def test_others_may_not_read_it(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        file = LogFile(str(tmp_path / "log"), max_bytes=SMALL_BYTES, kept=1)
        file.write(b"an address")
    finally:
        os.umask(umask)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640
    file.close()


def test_what_would_make_its_writers_wait_is_no_log_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    os.mkfifo(path)
    file = LogFile(str(path), max_bytes=SMALL_BYTES, kept=1)
    with pytest.raises(OSError, match="No such device"):  # nobody reads it
        file.open()
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OSError, match="not a regular file"):
        file.open()
    os.close(reader)
    assert not file.write(b"nowhere to go")


def test_the_file_that_is_open_is_held_until_there_is_another(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(str(path), max_bytes=SMALL_BYTES, kept=1)
    file.open()
    descriptor = file._descriptor
    path.rename(tmp_path / "moved")
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        file.open()
    assert file._descriptor == descriptor
    file.close()


def test_a_rotation_that_fails_moves_nothing_and_waits_for_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, tried = os.rename, []

    def refuse(old: str, new: str) -> None:
        tried.append(old)
        if old == str(tmp_path / "log"):
            raise PermissionError(1, "not permitted", old)
        rename(old, new)

    (tmp_path / "log.1").write_text("older\n")
    (tmp_path / "log.2").write_text("oldest\n")
    file = LogFile(str(tmp_path / "log"), max_bytes=5, kept=2)
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        for _ in range(3):
            assert file.write(b"a full file")
        assert tried == [str(tmp_path / "log")]
        assert "not permitted" in file.look_after()
        assert file.write(b"and still full")
        assert len(tried) == 2
    assert (tmp_path / "log.1").read_text() == "older\n"
    assert (tmp_path / "log.2").read_text() == "oldest\n"
    file.look_after()
    assert file.write(b"room again")
    assert file.look_after() == ""
    assert (tmp_path / "log.1").read_text().endswith("room again\n")
    assert (tmp_path / "log.2").read_text() == "older\n"
    file.close()


def test_a_rotation_whose_process_died_is_brought_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "log.rotating").write_text("of the dead\n")
    (tmp_path / "log.1").write_text("older\n")
    file = LogFile(str(tmp_path / "log"), max_bytes=5, kept=3)
    assert file.write(b"a full file")
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"log.1": "a full file\n", "log.2": "of the dead\n", "log.3": "older\n"}
    file.close()


def test_a_sibling_that_still_numbers_the_older_ones_is_not_disturbed(tmp_path: Path) -> None:
    aside = tmp_path / "log.rotating"
    aside.write_text("of a sibling\n")
    file = LogFile(str(tmp_path / "log"), max_bytes=5, kept=3)
    with aside.open("ab") as sibling:
        fcntl.flock(sibling, fcntl.LOCK_EX)
        assert file.write(b"a full file")
        assert (tmp_path / "log").read_text() == "a full file\n"
    assert aside.read_text() == "of a sibling\n"
    file.close()


def test_the_half_of_a_line_is_ended_before_a_sibling_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    file, sibling = (LogFile(str(path), max_bytes=SMALL_BYTES, kept=1) for _ in range(2))
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:4]))
        assert not file.write(b"cut in the middle")
    assert sibling.write(b"of a sibling")
    assert file.write(b"the next")
    assert path.read_text().splitlines() == ["cut ", "of a sibling", "the next"]
    file.close()
    sibling.close()


def test_the_group_may_read_it_whatever_the_umask_of_the_service(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        file = LogFile(str(tmp_path / "log"), max_bytes=SMALL_BYTES, kept=1)
        file.write(b"an address")
    finally:
        os.umask(umask)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640
    file.close()
