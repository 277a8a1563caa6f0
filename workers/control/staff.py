"""Workers as the API, the probes and the metrics see them: read off the board."""

import os
from collections.abc import Sequence
from typing import Final, Protocol

from shm.board import WorkerCell, WorkerState
from workers.control import models
from workers.runtime.slots import FANOUT, INGEST, WorkerSlot

HOLDERS: Final = (INGEST, FANOUT)
"""Roles with connections of players or publishers."""

NS_PER_S: Final = 1_000_000_000
STATES: Final[dict[int, models.WorkerState]] = {
    WorkerState.EMPTY: "empty",
    WorkerState.STARTING: "starting",
    WorkerState.READY: "ready",
    WorkerState.DRAINING: "draining",
    WorkerState.GONE: "gone",
}
ANSWERING: Final = frozenset({WorkerState.READY, WorkerState.DRAINING})
"""States in which a worker reads its inbox and may have clients."""


class Cells(Protocol):
    """The part of the board that is read here."""

    def worker(self, slot: int) -> WorkerCell: ...


class Staff:
    """All worker slots. `now_ns` arguments are monotonic."""

    def __init__(self, board: Cells, slots: Sequence[WorkerSlot]) -> None:
        self.slots = tuple(slots)
        self._cells = {slot.number: board.worker(slot.number) for slot in slots}

    def all(self, now_ns: int) -> list[models.Worker]:
        """Every worker, by slot."""
        return [self._shown(slot, now_ns) for slot in self.slots]

    def pids(self) -> dict[str, int]:
        """The engine's processes by name: the workers that live, and the supervisor."""
        cells = {slot.name: self._cells[slot.number].pid for slot in self.slots}
        return {"supervisor": os.getppid()} | {name: pid for name, pid in cells.items() if pid}

    def with_clients(self) -> tuple[WorkerSlot, ...]:
        """Slots whose workers hold connections of players or publishers."""
        return tuple(slot for slot in self.slots if slot.role in HOLDERS)

    def with_clients_in(self, state: WorkerState) -> bool:
        """Whether any of those is in that state."""
        return any(self._cells[slot.number].state == state for slot in self.with_clients())

    def answers(self, slot: WorkerSlot) -> bool:
        """Whether the worker there can be expected to answer on the bus."""
        return self._cells[slot.number].state in ANSWERING

    def overload(self) -> int:
        """How far up the overload ladder the worker stands that is highest."""
        return max(cell.overload for cell in self._cells.values())

    def is_up(self, slot: WorkerSlot, now_ns: int, heartbeat_timeout_s: float) -> bool:
        """Whether the worker there is ready and its heart beats."""
        cell = self._cells[slot.number]
        return cell.state == WorkerState.READY and now_ns - cell.heartbeat_ns < heartbeat_timeout_s * NS_PER_S

    def readiness(self, now_ns: int, heartbeat_timeout_s: float) -> models.Readiness:
        """Ready means: every role has a worker that is up."""
        roles = dict.fromkeys(slot.role for slot in self.slots)
        up = {slot.role for slot in self.slots if self.is_up(slot, now_ns, heartbeat_timeout_s)}
        waiting_for = [role for role in roles if role not in up]
        states = {slot.name: _state(self._cells[slot.number]) for slot in self.slots}
        return models.Readiness(ready=not waiting_for, waiting_for=waiting_for, workers=states)

    def _shown(self, slot: WorkerSlot, now_ns: int) -> models.Worker:
        cell = self._cells[slot.number]
        return models.Worker(
            name=slot.name,
            role=slot.role,
            state=_state(cell),
            pid=cell.pid or None,
            generation=cell.generation,
            heartbeat_age_s=_age_s(cell.heartbeat_ns, now_ns),
            ready_for_s=_age_s(cell.ready_ns, now_ns),
            loop_lag_ms=cell.loop_lag_us / 1000,
            rss_bytes=cell.rss_bytes,
            overload=cell.overload,
        )


def _state(cell: WorkerCell) -> models.WorkerState:
    return STATES.get(cell.state, "empty")


def _age_s(then_ns: int, now_ns: int) -> float | None:
    return round(max(0, now_ns - then_ns) / NS_PER_S, 3) if then_ns else None
