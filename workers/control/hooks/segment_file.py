"""Segment files of the spool: their names, reading one, appending to one. Everything here blocks."""

import os
import re
import secrets
import time
from pathlib import Path
from typing import Final

from engine.hooks.records import SALT_BYTES, header

_NAME: Final = re.compile(r"(\d{12})\.events")

SYNC_S: Final = 1.0
"""What a machine that loses its power may lose of the events. A process that is killed loses nothing: what
was written is the kernel's."""


def path_of(folder: Path, number: int) -> Path:
    return folder / f"{number:012d}.events"


def numbers_in(folder: Path) -> list[int]:
    """Of the files that are there, oldest first."""
    return sorted(int(found[1]) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name)))


class SegmentFile:
    """The file that is appended to."""

    def __init__(self, folder: Path, number: int) -> None:
        """Begin a new one. Raises OSError."""
        self.number = number
        self.salt = secrets.token_bytes(SALT_BYTES)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path_of(folder, number), flags, 0o600)
        self._synced_s = time.monotonic()
        try:
            self.append(header(self.salt))
        except OSError:
            os.close(self._fd)
            raise

    def append(self, data: bytes) -> None:
        """Write all of it. Raises OSError; what was written by then is no whole record, and is passed
        over."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        if time.monotonic() - self._synced_s >= SYNC_S:
            self.sync()

    def sync(self) -> None:
        """Have all of it on the disk. Raises OSError."""
        self._synced_s = time.monotonic()
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Leave it on the disk. Raises OSError."""
        try:
            os.fdatasync(self._fd)
        finally:
            os.close(self._fd)
