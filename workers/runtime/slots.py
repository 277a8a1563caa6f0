"""Worker slots: the fixed seats that worker processes take, one after another.

A slot outlives the processes that sit in it. Its number is the worker's page on the board and its address on
the bus; its name is the identifier in metrics, logs and client ids, so it never contains an underscore
(prometheus-client's collector splits file names there) nor anything that changes at a restart.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.config import Config

SUPERVISOR: Final = -1
"""The supervisor's address on the bus. It has no slot: nobody restarts it."""

INGEST: Final = "ingest"
FANOUT: Final = "fanout"
PACKAGER: Final = "packager"
CONTROL: Final = "control"


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """One seat: `number` is unique over all roles, `index` counts within the role."""

    number: int
    role: str
    index: int

    @property
    def name(self) -> str:
        """For example `fanout0`: stable over restarts, free of underscores."""
        return f"{self.role}{self.index}"


def layout_of(config: Config) -> tuple[WorkerSlot, ...]:
    """All seats that `config` asks for: every ingest, every fanout, every packager, then control."""
    packagers = config.workers.packager if config.hls.enabled else 0
    roles = [
        *[INGEST] * config.workers.ingest,
        *[FANOUT] * fanout_count(config),
        *[PACKAGER] * packagers,
        CONTROL,
    ]
    return tuple(WorkerSlot(number, role, roles[:number].count(role)) for number, role in enumerate(roles))


def fanout_count(config: Config) -> int:
    """How many fanout workers; 0 in the configuration means one for each core this process may use."""
    return config.workers.fanout or len(os.sched_getaffinity(0))


def of_role(slots: Iterable[WorkerSlot], role: str) -> tuple[WorkerSlot, ...]:
    """The seats of one role, by index."""
    return tuple(slot for slot in slots if slot.role == role)


def slot_of_client(slots: Iterable[WorkerSlot], client_id: str) -> WorkerSlot | None:
    """The seat of the worker that holds a client, read off its id, `fanout0-3f9c…`; None if there is none."""
    name, _, _ = client_id.partition("-")
    return next((slot for slot in slots if slot.name == name), None)
