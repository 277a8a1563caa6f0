"""The clients that call services: one per service, so that none of them costs another its answers.

A service is an origin (scheme, host and port). Each has its own breaker, connections and seats, and so has
each purpose: a queue that is being delivered must not stand in a publisher's way, and neither must players,
of whom anybody can send as many as he likes. That no service waits for another's events is up to the lanes.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple, Protocol

from engine.access.targets import parse_target
from engine.hooks.lanes import AT_ONCE
from engine.hooks.limits import MAX_REPLY_BYTES
from engine.policy.outside import OutsideLimits
from engine.policy.retry import RetryLimits
from engine.policy.seats import SeatLimits
from shm.breakers import NAME_BYTES_MAX, BreakerTable
from workers.runtime.outgoing import Outgoing, Reply
from workers.runtime.outside import Outside
from workers.runtime.worker import Worker

MAX_SERVICES: Final = 64
"""Clients that are kept; the one that was used longest ago goes. Each path may have services of its own."""

DIGEST_CHARACTERS: Final = 12
"""48 bits: of some hundred services no two will have the same."""

# A second attempt where the first one broke off at once: a kept connection that the service had closed.
DECIDING: Final = OutsideLimits(
    retry=RetryLimits(attempts=2, first_delay_s=0.05), seats=SeatLimits(seats=32, waiting=256)
)
# The lanes try again, each in its own time, and send no more at once than there are seats.
TELLING: Final = OutsideLimits(seats=SeatLimits(seats=AT_ONCE, waiting=AT_ONCE))


class Purpose(NamedTuple):
    """What services are called for: `dependency` in metrics and logs, `name` of its breakers in the API."""

    dependency: str
    name: str
    limits: OutsideLimits


PUBLISHERS: Final = Purpose("hook_decisions", "hook_decisions", DECIDING)
PLAYERS: Final = Purpose("hook_decisions", "hook_play_decisions", DECIDING)
EVENTS: Final = Purpose("hooks", "hooks", TELLING)
PURPOSES: Final = (PUBLISHERS, PLAYERS, EVENTS)


class Posts(Protocol):
    """What decisions and events are sent with."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> Reply:
        """Send `body`; the answer. Raises OutsideError."""
        ...


class Callers:
    """The clients of all services that are called for one purpose."""

    def __init__(self, worker: Worker, purpose: Purpose) -> None:
        self._worker = worker
        self._purpose = purpose
        self._table = BreakerTable(worker.cell)
        self._clients: OrderedDict[str, Outgoing] = OrderedDict()
        self._under_way: dict[str, int] = {}

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> Reply:
        """Send `body`; the answer. Raises OutsideError."""
        origin = parse_target(url).origin
        client = await self._client(origin)
        self._under_way[origin] = self._under_way.get(origin, 0) + 1
        try:
            return await client.post(url, body, headers, deadline_s)
        finally:
            self._under_way[origin] -= 1
            if not self._under_way[origin]:
                del self._under_way[origin]

    async def keep_only(self, origins: Collection[str]) -> None:
        """Forget the services that are not among `origins`, but for those that a call is under way to.

        Else the breaker of one that is out of the configuration would be told of for as long as control runs.
        """
        for origin in [origin for origin in self._clients if origin not in origins]:
            # Looked at each time: it may have gone, or be called, since the one before it was closed.
            if origin in self._clients and origin not in self._under_way:
                await self._forget(origin)

    async def aclose(self) -> None:
        """No call may be under way. What is known of the services stays on the board, for the successor."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _client(self, origin: str) -> Outgoing:
        client = self._clients.get(origin)
        if client is None:
            client = self._clients[origin] = self._new(origin)
        self._clients.move_to_end(origin)
        if len(self._clients) > MAX_SERVICES:
            await self._close_an_idle_one()
        return client

    async def _close_an_idle_one(self) -> None:
        idle = next((origin for origin in self._clients if origin not in self._under_way), None)
        if idle is not None and idle != next(reversed(self._clients)):
            await self._forget(idle)

    async def _forget(self, origin: str) -> None:
        client = self._clients.pop(origin)
        client.outside.forget()
        await client.aclose()

    def _new(self, origin: str) -> Outgoing:
        worker, purpose = self._worker, self._purpose
        entry = self._table.claim(entry_name(purpose.name, origin))
        if entry is None:
            worker.log.warning("breaker_board_full", dependency=purpose.dependency)
        outside = Outside(
            purpose.dependency,
            purpose.limits,
            metrics=worker.metrics,
            log=worker.log,
            entry=entry,
        )
        return Outgoing(outside, lambda: worker.config.outgoing.allow, max_reply_bytes=MAX_REPLY_BYTES)


def entry_name(purpose: str, origin: str) -> str:
    """What the service is called on the board. One that does not fit ends with a digest of all of it, since
    two services under one name would overwrite each other's state."""
    name = f"{purpose} {origin}"
    if name.isascii() and len(name) <= NAME_BYTES_MAX:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_CHARACTERS]
    return name.encode("ascii", "replace")[: NAME_BYTES_MAX - len(digest) - 1].decode() + "~" + digest
