"""What the kit adds to a call to the outside: deadline, retry, breaker, limiter and their figures, round
nothing.

With the metrics of a real worker, in files on disk or tmpfs, and a breaker on a real board: what is measured
is what a hook call costs beyond the hook. `trio.run` itself is in the figures, a microsecond or less for each
call.
"""

import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio

from bench.micro.clock import Step
from engine.policy.outside import BreakerOpen, OutsideLimits
from shm.arena import Arena
from shm.board import Board
from shm.breakers import BreakerTable
from shm.layout import Geometry
from workers.runtime.metrics import Metrics
from workers.runtime.outside import Outside

CALLS = 2_000

Body = Callable[[Outside], Awaitable[object]]


def outside_steps() -> list[Step]:
    """Built when asked for: a folder for metrics and an arena come with it."""
    folder = tempfile.TemporaryDirectory(prefix="fanlight-bench-")
    metrics = Metrics("bench0", folder.name)
    arena = Arena.create(Geometry(workers=1, streams=1, ring_bytes=64 * 1024, index_entries=64))
    cell = Board(arena).worker(0)

    def step(name: str, body: Body) -> Step:
        def work() -> None:
            trio.run(_many, metrics, BreakerTable(cell), body)
            folder.name  # noqa: B018 - the folder lives as long as its step

        return Step(name, work, CALLS, "call")

    return [
        step("outside: the bare call", _bare),
        step("outside: a call that succeeds", _succeeding),
        step("outside: a call that an open breaker refuses", _refused),
    ]


class Quiet:
    """A log that nobody reads: transitions are rare, and no part of a call."""

    def info(self, event: str, **fields: object) -> None:
        """Not written."""

    warning = info


async def _many(metrics: Metrics, table: BreakerTable, body: Body) -> None:
    entry = table.claim("hooks")
    assert entry is not None
    entry.state = entry.failures = 0  # what the run before has left
    await body(Outside("hooks", OutsideLimits(), metrics=metrics, log=Quiet(), entry=entry))


async def _nothing() -> None:
    """What is called."""


async def _bare(outside: Outside) -> None:
    for _ in range(CALLS):
        await _nothing()


async def _succeeding(outside: Outside) -> None:
    for _ in range(CALLS):
        await outside.call(_nothing)


async def _refused(outside: Outside) -> None:
    await _trip(outside)
    for _ in range(CALLS):
        with suppress(BreakerOpen):
            await outside.call(_nothing)


async def _trip(outside: Outside) -> None:
    async def fail() -> None:
        raise ConnectionError

    for _ in range(outside.limits.breaker.failures):
        with suppress(ConnectionError):
            await outside.call(fail)
