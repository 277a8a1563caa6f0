"""Circuit breakers of all workers as the API and the metrics show them: read off the board, asking nobody."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from engine.policy.breaker import BreakerState, state_seen
from shm.board import WorkerCell
from shm.breakers import BreakerEntry, BreakerTable
from workers.control import models
from workers.control.hooks.callers import PURPOSES
from workers.runtime.slots import WorkerSlot

NS_PER_S: Final = 1_000_000_000
WORDS: Final[dict[BreakerState, models.BreakerState]] = {
    BreakerState.CLOSED: "closed",
    BreakerState.HALF_OPEN: "half_open",
    BreakerState.OPEN: "open",
}
STATES: Final = frozenset(BreakerState)
DEPENDENCIES: Final = {purpose.name: purpose.dependency for purpose in PURPOSES}


class Cells(Protocol):
    """The part of the board that is read here."""

    def worker(self, slot: int) -> WorkerCell: ...


class Breakers:
    """What every worker knows of the services outside. `now_ns` is monotonic."""

    def __init__(self, board: Cells, slots: Sequence[WorkerSlot]) -> None:
        self._tables = [(slot.name, BreakerTable(board.worker(slot.number))) for slot in slots]

    def all(self, now_ns: int) -> list[models.Breaker]:
        """Every breaker, by dependency and then by worker slot."""
        shown = [_shown(worker, entry, now_ns) for worker, entry in self._told(now_ns)]
        return sorted(shown, key=lambda breaker: breaker.dependency)

    def worst(self, now_ns: int) -> dict[str, BreakerState]:
        """Of all services and workers, by dependency."""
        found: dict[str, BreakerState] = {}
        for _, entry in self._told(now_ns):
            dependency = dependency_of(entry)
            found[dependency] = max(_state(entry, now_ns)[0], found.get(dependency, BreakerState.CLOSED))
        return found

    def _told(self, now_ns: int) -> Iterator[tuple[str, BreakerEntry]]:
        return ((worker, entry) for worker, table in self._tables for entry in table.told(now_ns))


def dependency_of(entry: BreakerEntry) -> str:
    """As the metrics call it: the first word of the entry's name, or what services are called so for."""
    first = entry.name.partition(" ")[0]
    return DEPENDENCIES.get(first, first)


def _shown(worker: str, entry: BreakerEntry, now_ns: int) -> models.Breaker:
    state, since_ns = _state(entry, now_ns)
    return models.Breaker(
        dependency=entry.name,
        worker=worker,
        state=WORDS[state],
        failures=entry.failures,
        retry_in_s=_seconds(entry.retry_at_ns - now_ns) if state is BreakerState.OPEN else None,
        state_for_s=_seconds(now_ns - since_ns) if since_ns else None,
        trips=entry.trips,
        rejections=entry.rejections,
    )


def _state(entry: BreakerEntry, now_ns: int) -> tuple[BreakerState, int]:
    """What it is, and since when, monotonic. The state is read before the times: see shm/breakers.py."""
    word = entry.state
    stored = BreakerState(word) if word in STATES else BreakerState.CLOSED
    retry_at_ns = entry.retry_at_ns
    seen = state_seen(stored, (retry_at_ns - now_ns) / NS_PER_S)
    return seen, entry.since_ns if seen is stored else retry_at_ns


def _seconds(ns: int) -> float:
    return round(max(0, ns) / NS_PER_S, 3)
