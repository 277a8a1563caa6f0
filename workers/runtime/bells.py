"""Waking between workers: whoever writes a ring rings, whoever sleeps until there is news is woken.

A ring costs one store into an eventfd per armed worker and nothing for the others: a worker's interest word
says whether it sleeps. Rings may get lost with their process, so each sleeper looks by itself every now
and then as well.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Final, Protocol

import trio

from shm.board import Board, Interest
from shm.doorbell import Doorbell

NEVER_NS: Final = 2**63 - 1
"""A moment that does not come."""


def shared_ns(at_s: float) -> int:
    """A moment of trio's clock, which begins anywhere, on the one that all processes share."""
    return time.monotonic_ns() + int((at_s - trio.current_time()) * 1e9)


class Bells:
    """The doorbells of all workers, rung only where a stream's interest word says that its worker sleeps."""

    def __init__(self, board: Board, doorbells: Mapping[int, Doorbell]) -> None:
        self._board = board
        self._doorbells = doorbells

    def ring_for(self, stream: int) -> int:
        """Wake every worker that is armed for this stream.

        Returns the moment (monotonic, nanoseconds) until which nobody looks at what comes next: 0 where
        somebody was woken, NEVER_NS where nobody reads the stream.
        """
        first_ns = NEVER_NS
        for worker, interest in self._board.interested(stream):
            if interest != Interest.ARMED:
                first_ns = min(first_ns, self._board.looks_ns(worker, stream))
                continue
            first_ns = 0
            if worker in self._doorbells:
                self._doorbells[worker].ring()
        return first_ns


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
