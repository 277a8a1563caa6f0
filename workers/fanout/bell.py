"""The worker's ear: ingest rings, feeds with news wake.

Ingest rings only for workers that are armed, but the word that says so and the head that says what is new
are written by two processes, and a store of one may pass a load of the other. A look at all feeds every 20
ms heals a wake-up that got lost (DESIGN.md, idea 4); it costs nothing while there are no players.
"""

from collections.abc import Iterable

import trio

from shm.doorbell import Doorbell
from workers.fanout.feed import Feed

SAFETY_POLL_S: float = 0.020


class Bell:
    """Wakes the feeds that have something new."""

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self.feeds: dict[int, Feed] = {}

    def wake_those_with_news(self) -> None:
        for feed in _with_news(self.feeds.values()):
            feed.wake()

    async def listen(self) -> None:
        """Run until cancelled."""
        while True:
            with trio.move_on_after(SAFETY_POLL_S if self.feeds else 1.0):
                await trio.lowlevel.wait_readable(self._doorbell.fd)
            self._doorbell.drain()
            self.wake_those_with_news()


def _with_news(feeds: Iterable[Feed]) -> list[Feed]:
    return [feed for feed in feeds if feed.has_news()]
