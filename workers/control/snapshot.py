"""What shared memory says at one moment, for one scrape: taken on the loop, turned into text in a thread."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from engine.config import Config
from shm.arena import Arena
from shm.directory import Directory, StreamRecord
from shm.ring import RingReader
from workers.control import models
from workers.control.staff import Staff
from workers.control.tally import Tally, Totals

BLOCK_BYTES = 512
"""Unit of st_blocks, whatever the file system's blocks are: stat(2)."""

MemoryByType: TypeAlias = Mapping[str, Mapping[str, int]]
"""Bytes by process and type."""
NONE_KNOWN: Final[MemoryByType] = MappingProxyType({})
DiskUse: TypeAlias = Mapping[str, float]
"""The full share of a file system, by the folder that lies on it."""
NO_DISKS: Final[DiskUse] = MappingProxyType({})
NONE_CALLED: Final[Mapping[str, int]] = MappingProxyType({})


class StreamFigures(NamedTuple):
    """One stream: its record, its sums over the workers, and how full its ring is."""

    record: StreamRecord
    totals: Totals
    ring_use: float


class WorkerFigures(NamedTuple):
    """One worker, and whether it is ready with a beating heart."""

    worker: models.Worker
    up: bool


class Snapshot(NamedTuple):
    """Everything that collector metrics are made of."""

    streams: Sequence[StreamFigures]
    streams_limit: int
    workers: Sequence[WorkerFigures]
    shared_memory_bytes: int
    version: str
    memory: MemoryByType = NONE_KNOWN
    disks: DiskUse = NO_DISKS
    breakers: Mapping[str, int] = NONE_CALLED
    """The worst state by dependency."""


class Camera:
    """Takes snapshots."""

    def __init__(
        self,
        *,
        arena: Arena,
        directory: Directory,
        tally: Tally,
        staff: Staff,
        version: str,
        memory: Callable[[], MemoryByType] = lambda: NONE_KNOWN,
        disks: Callable[[], DiskUse] = lambda: NO_DISKS,
        breakers: Callable[[int], Mapping[str, int]] = lambda _now_ns: NONE_CALLED,
    ) -> None:
        self._arena = arena
        self._directory = directory
        self._tally = tally
        self._staff = staff
        self._version = version
        self._memory = memory
        self._disks = disks
        self._breakers = breakers
        self._rings: dict[int, RingReader] = {}

    def take(self, config: Config) -> Snapshot:
        """The figures of now. About 0.1 ms per ten streams."""
        now_ns = time.monotonic_ns()
        return Snapshot(
            streams=[self._stream(record) for record in self._directory.all()],
            streams_limit=config.publish.max_streams,
            workers=self._workers(now_ns, config.workers.heartbeat_timeout_s),
            shared_memory_bytes=os.fstat(self._arena.fd).st_blocks * BLOCK_BYTES,
            version=self._version,
            memory=self._memory(),
            disks=self._disks(),
            breakers=self._breakers(now_ns),
        )

    def _stream(self, record: StreamRecord) -> StreamFigures:
        ring = self._rings.get(record.slot)
        if ring is None:
            ring = self._rings[record.slot] = RingReader(self._arena, record.slot)
        return StreamFigures(record, self._tally.of(record), ring.use)

    def _workers(self, now_ns: int, heartbeat_timeout_s: float) -> list[WorkerFigures]:
        shown = self._staff.all(now_ns)
        return [
            WorkerFigures(worker, self._staff.is_up(slot, now_ns, heartbeat_timeout_s))
            for slot, worker in zip(self._staff.slots, shown, strict=True)
        ]
