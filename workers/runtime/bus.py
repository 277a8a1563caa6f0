"""The bus: short messages between processes, with descriptors if need be.

Theory of operation. Every worker slot, and the supervisor, has one inbox: a pair of Unix sequenced-packet
sockets made before the first fork. All processes hold all outboxes; only the seat's present process reads its
inbox, but the supervisor keeps every inbox open. So what is sent to a worker that has just died waits in
the kernel for its successor, descriptors included, and a publisher's hand-over survives the death of ingest.

Two kinds of traffic share an inbox. An *order* (no answer expected) is handled in order of arrival, one after
another: `TakeBack` must never overtake `Lend`. A *request* is a question; each is answered in a task of its
own, a bounded number of them at a time.

A role that has just been started names its handlers one after another, while messages for its predecessor are
there already. So in the first seconds a message without handler holds the inbox up; later it is an error.

Nothing waits for ever: a send gives up after SEND_TIMEOUT_S, a request after the time its caller allows.
A receiver that is stopped costs its senders that second and nothing else. Why not a pipe per pair of workers:
n*n descriptors, and a dead reader's pipe is lost with its content. Why not datagram sockets with names: they
need a place in the file system, and anybody could send.
"""

import math
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import trio

from workers.runtime.messages import AnyMessage, Message
from workers.runtime.packets import (
    BusClosed,
    BusError,
    BusFull,
    Descriptors,
    Packet,
    PacketTooLarge,
    Received,
    Unusable,
    receive_packet,
    send_packet,
)

__all__ = [
    "Bus",
    "BusClosed",
    "BusError",
    "BusFull",
    "BusTimeout",
    "Descriptors",
    "Envelope",
    "PacketTooLarge",
]

SEND_TIMEOUT_S: Final = 1.0  # an inbox is emptied in microseconds; a full one means a stopped or hung worker
BOOT_PATIENCE_S: Final = 5.0  # how long a new process's inbox waits for the role to name its handlers
MAX_QUESTIONS: Final = 32  # requests answered at a time; further ones wait in the kernel's bounded queue


class BusTimeout(BusError):
    """No answer in the time allowed."""


class Envelope(NamedTuple):
    """Who sent a message: a slot number or SUPERVISOR, and the id of the request; 0 for an order."""

    source: int
    request: int


M = TypeVar("M", bound=Message)
Handler = Callable[[M, Envelope, Descriptors], Awaitable[AnyMessage | None]]


class Log(Protocol):
    """The part of a logger that the bus needs."""

    def error(self, event: str, **fields: object) -> object: ...

    def exception(self, event: str, **fields: object) -> object: ...


class Bus:
    """One process's end of the bus. `run` must be running for requests and handlers to work."""

    def __init__(
        self, address: int, inbox: socket.socket, outboxes: Mapping[int, socket.socket], log: Log
    ) -> None:
        self.address = address
        self._inbox = inbox
        self._outboxes = outboxes
        self._log = log
        self._handlers: dict[type[Message], Handler[Message]] = {}
        self._handler_named = trio.Event()
        self._patient_until = math.inf
        self._waiting: dict[int, trio.MemorySendChannel[AnyMessage]] = {}
        # Starts at random: an answer to a question that this slot's previous process asked matches nothing.
        self._next_request = secrets.randbits(48) + 1
        self._questions = trio.Semaphore(MAX_QUESTIONS)

    def handle(self, kind: type[M], handler: Handler[M]) -> None:
        """Name the handler of a message type; a later one replaces it.

        For a request the handler's return value is the answer. Descriptors it did not take are closed when it
        returns. A handler of an order holds up the orders behind it: start long work in a nursery elsewhere.
        """
        self._handlers[kind] = handler  # type: ignore[assignment]  # the key says which M it takes
        self._handler_named.set()
        self._handler_named = trio.Event()

    async def send(self, to: int, message: AnyMessage, fds: Sequence[int] = ()) -> None:
        """Send an order. The kernel duplicates `fds`; the caller closes its own.

        Raises BusFull after SEND_TIMEOUT_S, BusClosed if nobody can ever read it, PacketTooLarge.
        """
        await self._post(to, Packet(self.address, 0, False, message), fds)

    async def request(
        self, to: int, message: AnyMessage, timeout_s: float, fds: Sequence[int] = ()
    ) -> AnyMessage:
        """Ask and wait for the answer. Raises BusTimeout after `timeout_s`, and whatever `send` raises."""
        request = self._next_request
        self._next_request += 1
        put, get = trio.open_memory_channel[AnyMessage](1)
        self._waiting[request] = put
        try:
            with trio.fail_after(timeout_s):
                await self._post(to, Packet(self.address, request, False, message), fds)
                return await get.receive()
        except trio.TooSlowError:
            raise BusTimeout(f"no answer to {type(message).__name__} from {to}") from None
        finally:
            del self._waiting[request]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read the inbox until cancelled, or until its far end is closed."""
        self._patient_until = trio.current_time() + BOOT_PATIENCE_S
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                try:
                    received = receive_packet(self._inbox)
                except BlockingIOError:
                    await trio.lowlevel.wait_readable(self._inbox)
                    continue
                except BusClosed:
                    return
                await self._dispatch(received, nursery)

    async def _post(self, to: int, packet: Packet, fds: Sequence[int]) -> None:
        outbox = self._outboxes[to]
        with trio.move_on_after(SEND_TIMEOUT_S):
            while True:
                try:
                    send_packet(outbox, packet, fds)
                except BusFull:
                    await _wait_for_room(outbox)
                else:
                    return
        raise BusFull(f"slot {to} has not emptied its inbox for {SEND_TIMEOUT_S} s")

    async def _dispatch(self, received: Received | Unusable, nursery: trio.Nursery) -> None:
        if isinstance(received, Unusable):
            why, message = received
            self._log.error("bus_packet_unusable", slot=self.address, message=message, why=why)
            return
        packet, descriptors = received
        if packet.answer:
            self._settle(packet, descriptors)
            return
        await self._wait_for_handler(type(packet.message))
        if packet.request:
            await self._questions.acquire()
            nursery.start_soon(self._answer, packet, descriptors)
        else:
            await self._obey(packet, descriptors)

    async def _wait_for_handler(self, kind: type[Message]) -> None:
        with trio.move_on_at(self._patient_until):
            while kind not in self._handlers:
                await self._handler_named.wait()

    def _settle(self, packet: Packet, descriptors: Descriptors) -> None:
        descriptors.close()  # no answer carries any
        waiting = self._waiting.get(packet.request)
        if waiting is not None:
            waiting.send_nowait(packet.message)

    async def _answer(self, packet: Packet, descriptors: Descriptors) -> None:
        try:
            answer = await self._obey(packet, descriptors)
            if answer is not None:
                await self._reply(packet, answer)
        finally:
            self._questions.release()

    async def _reply(self, packet: Packet, answer: AnyMessage) -> None:
        try:
            await self._post(packet.source, Packet(self.address, packet.request, True, answer), ())
        except BusError as error:
            self._log.error("bus_answer_lost", slot=self.address, to=packet.source, error=str(error))

    async def _obey(self, packet: Packet, descriptors: Descriptors) -> AnyMessage | None:
        """Run the handler. The one place where a handler's error ends: it costs a message, not the worker."""
        handler = self._handlers.get(type(packet.message))
        try:
            if handler is None:
                self._log.error("bus_message_without_handler", message=type(packet.message).__name__)
                return None
            return await handler(packet.message, Envelope(packet.source, packet.request), descriptors)
        except Exception:
            self._log.exception("bus_handler_failed", message=type(packet.message).__name__)
            return None
        finally:
            descriptors.close()


async def _wait_for_room(outbox: socket.socket) -> None:
    """Wait until the inbox behind `outbox` has room again.

    Where the kernel's bound on descriptors in flight was the reason, the socket is writable all the same; the
    pause keeps that from becoming a busy loop.
    """
    await trio.lowlevel.wait_writable(outbox)
    await trio.sleep(0.001)
