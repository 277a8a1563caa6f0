"""The package's ring: chunks and marks in, the playlist's state beside them.

The state is a snapshot of the window (workers/runtime/packages.py). It is written when the package is
opened, whenever a segment has ended, and whenever a quarter of the ring is new: so who reads it finds in the
ring what has come since, however large segments are.

A chunk may be larger than a tag of the ring may be: it holds one frame at least. Then it stands there in
pieces, one behind the other, and only the first has the chunk's flags. Nobody who reads them has to know:
chunks are sent as they lie.
"""

import time
from typing import Final

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
from shm.directory import HEADERS_MAX, DirectoryWriter
from shm.ring import RingWriter, Tag
from workers.runtime.bells import Bells
from workers.runtime.packages import snapshot_at

SNAPSHOT_SHARE: Final = 4
"""Of the ring, in bytes or entries, a snapshot is due for. A reader has three times as much before it is
lapped behind the newest one."""

GUARDED_SHARE: Final = 8
"""Of the ring, what its reader keeps clear of the writer (shm/ring_reader.py)."""


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
        self._snapshot_pos, self._snapshot_seq = self._ring.head_pos, self._ring.head_seq
        self._snapshot_entries = arena.geometry.index_entries // SNAPSHOT_SHARE

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
        """Put a chunk behind what is there, in as many pieces as it takes."""
        flags = (
            SEGMENT_START * chunk.segment_start
            | PART_START * chunk.part_start
            | INDEPENDENT * chunk.independent
        )
        most = self._ring.batch_bytes_max
        if len(chunk.data) <= most:
            self._add(CHUNK, chunk.data, flags, chunk.dts_us)
            return
        data = memoryview(chunk.data)
        for at in range(0, len(data), most):
            self._add(CHUNK, data[at : at + most], flags if at == 0 else 0, chunk.dts_us)

    def note_mark(self, mark: Mark) -> None:
        self.window.apply(mark)
        self._add(MARK, encode_mark(mark), 0, 0)

    def request_snapshot(self) -> None:
        """A segment has ended: with what is written next, the state is put beside the ring."""
        self._snapshot_due = True

    def write(self) -> None:
        """Let everybody see what was noted since the last time, and wake who waits for it.

        Raises ArenaFull or LostRing (shm).
        """
        if not self._tags:
            return
        tags, self._tags = self._tags, []
        self._ring.write(tags)
        if self._is_open and (self._snapshot_due or self._is_much_new):
            self._write_snapshot()
        self._bells.ring_for(self._slot)

    @property
    def outgrown_bytes(self) -> int:
        """Bytes of parts that the playlist lists, if they are more than the ring keeps; else 0."""
        listed = sum(
            segment.size_bytes for segment in self.window.segments if segment.parts and segment.lists_parts
        )
        return listed if listed > self._ring.capacity - self._ring.capacity // GUARDED_SHARE else 0

    @property
    def _is_much_new(self) -> bool:
        new_bytes = self._ring.head_pos - self._snapshot_pos
        new_entries = self._ring.head_seq - self._snapshot_seq
        return new_bytes > self._ring.capacity // SNAPSHOT_SHARE or new_entries > self._snapshot_entries

    def _write_snapshot(self) -> None:
        self._snapshot_due = False
        self._snapshot_pos, self._snapshot_seq = self._ring.head_pos, self._ring.head_seq
        state = snapshot_at(self._ring.head_seq, self.window)
        if len(state) <= HEADERS_MAX:  # thousands of tiny segments are more: then the one before has to do
            self._directory.set_headers(self._slot, 1, state)

    def _add(self, kind: int, data: bytes | memoryview, flags: int, dts_us: int) -> None:
        self._tags.append(Tag(data, kind, flags, dts_us, dts_us, 0, time.monotonic_ns()))
