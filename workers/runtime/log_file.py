"""The log file: one for all processes of the engine, and none of them in charge of it.

Theory of operation. Each process opens the file for itself, to append, and writes a line in one `write`: the
kernel puts each where the file ends at that moment and lets nothing of another come between (write(2), under
the inode's lock). Before each line it looks whether the path still means the file that it holds, one stat of
about a microsecond; so whoever moves the file, a sibling or logrotate, needs to tell nobody.

Whoever finds the file full rotates it: `log` becomes `log.1`, that `log.2` and so on, the last one goes. Two
at once are kept apart by flock(2) on the full file itself. It is held by one open file and ends with its
holder, so a process that dies in the middle leaves a gap in the numbers and nothing else. Who gets the lock
looks again whether the path means this file, for another one may have been quicker. A line that is written
between rename and look lands in the file that was moved, and is lost to nobody.

Rejected: one writing process for all (its death or its queue would cost lines, and the supervisor must not
wait for a disk); a lock file beside it (one more thing to find stale); copying and truncating, as logrotate's
`copytruncate` does, which loses what comes between the two.

A regular file does not block as a pipe does, but a disk that hangs makes its writers wait: keep the log on a
local one. When the disk is full, the line is left out and counted, and its half, if there is one, ended.
"""

import fcntl
import os
from contextlib import suppress
from typing import Final

FILE_MODE: Final = 0o640
"""Addresses and stream names are for the operator and a group of collectors, not for everybody."""


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
        self._descriptor = -1
        self._identity = (0, 0)
        self._is_cut = False  # a line of ours stands there in half

    def open(self) -> None:
        """Open what the path means now. Raises OSError."""
        self.close()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        self._descriptor = os.open(self.path, flags, FILE_MODE)
        opened = os.fstat(self._descriptor)
        self._identity = (opened.st_dev, opened.st_ino)

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
            with suppress(OSError):  # a folder that lets nobody rename: the file goes on
                self._rotate_if_full()
        except OSError:
            return False
        return True

    def follow(self) -> None:
        """Hold what the path means now, if that is another file. Raises OSError."""
        if not self._is_current():
            self.open()

    def _put(self, line: bytes) -> bool:
        data = b"\n" + line + b"\n" if self._is_cut else line + b"\n"
        written = os.write(self._descriptor, data)
        if written == len(data):
            self._is_cut = False
        elif written:
            self._is_cut = True  # the disk is full; the next line begins with the end of this one
        return written == len(data)

    def _is_current(self) -> bool:
        if self._descriptor < 0:
            return False
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == self._identity

    # -- rotating

    def _rotate_if_full(self) -> None:
        # After an append the position is the end of what was written.
        if os.lseek(self._descriptor, 0, os.SEEK_CUR) < self.max_bytes:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # a sibling is at it
        try:
            if self._is_current():
                self._shift()
                self.rotations += 1
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _shift(self) -> None:
        if not self.kept:
            os.unlink(self.path)
            return
        for number in range(self.kept - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        os.rename(self.path, f"{self.path}.1")
