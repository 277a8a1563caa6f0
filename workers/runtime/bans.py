"""Who is kept out, where every process finds it: a small file beside the metrics' files.

Control writes it whole and renames it into place; workers that let people in look whether it is another one,
whenever somebody comes (1.5 us) and once a second. So a ban outlives control and the workers, needs no word
on the bus that could be lost, holds from the moment it is there, and is known to a worker from its first one.
The folder is private to the engine, on tmpfs, and lives as long as the engine.

Why not the board: bans are of any number and length, and words there have one writer each and no lock.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from engine.access.bans import Ban, BanTable

FILE: Final = "bans.json"

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(list[Ban])

Stamp = tuple[int, int]


def write_bans(folder: Path, bans: Iterable[Ban]) -> None:
    """Put bans in the place of those that were there."""
    fresh = folder / f"{FILE}.new"
    fresh.write_bytes(_ENCODER.encode(list(bans)))
    os.replace(fresh, folder / FILE)


def read_bans(folder: Path) -> list[Ban]:
    """Bans as they were last written; none if there never were any."""
    try:
        return _DECODER.decode((folder / FILE).read_bytes())
    except FileNotFoundError:
        return []


class BanWatch:
    """Follows the file.

    Args:
        folder: where it is, or will be; None for a worker that has none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder else None
        self._folder = folder
        self._stamp: Stamp | None = None
        self.version = 0
        """Another number whenever there were other bans."""
        self.table = BanTable()
        self.look()

    def look(self) -> BanTable:
        """The bans of now: the file is read if it is another one than before."""
        stamp = self._stamp_now()
        if stamp != self._stamp and self._folder is not None:
            self._stamp = stamp
            self.version += 1
            self.table = BanTable(read_bans(self._folder))
        return self.table

    def of_publisher(self, host: str, name: str, key_id: str) -> Ban | None:
        """The ban of now of whoever would publish `name` from there, with that key."""
        return self.look().of_publisher(host, name, key_id, time.time())

    def _stamp_now(self) -> Stamp | None:
        if self._path is None:
            return None
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns
