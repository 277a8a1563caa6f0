"""A role that does what it should: answers each connection with its name and pid, lends, drains."""

import os
import socket

import trio

from workers.runtime.bus import Descriptors, Envelope
from workers.runtime.messages import Lend, TakeBack
from workers.runtime.worker import Worker, is_srt


async def serve(worker: Worker) -> None:
    async with trio.open_nursery() as nursery:
        borrowed: dict[int, trio.CancelScope] = {}

        async def lend(message: Lend, _envelope: Envelope, _fds: Descriptors) -> None:
            scope = borrowed[message.fanout_index] = trio.CancelScope()
            for kind, listeners in worker.listeners.items():
                if listeners:
                    nursery.start_soon(DOORS[is_srt(kind)], worker, listeners[message.fanout_index], scope)

        async def take_back(message: TakeBack, _envelope: Envelope, _fds: Descriptors) -> None:
            borrowed.pop(message.fanout_index).cancel()

        worker.bus.handle(Lend, lend)
        worker.bus.handle(TakeBack, take_back)
        worker.on_reload(
            lambda old, new: worker.log.info("role reloaded", old=old.play.wait_s, new=new.play.wait_s)
        )
        for kind, listeners in worker.listeners.items():
            if listeners:
                door = DOORS[is_srt(kind)]
                nursery.start_soon(door, worker, worker.own_listener(kind), nursery.cancel_scope)
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
                connection.sendall(name_of(worker))
    assert not ours.cancelled_caught


async def answer(worker: Worker, listener: socket.socket, scope: trio.CancelScope) -> None:
    while not scope.cancel_called:
        await trio.lowlevel.wait_readable(listener)
        try:
            _, asking = listener.recvfrom(100)
        except BlockingIOError:
            continue
        listener.sendto(name_of(worker), asking)


def name_of(worker: Worker) -> bytes:
    return f"{worker.slot.name} {os.getpid()} {worker.srt_secret.hex()}".encode()


DOORS = {False: accept, True: answer}
