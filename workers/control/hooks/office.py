"""All of the sender together: the book and its spool, the desk, the deliveries, the watch."""

import os
import time
from typing import Final

import structlog
import trio

from engine.access.targets import parse_target
from engine.config import Config
from engine.hooks.lanes import Lanes
from engine.hooks.moves import addresses_in, are_alike
from engine.hooks.settings import Kind
from workers.control.hooks.callers import EVENTS, PLAYERS, PUBLISHERS, Callers, Posts
from workers.control.hooks.decisions import Decisions
from workers.control.hooks.desk import HookDesk
from workers.control.hooks.figures import Figures
from workers.control.hooks.folder import folder_for
from workers.control.hooks.readdress import readdress
from workers.control.hooks.sender import Sender, now_ms
from workers.control.hooks.spool import Spool
from workers.control.hooks.watch import LOOK_S, Deaths, alive_on
from workers.runtime.bus import BusError, Descriptors, Envelope
from workers.runtime.hook_line import engine_holder
from workers.runtime.messages import AnyMessage, HookAsk, HookNotices, HookNoticesTaken, HookVerdict
from workers.runtime.stream_settings import StreamSettings
from workers.runtime.worker import Worker

LAST_DELIVERIES_S: Final = 2.0
"""How long control stays for what is still queued when the engine drains; the rest waits on disk for the
next one."""

LAST_LOOK_S: Final = 0.02

ADDED_AT_A_TIME: Final = 1000
"""Events of the spool before others have their turn: some milliseconds. A full one may have a million."""

NS_PER_S: Final = 1e9


class HookOffice:
    """The sender. It begins to work when hooks are configured, and has no folder before.

    Args:
        worker: control's.
        nursery: everything runs here.
    """

    def __init__(self, worker: Worker, nursery: trio.Nursery) -> None:
        self._worker = worker
        self._nursery = nursery
        hooks = worker.config.hooks
        self.figures = Figures(worker.metrics)
        self.lanes = Lanes()
        self.spool = Spool(
            folder_for(hooks.folder, os.environ),
            hooks.spool_bytes,
            self._drop,
            worker.log,
            worker.metrics.bind("fanlight_hook_spool_errors_total"),
        )
        self._questions: dict[Kind, Callers] = {
            "publish": Callers(worker, PUBLISHERS),
            "play": Callers(worker, PLAYERS),
        }
        self._event_calls = Callers(worker, EVENTS)
        settings = StreamSettings(worker)
        book = self.spool.book
        posts = {kind: traced(calls, worker) for kind, calls in self._questions.items()}
        decisions = Decisions(posts, self.figures, worker.log)
        self._sender = Sender(
            self.lanes, book, self.spool.append, self._event_calls, settings, self.figures, worker.log
        )
        self._desk = HookDesk(book, self.spool.append, self._sender, decisions, settings, worker.log)
        engine = engine_holder()
        self._deaths = Deaths(book.ledger, alive_on(worker.board, len(worker.slots), engine))
        self._config, self._origins = worker.config, origins_of(worker.config)
        self._opening, self._moving = trio.Lock(), trio.Lock()
        self._is_open = False

    async def start(self) -> None:
        """Name the handlers; open the spool if there are hooks, or as soon as there are."""
        self._worker.bus.handle(HookAsk, self._asked)
        self._worker.bus.handle(HookNotices, self._told)
        self._worker.on_reload(self._reloaded)
        if are_configured(self._worker.config):
            await self._open()

    async def finish(self) -> None:
        """Deliver what can be delivered in a moment, and leave the rest on disk."""
        if self._is_open:
            with trio.move_on_after(LAST_DELIVERIES_S):
                while len(self.lanes):  # noqa: ASYNC110 - several tasks empty them
                    await trio.sleep(LAST_LOOK_S)

    async def aclose(self) -> None:
        """Nothing may run any more."""
        if self._is_open:
            await self.spool.close()
        for calls in (*self._questions.values(), self._event_calls):
            await calls.aclose()

    # -- opening

    async def _open(self) -> None:
        async with self._opening:
            if self._is_open:
                return
            config = self._worker.config
            await self.spool.open()
            for at, (_, event) in enumerate(sorted(self.spool.book.pending.items())):
                self._sender.add(event)
                if at % ADDED_AT_A_TIME == 0:
                    await trio.lowlevel.checkpoint()
            await self._readdress(config, config)
            self._is_open = True
            self._reloaded(config, self._worker.config)  # where that was meanwhile
            self._nursery.start_soon(self._sender.run)
            self._nursery.start_soon(self._look_after)
            self._worker.log.info(
                "hooks_open", queued=len(self.lanes), sessions=len(self.spool.book.ledger.open)
            )

    def _reloaded(self, old: Config, new: Config) -> None:
        if self._is_open and not are_alike(old, new):
            self._sender.hold()
            self._nursery.start_soon(self._move, old, new)
        elif not self._is_open and are_configured(new):
            self._nursery.start_soon(self._open)

    async def _move(self, old: Config, new: Config) -> None:
        async with self._moving:  # one change after the other
            try:
                await self._readdress(old, new)
            finally:
                self._sender.go_on()
        await self.spool.append()

    async def _readdress(self, old: Config, new: Config) -> None:
        await readdress(self.spool.book, self._sender, self.spool.note, old, new, self._worker.log)

    # -- the bus

    async def _asked(self, message: HookAsk, envelope: Envelope, _fds: Descriptors) -> None:
        await self._open()
        self._nursery.start_soon(self._answer, message, envelope.source)

    async def _answer(self, message: HookAsk, source: int) -> None:
        left_s = message.timeout_s - (time.monotonic_ns() - message.asked_ns) / NS_PER_S
        if left_s <= 0:
            return
        session = message.session
        if session.request_id:
            structlog.contextvars.bind_contextvars(request_id=session.request_id)
        if self._worker.tracer is not None:
            self._worker.tracer.go_on("decide", message.traceparent)
        try:
            verdict, records = await self._desk.decide(session, left_s)
        except Exception:  # one question's: the others go on, and so do the events
            self._worker.log.exception("hook_failed_here", session=session.id)
            return
        finally:
            if self._worker.tracer is not None:
                self._worker.tracer.end()
        self.spool.note(records)
        await self._say(source, HookVerdict(message.number, verdict))
        await self.spool.append()

    async def _told(self, message: HookNotices, envelope: Envelope, _fds: Descriptors) -> None:
        await self._open()
        self.spool.note(self._desk.take(message.notices))
        self._nursery.start_soon(self._confirm, envelope.source, message.batch)

    async def _confirm(self, source: int, batch: int) -> None:
        await self.spool.append()
        await self._say(source, HookNoticesTaken(batch))

    async def _say(self, to: int, message: AnyMessage) -> None:
        try:
            await self._worker.bus.send(to, message)
        except BusError as error:
            self._worker.log.error("hook_answer_lost", to=to, error=str(error))

    # -- now and then

    async def _look_after(self) -> None:
        while True:
            ends = self._deaths.look(trio.current_time())
            if ends:
                await self.spool.append(self._desk.take(ends))
            self._tell_figures()
            await self._forget_services()
            await trio.sleep(LOOK_S)

    def _tell_figures(self) -> None:
        self.figures.queue(
            len(self.lanes),
            self.oldest_s(),
            self.spool.segments.total_bytes,
            len(self.spool.book.ledger.open),
        )

    async def _forget_services(self) -> None:
        """What a reload has taken out: after a moment in which calls to it may have been under way."""
        config = self._worker.config
        if config is not self._config:
            self._config, self._origins = config, origins_of(config)
        for calls in (*self._questions.values(), self._event_calls):
            await calls.keep_only(self._origins)

    def oldest_s(self) -> float:
        """How long the event has waited that has waited longest."""
        oldest_ms = self.lanes.oldest_ms()
        return max(0.0, (now_ms() - oldest_ms) / 1000) if oldest_ms is not None else 0.0

    def _drop(self, numbers: list[int]) -> None:
        """The spool is full: these go."""
        pending = self.spool.book.pending
        dropped = [event for number in numbers if (event := pending.pop(number, None)) is not None]
        self.lanes.drop({event.number for event in dropped}, trio.current_time())
        for event in dropped:
            self.figures.done(event.action, "dropped")
        self._worker.log.error("hook_events_dropped", count=len(dropped), why="the spool is full")


def traced(posts: Callers, worker: Worker) -> Posts:
    """The same calls, with what traces want of them, where traces are kept."""
    if worker.tracer is None:
        return posts
    from workers.control.hooks.traced import TracedPosts  # here: what is off is not even imported

    return TracedPosts(posts, worker.tracer)


def are_configured(config: Config) -> bool:
    """Whether any stream may have hooks."""
    return bool(addresses_in(config))


def origins_of(config: Config) -> frozenset[str]:
    """Of all services that any stream may have."""
    return frozenset(parse_target(url).origin for url in addresses_in(config))
