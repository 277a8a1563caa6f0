"""The worker's ear: ingest rings, feeds with news wake.

Ingest rings only for workers that are armed. Each feed that sleeps looks at its ring by itself every 20 ms
besides (feed.py), so that a ring that got lost heals.
"""

from collections.abc import Callable

import trio

from shm.doorbell import Doorbell
from workers.fanout.feed import Feed


class Bell:
    """Wakes the feeds that have something new.

    Args:
        doorbell: this worker's.
        on_ring: called at every ring, before feeds are looked at; a stream's state may have changed.
    """

    def __init__(self, doorbell: Doorbell, on_ring: Callable[[], None]) -> None:
        self._doorbell = doorbell
        self._on_ring = on_ring
        self.feeds: dict[int, Feed] = {}

    async def listen(self) -> None:
        """Run until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._doorbell.fd)
            self._doorbell.drain()
            self._on_ring()
            for feed in list(self.feeds.values()):
                if feed.has_news():
                    feed.wake()
