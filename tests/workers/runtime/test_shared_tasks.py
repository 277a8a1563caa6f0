"""Tasks that outlive the client for whom they were begun."""

from contextvars import ContextVar
from typing import Final

import trio
import trio.testing

from workers.runtime.shared_tasks import start_shared

REQUEST: Final[ContextVar[str]] = ContextVar("request", default="nobody's")


async def test_a_shared_task_knows_nothing_of_the_request_that_began_it(nursery: trio.Nursery) -> None:
    seen: list[tuple[str, str]] = []

    async def serve(name: str) -> None:
        seen.append((name, REQUEST.get()))

    REQUEST.set("of the first client")
    start_shared(nursery, serve, "feed")
    nursery.start_soon(serve, "own")
    await trio.testing.wait_all_tasks_blocked()
    assert sorted(seen) == [("feed", "nobody's"), ("own", "of the first client")]
