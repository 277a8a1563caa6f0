"""The package's ring: chunks and marks in, the playlist's state beside them.

The state is a snapshot of the window (workers/runtime/packages.py). It is written when the package is opened
and whenever a segment has ended, so that the marks behind it never fill the ring.
"""

import time

from engine.protocols.hls import (
    CHUNK,
    INDEPENDENT,
    MARK,
    PART_START,
    SEGMENT_START,
    Mark,
    Window,
    encode_mark,
)
from engine.protocols.hls.cut_outputs import Chunk
from shm.arena import Arena
from shm.directory import DirectoryWriter
from shm.ring import RingWriter, Tag
from workers.runtime.bells import Bells
from workers.runtime.packages import snapshot_at


class Journal:
    """Writes one package.

    Args:
        arena: the packages' own.
        directory: written through this alone.
        slot: the package's place in both.
        window: what its playlist shows; folded here.
        bells: to wake the workers that serve it.
    """

    def __init__(
        self, arena: Arena, directory: DirectoryWriter, slot: int, window: Window, bells: Bells
    ) -> None:
        self.window = window
        self._directory = directory
        self._slot = slot
        self._bells = bells
        self._ring = RingWriter(arena, slot, directory.epoch(slot), check_epoch=lambda: directory.epoch(slot))
        self._tags: list[Tag] = []
        self._is_open = self._snapshot_due = False

    @property
    def next_seq(self) -> int:
        """Where in the ring the next chunk or mark will stand."""
        return self._ring.head_seq + len(self._tags)

    def open(self) -> None:
        """Let players in. Until then nobody can find the package, whatever is in its ring.

        So whoever asks first does not see a playlist that has only come to what was long ago.
        """
        if not self._is_open:
            self._is_open = True
            self._write_snapshot()

    def note_chunk(self, chunk: Chunk) -> None:
        flags = (
            SEGMENT_START * chunk.segment_start
            | PART_START * chunk.part_start
            | INDEPENDENT * chunk.independent
        )
        self._add(CHUNK, chunk.data, flags, chunk.dts_us)

    def note_mark(self, mark: Mark) -> None:
        self.window.apply(mark)
        self._add(MARK, encode_mark(mark), 0, 0)

    def request_snapshot(self) -> None:
        """A segment has ended: with what is written next, the state is put beside the ring."""
        self._snapshot_due = True

    def write(self) -> None:
        """Let everybody see what was noted since the last time, and wake who waits for it.

        Raises TagTooLarge, ArenaFull or LostRing (shm).
        """
        if not self._tags:
            return
        tags, self._tags = self._tags, []
        self._ring.write(tags)
        if self._snapshot_due and self._is_open:
            self._write_snapshot()
        self._bells.ring_for(self._slot)

    def _write_snapshot(self) -> None:
        self._snapshot_due = False
        self._directory.set_headers(self._slot, 1, snapshot_at(self._ring.head_seq, self.window))

    def _add(self, kind: int, data: bytes, flags: int, dts_us: int) -> None:
        self._tags.append(Tag(data, kind, flags, dts_us, dts_us, 0, time.monotonic_ns()))
