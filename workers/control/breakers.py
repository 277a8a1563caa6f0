"""Circuit breakers of all workers as the API shows them: read off the board, without asking anybody."""

from collections.abc import Sequence
from typing import Final, Protocol

from engine.policy.breaker import BreakerState
from shm.board import WorkerCell
from shm.breakers import BreakerEntry, BreakerTable
from workers.control import models
from workers.runtime.slots import WorkerSlot

NS_PER_S: Final = 1_000_000_000
STATES: Final[dict[int, models.BreakerState]] = {
    BreakerState.CLOSED: "closed",
    BreakerState.HALF_OPEN: "half_open",
    BreakerState.OPEN: "open",
}


class Cells(Protocol):
    """The part of the board that is read here."""

    def worker(self, slot: int) -> WorkerCell: ...


class Breakers:
    """What every worker knows of the services outside. `now_ns` is monotonic."""

    def __init__(self, board: Cells, slots: Sequence[WorkerSlot]) -> None:
        self._tables = [(slot.name, BreakerTable(board.worker(slot.number))) for slot in slots]

    def all(self, now_ns: int) -> list[models.Breaker]:
        """Every breaker, by dependency and then by worker slot."""
        shown = [_shown(worker, entry, now_ns) for worker, table in self._tables for entry in table.entries()]
        return sorted(shown, key=lambda breaker: breaker.dependency)


def _shown(worker: str, entry: BreakerEntry, now_ns: int) -> models.Breaker:
    state = STATES.get(entry.state, "closed")  # before the times: see shm/breakers.py
    return models.Breaker(
        dependency=entry.name,
        worker=worker,
        state=state,
        failures=entry.failures,
        retry_in_s=_seconds(entry.retry_at_ns - now_ns) if state == "open" else None,
        state_for_s=_seconds(now_ns - entry.since_ns) if entry.since_ns else None,
        trips=entry.trips,
        rejections=entry.rejections,
    )


def _seconds(ns: int) -> float:
    return round(max(0, ns) / NS_PER_S, 3)
