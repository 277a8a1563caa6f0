"""Tasks that are begun on behalf of one client and then serve many.

trio gives a task the context of whoever begins it, so what a feed or a shelf logs would carry, for as long as
it lives, the `request_id` and the trace of the one who happened to come first.
"""

from collections.abc import Awaitable, Callable
from contextvars import Context
from functools import partial
from typing import TypeVarTuple

import trio

Arguments = TypeVarTuple("Arguments")


def start_shared(
    nursery: trio.Nursery, run: Callable[[*Arguments], Awaitable[object]], *arguments: *Arguments
) -> None:
    """`nursery.start_soon`, in a context of its own."""
    Context().run(partial(nursery.start_soon, run, *arguments))
