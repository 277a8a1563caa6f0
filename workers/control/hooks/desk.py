"""What workers ask and tell, turned into sessions, events and records."""

import socket
import time
from collections.abc import Iterator, Sequence
from typing import Final

import trio
from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from engine.config.tree import Hooks
from engine.hooks.book import Book
from engine.hooks.events import Body, Stamp, encode, end_of, segment_of, start_of
from engine.hooks.informed import hear_the_end
from engine.hooks.notices import AnyNotice, Began, Ended, Held, SegmentFinished
from engine.hooks.records import AnyRecord, Closed, Opened, Queued
from engine.hooks.reply import Verdict
from engine.hooks.sessions import Session
from engine.hooks.settings import ENDS, STARTS, allows_unanswered, urls_for
from workers.control.hooks.decisions import Decision, Decisions
from workers.control.hooks.pots import Pots
from workers.control.hooks.sender import Append, Sender, now_ms
from workers.runtime.hook_line import UNANSWERED
from workers.runtime.stream_settings import StreamSettings

BY_POLICY: Final = "policy"
DENIED: Final = "hook_denied"


class HookDesk:
    """Keeps the book up to date.

    Args:
        book: what is open and pending.
        append: puts records on disk.
        sender: delivers what is queued.
        decisions: asks services.
        settings: a stream's own.
        log: the worker's.
    """

    def __init__(
        self,
        book: Book,
        append: Append,
        sender: Sender,
        decisions: Decisions,
        settings: StreamSettings,
        log: FilteringBoundLogger,
    ) -> None:
        self._book = book
        self._append = append
        self._sender = sender
        self._decisions = decisions
        self._settings = settings
        self._log = log
        self._server_id = socket.gethostname()
        self._deciding: dict[str, Ended | None] = {}  # by session: its end, if that came first
        self._pots = Pots()

    # -- deciding

    async def decide(self, session: Session, timeout_s: float) -> tuple[Verdict, list[AnyRecord]]:
        """Whether the session may begin; and what is to be appended once its worker has been told.

        The question itself is on disk before it is asked, so that an end will be told whatever happens.
        """
        hooks = self._settings.of(session.stream).hooks
        urls = urls_for(hooks, STARTS[session.kind])
        if session.id in self._deciding or not self._pots.has_room(session.kind, urls):
            return self._overloaded(session, hooks)
        stamp = self._stamp(session.stream)
        self._book.ledger.begin(session)
        self._deciding[session.id] = None
        try:
            with self._pots.one_more(session.kind, urls):
                decision = await self._ask(session, urls, hooks, stamp, timeout_s)
        finally:
            early = self._deciding.pop(session.id)
        return decision.verdict, self._conclude(session, hooks, stamp, decision, early)

    async def _ask(
        self, session: Session, urls: Sequence[str], hooks: Hooks, stamp: Stamp, timeout_s: float
    ) -> Decision:
        deadline_s = trio.current_time() + timeout_s
        with trio.move_on_at(deadline_s):
            await self._append([Opened(session, stamp.sequence)])
        left_s = max(0.0, deadline_s - trio.current_time())
        return await self._decisions.decide(session.kind, start_of(session, stamp), urls, hooks, left_s)

    def _overloaded(self, session: Session, hooks: Hooks) -> tuple[Verdict, list[AnyRecord]]:
        verdict = Verdict(allowed=allows_unanswered(hooks, session.kind), answered=False)
        return verdict, self._began(Began(session)) if verdict.allowed else []

    def _conclude(
        self, session: Session, hooks: Hooks, stamp: Stamp, decision: Decision, early: Ended | None
    ) -> list[AnyRecord]:
        verdict, records = decision.verdict, list[AnyRecord]()
        if verdict.allowed:
            session = _admitted(session, verdict)
            self._book.ledger.change(session)
            records.append(Opened(session, 0))  # the number was the asked name's, and has been noted
            if not verdict.answered:
                records += self._queue(start_of(session, stamp, BY_POLICY), session.path, decision.silent)
            return records + (self._ended(early) if early else [])
        return self._refused(session, hooks, decision)

    def _refused(self, session: Session, hooks: Hooks, decision: Decision) -> list[AnyRecord]:
        """An end for those who believe that somebody got in, and for nobody else."""
        starts, ends = urls_for(hooks, STARTS[session.kind]), urls_for(hooks, ENDS[session.kind])
        urls = hear_the_end(ends, starts, decision.informed)
        self._book.ledger.end(session.id)
        records: list[AnyRecord] = [Closed(session.id)]
        if urls:
            ended = Ended(session.id, DENIED if decision.verdict.answered else UNANSWERED)
            body = end_of(session, ended, self._stamp(session.stream))
            records += self._queue(body, session.path, urls)
        return records

    # -- being told

    def take(self, notices: Sequence[AnyNotice]) -> list[AnyRecord]:
        """Follow what a worker tells; what is to be appended before it is confirmed."""
        return [record for notice in notices for record in self._take_one(notice)]

    def _take_one(self, notice: AnyNotice) -> list[AnyRecord]:
        match notice:
            case Began():
                return self._began(notice)
            case Held():
                session = self._book.ledger.hold(notice.session_id, notice.holder)
                return [Opened(session, 0)] if session else []
            case Ended():
                return self._ended(notice)
            case SegmentFinished():
                body = segment_of(notice, self._stamp(notice.stream))
                return self._tell(body, notice.stream)

    def _began(self, notice: Began) -> list[AnyRecord]:
        """A start that is told, unless it is known that the service has had it."""
        session = notice.session
        known = self._book.ledger.open.get(session.id)
        if (known is not None and known.told) or session.id in self._deciding:
            return []
        if known is None and not self._book.ledger.begin(session):
            return []
        stamp = self._stamp(session.stream)
        session = replace(known or session, told=True)
        self._book.ledger.change(session)
        decided_by = BY_POLICY if session.kind != "stream" else ""
        body = start_of(session, stamp, decided_by)
        return [Opened(session, stamp.sequence), *self._tell(body, session.path)]

    def _ended(self, notice: Ended) -> list[AnyRecord]:
        if notice.session_id in self._deciding:
            self._deciding[notice.session_id] = notice
            return []
        session = self._book.ledger.end(notice.session_id)
        if session is None:
            return []
        body = end_of(session, notice, self._stamp(session.stream))
        return [Closed(session.id), *self._tell(body, session.path)]

    # -- the queue

    def _tell(self, body: Body, path: str) -> list[AnyRecord]:
        """Queue it for all who hear of such things; `path` is what the hooks are looked up by."""
        return self._queue(body, path, urls_for(self._settings.of(path).hooks, body.action))

    def _queue(self, body: Body, path: str, urls: Sequence[str]) -> list[AnyRecord]:
        return list(self._queued(body, path, urls))

    def _queued(self, body: Body, path: str, urls: Sequence[str]) -> Iterator[AnyRecord]:
        data = encode(body)
        for url in urls:
            event = Queued(
                number=self._book.next_number,
                url=url,
                action=body.action,
                stream=body.name,
                sequence=body.sequence,
                queued_ms=now_ms(),
                event_id=body.event_id,
                body=data,
                path=path if path != body.name else "",
            )
            self._book.next_number += 1
            self._book.pending[event.number] = event
            self._sender.add(event)
            yield event

    def _stamp(self, stream: str) -> Stamp:
        return Stamp(self._book.next_sequence(stream), time.time_ns() // 1_000_000, self._server_id)


def _admitted(session: Session, verdict: Verdict) -> Session:
    """The session as it is once it is in."""
    if verdict.stream and verdict.stream != session.stream:
        session = replace(session, stream=verdict.stream, asked=session.stream)
    return replace(session, told=True)
