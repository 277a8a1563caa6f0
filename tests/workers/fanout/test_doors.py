"""The doors of a fanout worker: its own listeners, and those it accepts on for a sibling that is down."""

import socket
from types import SimpleNamespace
from typing import Any, cast

import trio

from engine.config import Config
from workers.fanout.audience import Audience
from workers.fanout.guard import Guard
from workers.fanout.main import DOORS, INSIDE_TLS, Door, Doors
from workers.runtime.bus import Descriptors, Envelope
from workers.runtime.messages import Lend, TakeBack
from workers.runtime.worker import Worker

ENVELOPE = Envelope(0, 0)


def listening() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return listener


async def test_worker_that_is_lent_a_siblings_doors_accepts_at_both_of_them() -> None:
    listeners = {kind: [listening(), listening()] for kind in (*DOORS, *INSIDE_TLS)}
    worker = SimpleNamespace(
        listeners=listeners, own_listener=lambda kind: listeners[kind][0], config=Config()
    )
    visitors, opened = trio.open_memory_channel[str](8)

    def door(kind: str) -> Door:
        async def serve(audience: Audience, sock: socket.socket, remote: str) -> None:
            sock.close()
            await visitors.send(kind)

        return serve

    by_kind = {kind: door(kind) for kind in listeners}
    async with trio.open_nursery() as connections, trio.open_nursery() as accepting:
        audience = cast("Any", SimpleNamespace(guard=Guard.open()))
        doors = Doors(cast("Worker", worker), audience, connections, by_kind)
        doors.open(accepting)
        await doors.lend(Lend(1), ENVELOPE, Descriptors())
        for kind, (own, lent) in listeners.items():
            for listener in (own, lent):
                with socket.create_connection(listener.getsockname()):
                    assert await opened.receive() == kind
        await doors.take_back(TakeBack(1), ENVELOPE, Descriptors())
        await doors.lend(Lend(1), ENVELOPE, Descriptors())
        with socket.create_connection(listeners["http"][1].getsockname()):
            assert await opened.receive() == "http"
        accepting.cancel_scope.cancel()
    for pair in listeners.values():
        for listener in pair:
            listener.close()
