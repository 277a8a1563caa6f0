"""Delivers what is queued: a number of events at a time, each stream's in order, until each has arrived."""

import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio
from structlog.typing import FilteringBoundLogger

from engine.hooks.book import Book
from engine.hooks.lanes import AT_ONCE as SERVICE_AT_ONCE
from engine.hooks.lanes import Lanes
from engine.hooks.records import AnyRecord, Done, Queued
from engine.hooks.reply import NotUnderstood, is_final, understand
from engine.hooks.settings import urls_for
from engine.policy.outside import BreakerOpen, OutsideError
from workers.control.hooks.callers import MAX_SERVICES, Posts
from workers.control.hooks.calls import headers_for
from workers.control.hooks.figures import Failure, Figures
from workers.runtime.stream_settings import StreamSettings

AT_ONCE: Final = MAX_SERVICES * SERVICE_AT_ONCE
"""Events under way, of all services together: as many services as have clients may each have as many as one
may (engine/hooks/lanes.py), so that none waits for others that are slow. Of more services than that those
that wait take turns."""

Append = Callable[[Sequence[AnyRecord]], Awaitable[None]]


class Sender:
    """Empties the lanes.

    Args:
        lanes, book: what there is to send.
        append: puts records on disk.
        posts: calls services.
        settings: addresses, secrets and time-outs, as they are now.
        figures, log: hear what comes of it.
    """

    def __init__(
        self,
        lanes: Lanes,
        book: Book,
        append: Append,
        posts: Posts,
        settings: StreamSettings,
        figures: Figures,
        log: FilteringBoundLogger,
    ) -> None:
        self._lanes = lanes
        self._book = book
        self._append = append
        self._posts = posts
        self._settings = settings
        self._figures = figures
        self._log = log
        self._news = trio.Event()
        self._seats = trio.Semaphore(AT_ONCE)
        self._holds = 0

    def add(self, event: Queued) -> None:
        """One more to deliver; the book has it."""
        self._lanes.add(event, trio.current_time())
        self._news.set()

    def move(self, events: Sequence[Queued]) -> None:
        """These go to other addresses from now on."""
        left = [self._book.pending[event.number] for event in events]
        for event in events:
            self._book.pending[event.number] = event
        self._lanes.move(left, events, trio.current_time())
        self._news.set()

    def hold(self) -> None:
        """Begin no call until `go_on`, which is to be said as often as this: addresses are being changed."""
        self._holds += 1

    def go_on(self) -> None:
        self._holds -= 1
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                await self._seats.acquire()
                nursery.start_soon(self._deliver, await self._next())

    async def _next(self) -> Queued:
        """Wait for an event that may be sent now."""
        while True:
            self._news = trio.Event()
            if self._holds:
                await self._news.wait()
                continue
            now_s = trio.current_time()
            event = self._lanes.take(now_s)
            if event is not None:
                return event
            next_s = self._lanes.next_s()
            with trio.move_on_at(next_s if next_s is not None else math.inf):
                await self._news.wait()

    async def _deliver(self, event: Queued) -> None:
        try:
            result = await self._send(event)
            if result is not None:
                await self._done(event, result)
        except Exception:  # a bug, and that of one event: the others go on
            self._log.exception("hook_failed_here", event_id=event.event_id)
            self._lanes.fail(event, trio.current_time(), 1.0)
        finally:
            self._seats.release()
            self._news.set()

    async def _send(self, event: Queued) -> str | None:
        """One attempt; the result in the words of the metrics, None if there is to be another."""
        hooks = self._settings.of(event.path or event.stream).hooks
        if event.url not in urls_for(hooks, event.action):
            return "removed" if self._stands(event) else None
        headers = headers_for(event.body, event.event_id, hooks.secret, int(time.time()))
        try:
            reply = await self._posts.post(event.url, event.body, headers, hooks.timeout_s)
        except OutsideError as error:
            self._failed(event, error.reason, str(error))
            return None
        self._figures.answered(event.url, now_ms())
        if not is_final(reply.status):
            self._failed(event, "bad_status", f"it answered {reply.status}")
            return None
        return self._result(event, reply.status, reply.body)

    def _stands(self, event: Queued) -> bool:
        """Whether the address of an event that nobody has there is for good. One that was taken just before
        addresses changed is put back."""
        if not self._holds and self._book.pending.get(event.number) is event:
            return True
        self._lanes.fail(event, trio.current_time(), 0.0)
        return False

    def _result(self, event: Queued, status: int, body: bytes) -> str:
        """The service has had the event; whether it liked it is for the figures alone."""
        try:
            taken = understand(status, body).allowed
        except NotUnderstood:
            taken = True
        if taken:
            return "delivered"
        self._figures.note(self._failure(event, "refused", f"it answered {status}"))
        return "refused"

    def _failed(self, event: Queued, reason: str, text: str) -> None:
        rest_s = self._lanes.fail(event, trio.current_time(), random.random())
        self._figures.failure(self._failure(event, reason, text))
        told = {"event_id": event.event_id, "action": event.action, "stream": event.stream, "reason": reason}
        if reason == BreakerOpen.reason:  # nobody was asked, and that the service is down has been told
            self._log.debug("hook_failed", **told, error=text, again_in_s=round(rest_s, 3))
        else:
            self._log.warning("hook_failed", **told, error=text, again_in_s=round(rest_s, 3))

    async def _done(self, event: Queued, result: str) -> None:
        self._lanes.finish(event, trio.current_time(), answered=result != "removed")
        if self._book.pending.pop(event.number, None) is None:
            return  # dropped while it was under way
        self._figures.done(event.action, result)
        self._news.set()
        await self._append([Done([event.number])])

    def _failure(self, event: Queued, reason: str, text: str) -> Failure:
        return Failure(now_ms(), event.action, event.event_id, event.stream, event.url, reason, text)


def now_ms() -> int:
    """Wall clock."""
    return time.time_ns() // 1_000_000
