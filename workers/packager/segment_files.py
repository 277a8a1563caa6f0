"""The folder of one package: init segments and finished segments, as files that anybody may serve.

A segment is written as it grows, under a name that nobody asks for, and takes its own when it is whole:
what can be seen is complete. The folder is on tmpfs, so writing never waits for a disk; what does not fit,
be it the folder's budget or the machine's memory, costs that segment alone, which becomes a gap in the
playlist.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

GROWING_SUFFIX: Final = ".growing"


class Budget:
    """Bytes that one packager's files may take, all packages together."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0

    def take(self, size_bytes: int) -> bool:
        """Take `size_bytes` of it; False, and nothing taken, if there is not so much."""
        if self.used_bytes + size_bytes > self.limit_bytes:
            return False
        self.used_bytes += size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        self.used_bytes -= size_bytes


class SegmentFiles:
    """Files of one package.

    Args:
        folder: where they stand; made if need be. Two packages of one name may share it for a while.
        stamp: what the names of this package's files begin with.
        budget: shared with the packager's other packages.
    """

    def __init__(self, folder: Path, stamp: str, budget: Budget) -> None:
        self._folder = folder
        self._stamp = stamp
        self._growing_path = folder / f"{stamp}{GROWING_SUFFIX}"
        self._budget = budget
        self._sizes: dict[str, int] = {}
        self._growing = (
            -1
        )  # descriptor of the segment being written; -1 when there is none, or it was given up
        self._grown_bytes = 0

    def adopt(self, names: frozenset[str]) -> None:
        """Go on with a predecessor's files: those of `names` stay, the others are in no playlist."""
        for path in self._folder.glob(f"{self._stamp}*"):
            size = path.stat().st_size
            if path.name in names and self._budget.take(size):
                self._sizes[path.name] = size
            else:
                path.unlink()

    def keep(self, name: str, data: bytes) -> None:
        """Write an init segment: some hundred bytes that many segments need, so no budget stands against
        it."""
        growing = self._folder / f"{name}{GROWING_SUFFIX}"
        with suppress(OSError):  # no memory: a player of these segments gets 404, and the next tracks another
            self._folder.mkdir(parents=True, exist_ok=True)
            growing.write_bytes(data)
            growing.rename(self._folder / name)
        self._budget.used_bytes += len(data)
        self._sizes[name] = len(data)

    def begin(self) -> None:
        """Begin a segment; what was begun before and not finished is gone."""
        self.abandon()
        with suppress(OSError):  # no memory for the file itself: a gap, as for its bytes
            self._folder.mkdir(parents=True, exist_ok=True)
            self._growing = os.open(
                self._growing_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644
            )

    def grow(self, data: bytes) -> None:
        """Add to the segment. Once there is no room for it, it is given up until the next `begin`."""
        if self._growing < 0:
            return
        if not self._budget.take(len(data)):
            self.abandon()
            return
        self._grown_bytes += len(data)
        try:
            written = os.write(self._growing, data)
        except OSError:
            written = -1
        if written != len(data):
            self.abandon()

    def finish(self, name: str) -> bool:
        """Give the segment its name; False if it had to be given up."""
        if self._growing < 0:
            return False
        os.close(self._growing)
        self._growing = -1
        os.rename(self._growing_path, self._folder / name)
        self._sizes[name], self._grown_bytes = self._grown_bytes, 0
        return True

    def abandon(self) -> None:
        """Give the growing segment up."""
        if self._growing >= 0:
            os.close(self._growing)
            self._growing = -1
            self._growing_path.unlink(missing_ok=True)
        self._budget.give_back(self._grown_bytes)
        self._grown_bytes = 0

    def delete(self, name: str) -> None:
        """Delete a file that no playlist names any more. Harmless for one that is not there."""
        size = self._sizes.pop(name, None)
        if size is not None:
            (self._folder / name).unlink(missing_ok=True)
            self._budget.give_back(size)

    @property
    def used_bytes(self) -> int:
        return sum(self._sizes.values()) + self._grown_bytes

    def remove(self) -> None:
        """Delete the package's files, and its folder with them."""
        self.abandon()
        for name in list(self._sizes):
            self.delete(name)
        with suppress(OSError):  # not empty: another package of the name, or "live/cam/left" below "live/cam"
            self._folder.rmdir()
            self._folder.parent.rmdir()
