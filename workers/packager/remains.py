"""What is left of a package that has ended."""

import time

from shm.arena import Arena
from shm.directory import DirectoryWriter
from shm.ring import RingWriter
from workers.packager.segment_files import SegmentFiles


class Remains:
    """Its last playlist can still be asked for, and it can be gone on with unless that says that it is over.

    Args:
        slot: the package's.
        name: the stream's.
        files: None if it never came to any.
        keep_s: how long players may ask for it, seconds.
    """

    def __init__(self, slot: int, name: str, files: SegmentFiles | None, keep_s: float) -> None:
        self.slot = slot
        self.name = name
        self.files = files
        self.ended_s = time.monotonic()
        self._keep_s = keep_s

    def is_due(self, now_s: float) -> bool:
        """Whether nobody may ask for it any more."""
        return now_s - self.ended_s > self._keep_s

    def clear(self, arena: Arena, directory: DirectoryWriter) -> None:
        """Delete the files, and give ring and slot back."""
        if self.files is not None:
            self.files.remove()
        RingWriter(arena, self.slot, directory.epoch(self.slot)).release()
        directory.free(self.slot)
