"""Segment files that players asked for lately, kept open: the next one asks for neither name nor permission.

A descriptor is shared by all who are being sent the file, since `sendfile` takes its place as an argument.
It is closed when it has not been asked for in a while, when others need its room, or when its file has been
deleted; never under a player who is still being sent it.

A deleted file on tmpfs is memory as long as somebody holds it open, and no budget of the packager counts it
any more. So the link count is looked at, in each use and once a second for all. The marks by which segments
leave the playlist would say less: players may ask for them a while longer, and what a packager's successor
clears away leaves no mark.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import trio

from workers.fanout.report import Report

MAX_OPEN: Final = 256
"""Descriptors kept by one worker: 35 streams' playlists of six segments and their init segment. nginx's
open_file_cache is off by default, and its manual shows 1,000; ours are for the newest segments alone."""

IDLE_S: Final = 15.0
"""Kept so long after the last request, seconds: everybody asks for a segment within a few of them. This is
also the bound where the link count should say nothing, as on some file systems other than tmpfs."""

OPEN_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class OpenFile:
    """One file; `size` is what it has now, and for ever: names are taken by whole files alone."""

    __slots__ = ("asked_s", "fd", "kept", "size", "users")

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self.size = size
        self.users = 0
        self.kept = False
        self.asked_s = 0.0


class OpenFiles:
    """The files of one worker, those longest not asked for first.

    Args:
        report: counts finds and losses.
        most: how many are kept open.
    """

    def __init__(self, report: Report, most: int = MAX_OPEN) -> None:
        self._report = report
        self._most = most
        self._files: OrderedDict[Path, OpenFile] = OrderedDict()

    def __len__(self) -> int:
        return len(self._files)

    @contextmanager
    def using(self, path: Path) -> Iterator[OpenFile]:
        """The file while it is being sent. Raises OSError if there is none."""
        file = self._find(path) or self._open(path)
        file.users += 1
        try:
            yield file
        finally:
            file.users -= 1
            if not file.kept and not file.users:
                os.close(file.fd)

    def sweep(self) -> None:
        """Once a second: close what was deleted, and what nobody has asked for lately."""
        since_s = trio.current_time() - IDLE_S
        for path, file in list(self._files.items()):
            if not is_linked(file.fd):
                self._drop(path, "deleted")
            elif file.asked_s < since_s:
                self._drop(path, "idle")
        self._report.open_files(len(self._files))

    def _find(self, path: Path) -> OpenFile | None:
        file = self._files.get(path)
        if file is not None and not is_linked(file.fd):
            self._drop(path, "deleted")
            file = None
        self._report.file_looked_up("miss" if file is None else "hit")
        if file is not None:
            self._files.move_to_end(path)
            file.asked_s = trio.current_time()
        return file

    def _open(self, path: Path) -> OpenFile:
        fd = os.open(path, OPEN_FLAGS)
        file = OpenFile(fd, os.fstat(fd).st_size)
        file.kept, file.asked_s = True, trio.current_time()
        self._files[path] = file
        if len(self._files) > self._most:
            self._drop(next(iter(self._files)), "full")
        return file

    def _drop(self, path: Path, reason: str) -> None:
        file = self._files.pop(path)
        file.kept = False
        if not file.users:
            os.close(file.fd)
        self._report.file_closed(reason)


def is_linked(fd: int) -> bool:
    """Whether the file still has a name."""
    return os.fstat(fd).st_nlink > 0
