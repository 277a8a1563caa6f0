"""What a worker gets from the supervisor over fork."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.config import Config
from shm.arena import Arena
from shm.doorbell import Doorbell
from workers.runtime.slots import WorkerSlot


@dataclass(kw_only=True, eq=False)
class Inheritance:
    """Everything a child finds in its copy of the supervisor's memory, by name.

    All of it belongs to the supervisor and outlives every worker; a child only ever closes its own copies.
    """

    slots: tuple[WorkerSlot, ...]
    config: Config
    arena: Arena
    listeners: Mapping[str, list[socket.socket]]
    doorbells: Mapping[int, Doorbell]
    inboxes: Mapping[int, socket.socket]
    outboxes: Mapping[int, socket.socket]
    metrics_directory: str
    package_arena: Arena | None
    """None where HLS is off; so is the folder."""
    segment_folder: Path | None
    srt_secret: bytes = field(repr=False)
    """See Worker."""
    supervisor_pidfd: int
    """Opened by the supervisor on itself before the first fork, so that its pid can never be another's."""
    roles: Mapping[str, str]
    """Role to module; the module has `async def serve(worker: Worker) -> None`."""
    close_private: Callable[[], None]
    """Closes the child's copies of what only the supervisor needs."""
