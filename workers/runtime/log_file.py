"""The log file: one for all processes of the engine, and none of them in charge of it.

Theory of operation. Each process opens the file for itself, to append, and writes a line in one `write`: the
kernel puts each where the file ends at that moment and lets nothing of another come between (write(2), under
the inode's lock). Before each line it looks whether the path still means the file that it holds, one stat of
about a microsecond; so whoever moves the file, a sibling or logrotate, needs to tell nobody.

Whoever finds the file full rotates it: `log` becomes `log.rotating`, the older ones move up, the last one
goes, and then it is `log.1`. The file itself goes first, since where that is refused nothing else may have
moved. Two at once are kept apart by flock(2) on the full file. It is held by one open file and ends with
its holder, so of a process that dies in the middle there is a `log.rotating` that nobody holds; whoever
rotates next brings it to its end. Who gets the lock looks again whether the path means this file, for
another one may have been quicker. A line that is written between rename and look lands in the file that was
moved, and is lost to nobody. What was refused is not tried again before `look_after`: the file goes on, and
grows.

Rejected: one writing process for all (its death or its queue would cost lines, and the supervisor must not
wait for a disk); a lock file beside it (one more thing to find stale); copying and truncating, as logrotate's
`copytruncate` does, which loses what comes between the two.

A regular file does not block as a pipe does, but a disk that hangs makes its writers wait: keep the log on a
local one. When the disk is full, the line is left out and counted, and its half, if there is one, ended.
"""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from typing import Final

FILE_MODE: Final = 0o640
"""Addresses and stream names are for the operator and a group of collectors, not for everybody.
The umask of a service (0077) would leave the group out, so it is set and not only asked for."""

_OPEN_TRIES: Final = 5  # each loses to a sibling that rotates in just that moment
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
# O_NONBLOCK for a pipe, whose opening would wait for its reader; a regular file knows no such thing.


class LogFile:
    """One process's hold on the file.

    Args:
        path: its folder has to be there.
        max_bytes: from this size on it is rotated.
        kept: how many older ones stay, as `path.1` to `path.kept`; 0: the full one is deleted.
    """

    def __init__(self, path: str, max_bytes: int, kept: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.kept = kept
        self.rotations = 0
        """Times that this process has rotated it."""
        self.rotation_error = ""
        """Why it cannot be rotated; until `look_after` it is not tried again."""
        self._descriptor = -1
        self._identity = (0, 0)
        self._is_cut = False  # a line of ours stands there in half

    def open(self) -> None:
        """Open what the path means now; what was open is held until that has worked. Raises OSError."""
        descriptor = open_regular(self.path)
        self.close()
        self._descriptor = descriptor
        self._identity = _identity(descriptor)

    def close(self) -> None:
        """Let go of it. In a forked child this is the child's copy; nobody else notices."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def write(self, line: bytes) -> bool:
        """Write one line and rotate if the file is full; whether the line is there. Its newline is added
        here."""
        try:
            self.follow()
            if not self._put(line):
                return False
        except OSError:
            return False
        if not self.rotation_error:
            self._try_to_rotate()
        return True

    def follow(self) -> None:
        """Hold what the path means now, if that is another file. Raises OSError."""
        if not self._is_current():
            self.open()

    def look_after(self) -> str:
        """Let go of a file that was moved away, and allow rotating again; why it failed last, if it did."""
        error, self.rotation_error = self.rotation_error, ""
        with suppress(OSError):  # the next line will find out, and be counted
            self.follow()
        return error

    def _put(self, line: bytes) -> bool:
        data = b"\n" + line + b"\n" if self._is_cut else line + b"\n"
        written = os.write(self._descriptor, data)
        if written == len(data):
            self._is_cut = False
        elif written:
            self._is_cut = not self._end_line()
        return written == len(data)

    def _end_line(self) -> bool:
        """End the half of a line: the disk is full, but a byte may still fit, and a sibling's line is next.

        Where it does not, our own next line begins with it.
        """
        with suppress(OSError):
            return os.write(self._descriptor, b"\n") == 1
        return False

    def _is_current(self) -> bool:
        if self._descriptor < 0:
            return False
        return _is_at(self.path, self._identity)

    # -- rotating

    def _try_to_rotate(self) -> None:
        try:
            self._rotate_if_full()
        except OSError as error:  # a folder that lets nobody rename: the file goes on
            self.rotation_error = str(error)

    def _rotate_if_full(self) -> None:
        # After an append the position is the end of what was written.
        if os.lseek(self._descriptor, 0, os.SEEK_CUR) < self.max_bytes:
            return
        if not _lock(self._descriptor):
            return  # a sibling is at it
        try:
            if self._is_current() and self._shift():
                self.rotations += 1
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _shift(self) -> bool:
        """Move the file out of the way; whether that was possible now. The lock is ours."""
        if not self.kept:
            os.unlink(self.path)
            return True
        if not self._end_older_rotation():
            return False
        os.rename(self.path, self._aside)
        self._number()
        return True

    @property
    def _aside(self) -> str:
        return f"{self.path}.rotating"

    def _end_older_rotation(self) -> bool:
        """Whether there is none: one whose process has died is brought to its end."""
        try:
            left = os.open(self._aside, _FLAGS)
        except FileNotFoundError:
            return True
        try:
            if not _lock(left):
                return False  # a sibling still moves the one before
            if _is_at(self._aside, _identity(left)):
                self._number()
        finally:
            os.close(left)
        return True

    def _number(self) -> None:
        for number in range(self.kept - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        os.rename(self._aside, f"{self.path}.1")


def open_regular(path: str) -> int:
    """Open a log file to append to it, or make it. Raises OSError, also for what is no regular file: a pipe
    or a terminal would make the media path wait.
    """
    descriptor = _open_or_create(path)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return descriptor


def _open_or_create(path: str) -> int:
    for _ in range(_OPEN_TRIES):
        with suppress(FileNotFoundError):
            return os.open(path, _FLAGS)
        with suppress(FileExistsError):  # a sibling was quicker
            descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, FILE_MODE)
            os.fchmod(descriptor, FILE_MODE)
            return descriptor
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _identity(descriptor: int) -> tuple[int, int]:
    opened = os.fstat(descriptor)
    return opened.st_dev, opened.st_ino


def _is_at(path: str, identity: tuple[int, int]) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == identity
