"""A worker in a process of its own, to be killed: `python -m … <json>`, with sockets and memory inherited.

It tells of sessions that begin, and of the end of every second one; once the sender has confirmed all of that
it says so, and lives on with the others open.
"""

import json
import logging
import os
import socket
import sys
from typing import Any, cast

import structlog
import trio

from engine.hooks.notices import Began, Ended
from engine.hooks.sessions import Holder, Session
from shm.arena import Arena
from shm.board import Board
from shm.process import start_ticks
from tests.workers.control.hooks.office import Counts
from workers.runtime import hook_line
from workers.runtime.bus import Bus
from workers.runtime.hook_line import HookLine
from workers.runtime.messages import HookNoticesTaken

SLOT = 2
STREAM = "live/of-the-mortal"
PATIENCE_S = 60.0


async def tell(given: dict[str, Any]) -> None:
    log = cast("Any", structlog.wrap_logger(logging.getLogger("mortal")))
    inbox, outbox = (socket.socket(fileno=given[name]) for name in ("inbox", "outbox"))
    bus = Bus(SLOT, inbox, {given["control"]: outbox}, log)
    holder = Holder(SLOT, os.getpid(), start_ticks(os.getpid()))
    cell = Board(Arena.attach(given["arena"])).worker(SLOT)
    cell.start_time, cell.pid = holder.start_ticks, holder.pid
    line = HookLine(bus, given["control"], holder, log, Counts())
    bus.handle(HookNoticesTaken, line.take_confirmation)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.run)
        nursery.start_soon(line.run)
        for number in range(given["sessions"]):
            session = Session(id=f"w{number}", kind="play", stream=STREAM, holder=holder, began_ms=number)
            line.tell(Began(session))
            if number % 2:
                line.tell(Ended(session.id, "closed"))
        await line.flush()
        os.write(given["ready"], b".")


if __name__ == "__main__":
    hook_line.FLUSH_S = PATIENCE_S  # type: ignore[misc]
    trio.run(tell, json.loads(sys.argv[1]))
