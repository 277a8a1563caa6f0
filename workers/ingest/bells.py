"""Ringing for the workers that wait: one store into an eventfd per armed worker, nothing for the others."""

from collections.abc import Mapping

from shm.board import Board, Interest
from shm.doorbell import Doorbell


class Bells:
    """The doorbells of all workers, rung only where a stream's interest word says that its worker sleeps."""

    def __init__(self, board: Board, doorbells: Mapping[int, Doorbell]) -> None:
        self._board = board
        self._doorbells = doorbells

    def ring_for(self, stream: int) -> None:
        """Wake every worker that is armed for this stream."""
        for worker, interest in self._board.interested(stream):
            if interest == Interest.ARMED and worker in self._doorbells:
                self._doorbells[worker].ring()
