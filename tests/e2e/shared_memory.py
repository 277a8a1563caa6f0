"""A running engine's shared memory, looked at from outside: what really went into a stream's ring."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from engine.media.tags import BACK_POINTER_BYTES, TAG_HEADER_BYTES
from engine.protocols.flv import FlvTag
from shm.arena import Arena
from shm.directory import Directory
from shm.ring import FLAG_START, Entry, RingReader
from tests.e2e.clients import number_of


class Published(NamedTuple):
    """One tag of the ring."""

    seq: int
    epoch: int
    generation: int
    is_start: bool
    tag: FlvTag
    number: int | None


@contextmanager
def arena_of(supervisor: int) -> Iterator[Arena]:
    """The arena of the engine with this supervisor, opened through /proc."""
    descriptor = os.open(_arena_path(supervisor), os.O_RDWR)
    arena = Arena.attach(descriptor)
    os.close(descriptor)
    try:
        yield arena
    finally:
        arena.close()


def _arena_path(pid: int) -> Path:
    return next(path for path in Path(f"/proc/{pid}/fd").iterdir() if "memfd:fanlight" in os.readlink(path))


def published(entry: Entry, tag: FlvTag) -> Published:
    is_start = bool(entry.flags & FLAG_START)
    return Published(entry.seq, entry.epoch, entry.generation, is_start, tag, number_of(tag))


class RingRecord:
    """Everything that was published into one stream, read along while it is there."""

    def __init__(self, arena: Arena, name: str) -> None:
        record = Directory(arena).find(name)
        assert record is not None, f"{name} is not published"
        self._reader = RingReader(arena, record.slot)
        self.base_seq = self._reader.oldest_seq
        self.tags: list[Published] = []

    @property
    def end_seq(self) -> int:
        """The sequence that the next tag will have, as far as was read."""
        return self.base_seq + len(self.tags)

    def read(self) -> int:
        """Take in what is new; gives `end_seq`. Raises Lapped if the ring was faster."""
        for entry in self._reader.entries(self.end_seq, self._reader.head_seq):
            data = b"".join(self._reader.views(entry.pos, entry.end))
            assert self._reader.valid(entry.pos)
            self.tags.append(published(entry, tag_of(data)))
        return self.end_seq

    def at(self, seq: int) -> Published:
        return self.tags[seq - self.base_seq]

    @property
    def numbers(self) -> list[int]:
        """The numbers of all media messages in the ring."""
        return [published.number for published in self.tags if published.number is not None]


def tag_of(data: bytes) -> FlvTag:
    """A whole FLV tag, taken apart."""
    timestamp_ms = int.from_bytes(bytes((data[7], *data[4:7])), "big")
    return FlvTag(kind=data[0], timestamp_ms=timestamp_ms, body=data[TAG_HEADER_BYTES:-BACK_POINTER_BYTES])
