"""The sender in a process of its own, to be killed: `python -m … <json>`, with its sockets and memory
inherited.

It is control without API, metrics and probes; what it has of the engine is what the test holds as the
supervisor would: its inbox, the worker's, and the board.
"""

import json
import logging
import os
import socket
import sys
from types import SimpleNamespace
from typing import Any, cast

import structlog
import trio
from msgspec.structs import replace

from engine.config import load
from engine.hooks import lanes
from engine.policy.breaker import BreakerLimits
from shm.arena import Arena
from shm.board import Board
from tests.workers.control.hooks.office import Counts
from workers.control.hooks import callers, office, watch
from workers.control.hooks.office import HookOffice
from workers.runtime.bus import Bus
from workers.runtime.slots import WorkerSlot

SLOTS = (WorkerSlot(0, "fanout", 0), WorkerSlot(1, "control", 0), WorkerSlot(2, "fanout", 1))


async def serve(given: dict[str, Any]) -> None:
    log = cast("Any", structlog.wrap_logger(logging.getLogger("sender")))
    inbox = socket.socket(fileno=given["inbox"])
    outboxes = {int(slot): socket.socket(fileno=fd) for slot, fd in given["outboxes"].items()}
    board = Board(Arena.attach(given["arena"]))
    bus = Bus(1, inbox, outboxes, log)
    worker = SimpleNamespace(
        tracer=None,
        config=load(given["config"], {}),
        metrics=Counts(),
        log=log,
        bus=bus,
        board=board,
        cell=board.worker(1),
        slots=SLOTS,
        on_reload=lambda _callback: None,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.run)
        await HookOffice(cast("Any", worker), nursery).start()
        os.write(given["ready"], b".")


def be_quick() -> None:
    """A service that is back is found at once, and who is dead: nobody waits for half a minute in a test."""
    lanes.LONGEST_REST_S = 0.2  # type: ignore[misc]
    office.LOOK_S = watch.GRACE_S = 0.1  # type: ignore[misc, attr-defined]
    limits = replace(callers.TELLING, breaker=BreakerLimits(open_s=0.1))
    office.EVENTS = callers.EVENTS._replace(limits=limits)  # type: ignore[attr-defined]


if __name__ == "__main__":
    be_quick()
    trio.run(serve, json.loads(sys.argv[1]))
