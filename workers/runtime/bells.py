"""Waking between workers: whoever writes a ring rings, whoever sleeps until there is news is woken.

A ring costs one store into an eventfd per armed worker and nothing for the others: a worker's interest word
says whether it sleeps. Rings may get lost with their process, so each sleeper looks by itself every now
and then as well.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Protocol

import trio

from shm.board import Board, Interest
from shm.doorbell import Doorbell


class Bells:
    """The doorbells of all workers, rung only where a stream's interest word says that its worker sleeps."""

    def __init__(self, board: Board, doorbells: Mapping[int, Doorbell]) -> None:
        self._board = board
        self._doorbells = doorbells

    def ring_for(self, stream: int) -> bool:
        """Wake every worker that is armed for this stream; whether any reads it, armed or not."""
        interested = self._board.interested(stream)
        for worker, interest in interested:
            if interest == Interest.ARMED and worker in self._doorbells:
                self._doorbells[worker].ring()
        return bool(interested)


class Sleeper(Protocol):
    """Somebody in this worker who reads a ring."""

    def has_news(self) -> bool:
        """Whether there is something it has not seen."""
        ...

    def wake(self) -> None: ...


class BellListener:
    """The worker's ear: wakes those who have something new.

    Args:
        doorbell: this worker's.
        on_ring: called at every ring, before the sleepers are looked at; a stream's state may have changed.
    """

    def __init__(self, doorbell: Doorbell, on_ring: Callable[[], None]) -> None:
        self._doorbell = doorbell
        self._on_ring = on_ring
        self.sleepers: dict[Hashable, Sleeper] = {}

    async def listen(self) -> None:
        """Run until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._doorbell.fd)
            self._doorbell.drain()
            self._on_ring()
            for sleeper in list(self.sleepers.values()):
                if sleeper.has_news():
                    sleeper.wake()
