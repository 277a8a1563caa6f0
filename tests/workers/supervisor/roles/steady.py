"""A role that does what it should: answers each connection with its name and pid, lends, drains."""

import os
import socket

import trio

from workers.runtime.bus import Descriptors, Envelope
from workers.runtime.messages import Lend, TakeBack
from workers.runtime.worker import Worker


async def serve(worker: Worker) -> None:
    async with trio.open_nursery() as nursery:
        borrowed: dict[int, trio.CancelScope] = {}

        async def lend(message: Lend, _envelope: Envelope, _fds: Descriptors) -> None:
            scope = borrowed[message.fanout_index] = trio.CancelScope()
            for kind in ("rtmp", "http"):
                nursery.start_soon(accept, worker, worker.listeners[kind][message.fanout_index], scope)

        async def take_back(message: TakeBack, _envelope: Envelope, _fds: Descriptors) -> None:
            borrowed.pop(message.fanout_index).cancel()

        worker.bus.handle(Lend, lend)
        worker.bus.handle(TakeBack, take_back)
        worker.on_reload(
            lambda old, new: worker.log.info("role reloaded", old=old.play.wait_s, new=new.play.wait_s)
        )
        for kind, listeners in worker.listeners.items():
            if listeners:
                nursery.start_soon(accept, worker, worker.own_listener(kind), nursery.cancel_scope)
        worker.ready()
        await worker.draining.wait()
        nursery.cancel_scope.cancel()
    worker.close_listeners()


async def accept(worker: Worker, listener: socket.socket, scope: trio.CancelScope) -> None:
    with trio.CancelScope() as ours:
        while not scope.cancel_called:
            await trio.lowlevel.wait_readable(listener)
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue
            with connection:
                connection.sendall(f"{worker.slot.name} {os.getpid()}".encode())
    assert not ours.cancelled_caught
