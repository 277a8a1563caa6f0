"""One worker slot as the supervisor sees it: who sits there, and how they are."""

import time

from shm.board import WorkerCell, WorkerState
from workers.runtime.slots import WorkerSlot
from workers.supervisor.limits import BOOT_TIMEOUT_S
from workers.supervisor.processes import WorkerProcess


class Seat:
    """The present process of a slot, if there is one. What it says about itself stands on the board."""

    def __init__(self, slot: WorkerSlot, cell: WorkerCell) -> None:
        self.slot = slot
        self.process: WorkerProcess | None = None
        self.forked_at = 0.0
        self.hung = False
        """This process was killed because its heart had stopped."""
        self.retiring = False
        """This process drains although the engine does not."""
        self.announced = False
        """This process has been reported as ready."""
        self._cell = cell

    def seat(self, process: WorkerProcess) -> None:
        """A new process has the slot."""
        self.process = process
        self.forked_at = time.monotonic()
        self.hung = self.retiring = self.announced = False

    def vacate(self) -> None:
        """The process is dead. Its rows stay for the successor to bury; its signs of life go."""
        self.process = None
        self._cell.state = WorkerState.GONE
        self._cell.heartbeat_ns = 0
        self._cell.pid = 0

    @property
    def ready_at(self) -> float | None:
        """Monotonic seconds at which the present process became ready, as it wrote itself; None before."""
        return self._cell.ready_ns / 1e9 if self._is_on_the_board and self._cell.ready_ns else None

    @property
    def is_up(self) -> bool:
        """Ready, not leaving, not known to be hung."""
        serving = self.ready_at is not None and self._cell.state == WorkerState.READY
        return self.process is not None and serving and not self.hung

    def became_ready(self) -> bool:
        """Whether the process has become ready since the last time this was asked."""
        news = self.is_up and not self.announced
        self.announced = self.announced or news
        return news

    def became_retiring(self) -> bool:
        """Whether the process has begun to drain since the last time this was asked."""
        news = self._is_on_the_board and self._cell.state == WorkerState.DRAINING and not self.retiring
        self.retiring = self.retiring or news
        return news

    def is_overdue(self, now: float, heartbeat_timeout_s: float) -> bool:
        """Whether the heart has stopped for too long, or never began to beat."""
        if self.process is None or self.hung:
            return False
        if self._is_on_the_board and self._cell.heartbeat_ns:
            return now - self._cell.heartbeat_ns / 1e9 > heartbeat_timeout_s
        return now - self.forked_at > BOOT_TIMEOUT_S

    @property
    def _is_on_the_board(self) -> bool:
        return self.process is not None and self._cell.pid == self.process.pid
