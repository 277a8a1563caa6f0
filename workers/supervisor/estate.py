"""All that the engine owns for as long as it runs, whoever of its workers lives: made once, in order."""

import gc
import importlib
import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from structlog.typing import FilteringBoundLogger

from engine.config import Config
from shm.arena import Arena
from shm.board import Board
from shm.directory import Directory
from shm.doorbell import Doorbell
from shm.errors import ShmError
from shm.layout import Geometry
from workers.runtime.metrics import Metrics
from workers.runtime.notify import handed_in
from workers.runtime.packages import Packages
from workers.runtime.packets import open_inboxes
from workers.runtime.slots import FANOUT, INGEST, PACKAGER, SUPERVISOR, WorkerSlot, layout_of, of_role
from workers.supervisor import descriptors
from workers.supervisor.datagrams import tell_buffers
from workers.supervisor.errors import StartError
from workers.supervisor.limits import SRT_SECRET_BYTES
from workers.supervisor.listeners import Listeners, close_listeners, open_listeners
from workers.supervisor.private_folder import METRICS_PREFIX, SEGMENTS_PREFIX, PrivateFolder

ENDED_STREAM_SLOTS: Final = 14
"""Per ingest, beyond `publish.max_streams`: streams that have ended and whose last seconds are still being
watched must not keep a new publisher out."""


PACKAGE_INDEX_ENTRIES: Final = 4096
"""Chunks and marks kept per package, 64 bytes each: five minutes of ten chunks and two parts a second."""


@dataclass(kw_only=True, eq=False)
class Estate:
    """Shared memory, sockets, inboxes, doorbells, metrics. `stack` closes all of it, in reverse order."""

    stack: ExitStack
    slots: tuple[WorkerSlot, ...]
    arena: Arena
    board: Board
    directory: Directory
    listeners: Listeners
    doorbells: Mapping[int, Doorbell]
    inboxes: Mapping[int, socket.socket]
    outboxes: Mapping[int, socket.socket]
    packages: Packages | None
    metrics: Metrics
    own_pidfd: int
    srt_secret: bytes = field(repr=False)


def found(config: Config, environ: Mapping[str, str], log: FilteringBoundLogger) -> Estate:
    """Make everything, or raise StartError and leave nothing behind."""
    try:
        return _found(config, environ, log)
    except OSError as error:
        raise StartError(f"the machine refuses: {error}") from error


def _found(config: Config, environ: Mapping[str, str], log: FilteringBoundLogger) -> Estate:
    with ExitStack() as stack:
        slots = layout_of(config)
        _check_descriptors(config, slots, log)
        arena = _arena(geometry_of(config, slots))
        stack.callback(arena.close)
        listeners = open_listeners(config, len(of_role(slots, FANOUT)), handed_in(environ))
        stack.callback(close_listeners, listeners)
        tell_buffers(listeners, log)
        pairs = open_inboxes([slot.number for slot in slots] + [SUPERVISOR])
        stack.callback(_close_all, [end for pair in pairs.values() for end in pair])
        doorbells = {slot.number: Doorbell.create() for slot in slots}
        stack.callback(_close_all, doorbells.values())
        metrics_directory = PrivateFolder.create(environ, METRICS_PREFIX)
        stack.callback(metrics_directory.remove)
        packages = _packages(config, slots, environ, stack)
        own_pidfd = os.pidfd_open(os.getpid())
        stack.callback(os.close, own_pidfd)
        estate = Estate(
            stack=ExitStack(),
            slots=slots,
            arena=arena,
            board=Board(arena),
            directory=Directory(arena),
            listeners=listeners,
            doorbells=doorbells,
            inboxes={number: inbox for number, (inbox, _) in pairs.items()},
            outboxes={number: outbox for number, (_, outbox) in pairs.items()},
            packages=packages,
            metrics=Metrics("supervisor", metrics_directory.path),
            own_pidfd=own_pidfd,
            srt_secret=os.urandom(SRT_SECRET_BYTES),
        )
        estate.stack = stack.pop_all()
    return estate


def warm_up(modules: Iterable[str]) -> None:
    """Import what workers need and freeze it: forks share these pages, and no collection touches them."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()


def geometry_of(config: Config, slots: tuple[WorkerSlot, ...]) -> Geometry:
    per_ingest = config.publish.max_streams + ENDED_STREAM_SLOTS
    return Geometry(
        workers=len(slots),
        streams=len(of_role(slots, INGEST)) * per_ingest,
        ring_bytes=config.ring.bytes,
        index_entries=config.ring.index_entries,
    )


def package_geometry_of(config: Config, slots: tuple[WorkerSlot, ...]) -> Geometry:
    """As many packages as streams, whichever packager has them."""
    return Geometry(
        workers=len(slots),
        streams=len(of_role(slots, PACKAGER)) * geometry_of(config, slots).streams,
        ring_bytes=config.hls.ring_bytes,
        index_entries=PACKAGE_INDEX_ENTRIES,
    )


def _packages(
    config: Config, slots: tuple[WorkerSlot, ...], environ: Mapping[str, str], stack: ExitStack
) -> Packages | None:
    if not config.hls.enabled:
        return None
    arena = _arena(package_geometry_of(config, slots))
    stack.callback(arena.close)
    folder = PrivateFolder.create(environ, SEGMENTS_PREFIX)
    stack.callback(folder.remove)
    return Packages(arena, folder.path)


def _arena(geometry: Geometry) -> Arena:
    try:
        return Arena.create(geometry)
    except (ShmError, ValueError) as error:
        raise StartError(f"no shared memory: {error}") from error


def _check_descriptors(config: Config, slots: tuple[WorkerSlot, ...], log: FilteringBoundLogger) -> None:
    have, want = descriptors.raise_limit(), descriptors.needed(config, len(slots))
    if have < want:
        log.warning(
            "descriptor_limit_low",
            limit=have,
            needed=want,
            hint="raise LimitNOFILE= or ulimit -n, or lower fanout.max_players",
        )


def _close_all(things: Iterable[socket.socket | Doorbell]) -> None:
    for thing in things:
        thing.close()
