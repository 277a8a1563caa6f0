"""A worker's line to the sender of webhooks, which is in control.

    ask     may this session begin? waits for the answer, no longer than the path's time-out
    tell    something has happened; never waits

What is told waits in a bounded queue and goes out in batches, one at a time, each said again until the sender
confirms that it is on disk: so the sender may be killed at any moment, and nothing is lost while this worker
lives. What this worker had not told when it was killed itself, the sender finds out (control/hooks/watch.py).
"""

import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import trio
from structlog.typing import FilteringBoundLogger

from engine.config.tree import Hooks
from engine.hooks.notices import AnyNotice, Began
from engine.hooks.reply import Verdict
from engine.hooks.sessions import Holder, Session
from engine.hooks.settings import ENDS, STARTS, allows_unanswered, urls_for
from shm.process import start_ticks
from workers.runtime.bus import BusError, Descriptors, Envelope, PacketTooLarge
from workers.runtime.messages import AnyMessage, HookAsk, HookNotices, HookNoticesTaken, HookVerdict
from workers.runtime.metrics import Child
from workers.runtime.slots import CONTROL, SUPERVISOR, of_role
from workers.runtime.worker import Worker

MAX_TOLD: Final = 20_000
"""Notices that wait for a sender that is down: as many as a worker has players. At some 300 bytes each that
is 6 MB; beyond it the oldest go, and are counted."""

BATCH: Final = 16
"""Notices in one message: a session is 6 KiB at most, all of it in the longest letters, and a packet has
128."""

CONFIRM_S: Final = 2.0
"""After so long without confirmation a batch is said again: a killed sender is back in one."""

REPLY_SHARE: Final = 0.9
"""Of the time-out is the service's; the rest is for the way to it through control, and back."""

FLUSH_S: Final = 2.0
"""How long a worker that leaves waits for its last notices to be confirmed."""

UNANSWERED: Final = "hook_unanswered"


class Counts(Protocol):
    """The part of the metrics that is used here."""

    def bind(self, name: str, **labels: str) -> Child: ...


class Sends(Protocol):
    """The part of the bus that is used here."""

    async def send(self, to: int, message: AnyMessage) -> None: ...


class HookLine:
    """One worker's line.

    Args:
        bus: its own.
        control: the sender's slot.
        holder: this process, as sessions name who they live and die with.
        log, metrics: the worker's.
    """

    def __init__(
        self, bus: Sends, control: int, holder: Holder, log: FilteringBoundLogger, metrics: Counts
    ) -> None:
        self.holder = holder
        self._bus = bus
        self._control = control
        self._log = log
        self._dropped = metrics.bind("fanlight_hook_notices_dropped_total")
        self.traceparent: Callable[[], str] = no_trace
        """Of the task that asks."""
        self._asked: dict[int, trio.MemorySendChannel[Verdict]] = {}
        # Random beginnings: what was meant for this slot's previous process matches nothing.
        self._next_number = secrets.randbits(40)
        self._batch = secrets.randbits(40)
        self._told: deque[AnyNotice] = deque()
        self._news = trio.Event()
        self._confirmed = trio.Event()
        self._empty = trio.Event()
        self._empty.set()

    # -- deciding

    async def begin(self, session: Session, hooks: Hooks, patience_s: float = 60.0) -> Verdict:
        """Whether the session may begin, and how. Asks only where a service wants to be asked.

        `patience_s` bounds the path's time-out, for clients that give up sooner than it. Never raises but
        Cancelled.
        """
        if not urls_for(hooks, STARTS[session.kind]):
            if urls_for(hooks, ENDS[session.kind]):
                self.tell(Began(session))
            return Verdict(allowed=True)
        verdict = await self._ask(session, min(hooks.timeout_s, patience_s))
        return verdict or self._by_policy(session, hooks)

    async def _ask(self, session: Session, timeout_s: float) -> Verdict | None:
        number = self._next_number
        self._next_number += 1
        put, get = trio.open_memory_channel[Verdict](1)
        self._asked[number] = put
        try:
            with trio.move_on_after(timeout_s):
                asked_ns, traceparent = time.monotonic_ns(), self.traceparent()
                await self._bus.send(
                    self._control, HookAsk(number, session, timeout_s * REPLY_SHARE, asked_ns, traceparent)
                )
                return await get.receive()
        except BusError as error:
            self._log.error("hook_not_asked", session=session.id, error=str(error))
        finally:
            del self._asked[number]
        return None

    def _by_policy(self, session: Session, hooks: Hooks) -> Verdict:
        """Control itself was silent."""
        allowed = allows_unanswered(hooks, session.kind)
        self._log.error("hook_sender_silent", session=session.id, stream=session.stream, allowed=allowed)
        if allowed:
            self.tell(Began(session))
        return Verdict(allowed=allowed, answered=False)

    # -- telling

    def tell(self, notice: AnyNotice) -> None:
        """Have the sender know. Never waits, never raises."""
        if len(self._told) >= MAX_TOLD:
            self._told.popleft()
            self._dropped.inc()
        self._told.append(notice)
        self._empty = trio.Event() if self._empty.is_set() else self._empty
        self._news.set()

    async def run(self) -> None:
        """Send what is told, until cancelled."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            while self._told:
                await self._send_batch()
            self._empty.set()

    async def flush(self) -> None:
        """Wait until all that was told is confirmed, FLUSH_S at most."""
        with trio.move_on_after(FLUSH_S) as waited:
            await self._empty.wait()
        if waited.cancelled_caught:
            self._log.error("hook_notices_left", count=len(self._told))

    async def _send_batch(self) -> None:
        """Say the oldest notices until they are confirmed."""
        batch = [self._told.popleft() for _ in range(min(BATCH, len(self._told)))]
        self._batch += 1
        self._confirmed = trio.Event()
        message = HookNotices(self._batch, batch)
        while not self._confirmed.is_set():
            with trio.move_on_after(CONFIRM_S):
                try:
                    await self._bus.send(self._control, message)
                    await self._confirmed.wait()
                except PacketTooLarge as error:  # a bug: everything in a notice is bounded
                    self._log.error("hook_notices_lost", count=len(batch), error=str(error))
                    self._dropped.inc(len(batch))
                    return
                except BusError:  # control is down or hung
                    await trio.sleep(CONFIRM_S)

    # -- hearing

    async def take_verdict(self, message: HookVerdict, _envelope: Envelope, _fds: Descriptors) -> None:
        """A handler of the bus. An answer that comes too late is nobody's."""
        waiting = self._asked.get(message.number)
        if waiting is not None:
            waiting.send_nowait(message.verdict)

    async def take_confirmation(
        self, message: HookNoticesTaken, _envelope: Envelope, _fds: Descriptors
    ) -> None:
        """A handler of the bus."""
        if message.batch == self._batch:
            self._confirmed.set()


def no_trace() -> str:
    """Traces are off."""
    return ""


def open_line(worker: Worker) -> HookLine:
    """The line of this worker; its `run` has to be started."""
    (control,) = of_role(worker.slots, CONTROL)
    line = HookLine(worker.bus, control.number, own_holder(worker), worker.log, worker.metrics)
    if worker.tracer is not None:
        line.traceparent = worker.tracer.traceparent
    worker.bus.handle(HookVerdict, line.take_verdict)
    worker.bus.handle(HookNoticesTaken, line.take_confirmation)
    return line


def own_holder(worker: Worker) -> Holder:
    """This process."""
    return Holder(worker.slot.number, os.getpid(), worker.cell.start_time)


def engine_holder() -> Holder:
    """The engine as a whole: its supervisor, which is every worker's parent."""
    parent = os.getppid()
    return Holder(SUPERVISOR, parent, start_ticks(parent))
