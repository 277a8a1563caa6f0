"""The way of spans to the collector: OTLP over HTTP, through the one client that goes outside.

Workers hand their spans on (`Spans`); here they wait in a bounded backlog, are sent in batches, and stay at
its head while the collector is down: what does not fit then is counted and gone. A collector that will never
take them, for it is forbidden to go there or it says so (4xx), costs those that were sent; so does one that
has failed at them MAX_ATTEMPTS times, since it may be they that it fails at.
"""

import socket
from collections import deque
from itertools import islice
from typing import Final, Protocol

import trio

from engine.policy.outgoing_errors import TooLarge
from engine.policy.outside import Blame, BreakerOpen, LimiterFull, OutsideError, OutsideLimits
from engine.policy.retry import RetryLimits
from engine.policy.seats import SeatLimits
from engine.tracing import CONTENT_TYPE, encode_request, rejected_spans
from shm.board import WorkerState
from workers.control.api import VERSION
from workers.runtime.bus import Descriptors, Envelope
from workers.runtime.messages import Spans
from workers.runtime.outgoing import Reply, open_outgoing
from workers.runtime.tracing import process_attributes
from workers.runtime.worker import Worker

DEPENDENCY: Final = "traces"

MAX_BACKLOG: Final = 8192
"""Spans that wait: those of a thousand players who come in, at some 600 bytes each 5 MB."""

BATCH: Final = 512
"""Spans in one request, as OpenTelemetry's batch processor has it (OTEL_BSP_MAX_EXPORT_BATCH_SIZE)."""

GATHER_S: Final = 0.5
"""How long the first span of a batch waits for those of other workers."""

AGAIN_S: Final = 5.0
"""After a failure the same batch is sent again; by then a restarted collector is back."""

MAX_ATTEMPTS: Final = 12
"""Times that one batch is sent: a minute, and longer with the breaker's pauses, which count as none."""

LAST_EXPORT_S: Final = 2.0
"""How long control, when it leaves, tries to send what is left."""

LAST_SPANS_S: Final = 1.0
"""Of that, how long it waits for workers that leave at the same time."""

LAST_LOOK_S: Final = 0.02

LIMITS: Final = OutsideLimits(
    deadline_s=10.0,  # as OTEL_EXPORTER_OTLP_TIMEOUT: nobody waits for it
    retry=RetryLimits(attempts=1),  # the batch comes again by itself
    seats=SeatLimits(seats=1, waiting=1),
)


class Posts(Protocol):
    """What batches are sent with."""

    async def post(
        self, url: str, body: bytes, headers: dict[str, str], deadline_s: float | None = None
    ) -> Reply: ...


class TraceExport:
    """Sends spans. One per engine, in control."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._host = socket.gethostname()
        self._backlog: deque[tuple[int, bytes]] = deque()  # the worker's slot, the span
        self._attempts = 0  # of the batch at the head
        self._news = trio.Event()
        bind, dropped = worker.metrics.bind, "fanlight_trace_spans_dropped_total"
        self._exported = bind("fanlight_trace_spans_exported_total")
        self._full = bind(dropped, reason="backlog_full")
        self._not_sent = bind(dropped, reason="not_sent")
        self._rejected = bind(dropped, reason="rejected")
        worker.bus.handle(Spans, self._receive)
        assert worker.tracer is not None
        worker.tracer.hand_on = self._take_own

    async def _receive(self, message: Spans, envelope: Envelope, _fds: Descriptors) -> None:
        self._take(envelope.source, message.spans)

    async def _take_own(self, spans: list[bytes]) -> None:
        self._take(self._worker.slot.number, spans)

    def _take(self, source: int, spans: list[bytes]) -> None:
        room = MAX_BACKLOG - len(self._backlog)
        self._backlog.extend((source, span) for span in spans[:room])
        if len(spans) > room:
            self._full.inc(len(spans) - room)
        self._news.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send until cancelled, and then what is left, within LAST_EXPORT_S."""
        async with open_outgoing(self._worker, DEPENDENCY, LIMITS) as outgoing:
            task_status.started()
            try:
                await self._run(outgoing)
            finally:
                with trio.move_on_after(LAST_EXPORT_S, shield=True):
                    await self._take_the_last()
                    await self._send_all(outgoing)
                self._give_up()

    def _give_up(self) -> None:
        """Nobody sends any more: what is left, and what still comes from this process, is counted."""
        if self._backlog:
            self._lose(len(self._backlog), "the engine ends")
            self._backlog.clear()
        assert self._worker.tracer is not None
        self._worker.tracer.hand_on = self._lose_own

    async def _lose_own(self, spans: list[bytes]) -> None:
        self._not_sent.inc(len(spans))

    async def _take_the_last(self) -> None:
        """What ended because the engine does; workers hand it on in their last moment."""
        with trio.move_on_after(LAST_SPANS_S):
            while any(self._is_draining(slot.number) for slot in self._worker.slots):  # noqa: ASYNC110
                await trio.sleep(LAST_LOOK_S)  # a word in shared memory wakes nobody
        assert self._worker.tracer is not None
        await self._worker.tracer.flush()

    def _is_draining(self, number: int) -> bool:
        is_other = number != self._worker.slot.number
        return is_other and self._worker.board.worker(number).state is WorkerState.DRAINING

    async def _run(self, posts: Posts) -> None:
        while True:
            await self._news.wait()
            await trio.sleep(GATHER_S)
            self._news = trio.Event()
            while not await self._send_all(posts):  # noqa: ASYNC110 - it is the collector that is waited for
                await trio.sleep(AGAIN_S)

    async def _send_all(self, posts: Posts) -> bool:
        """Send batch after batch; False as soon as one has to wait."""
        while self._backlog:
            batch = list(islice(self._backlog, BATCH))
            if not await self._send(posts, batch):
                return False
            for _ in batch:
                self._backlog.popleft()
            self._attempts = 0
        return True

    async def _send(self, posts: Posts, batch: list[tuple[int, bytes]]) -> bool:
        """Whether the batch is done with, one way or the other."""
        traces = self._worker.config.traces
        headers = {"content-type": CONTENT_TYPE}
        if traces.authorization:
            headers["authorization"] = traces.authorization.reveal()
        try:
            reply = await posts.post(traces.url, self._body(batch), headers)
        except OutsideError as error:
            if self._may_come_again(error):
                return False
            self._lose(len(batch), str(error))
            return True
        self._note(reply, batch)
        return True

    def _may_come_again(self, error: OutsideError) -> bool:
        """Whether the same batch may succeed later."""
        if isinstance(error, BreakerOpen | LimiterFull):  # nothing was sent
            return True
        self._attempts += 1
        is_final = error.blame is Blame.OURS or isinstance(error, TooLarge)  # too large an answer is one
        return not is_final and self._attempts < MAX_ATTEMPTS

    def _note(self, reply: Reply, batch: list[tuple[int, bytes]]) -> None:
        if reply.status >= 300:
            self._lose(len(batch), f"the collector answered {reply.status}")
            return
        rejected = min(len(batch), rejected_spans(reply.body))
        self._exported.inc(len(batch) - rejected)
        if rejected:
            self._rejected.inc(rejected)

    def _lose(self, count: int, why: str) -> None:
        self._not_sent.inc(count)
        self._worker.log.warning("spans_not_sent", count=count, why=why)

    def _body(self, batch: list[tuple[int, bytes]]) -> bytes:
        by_slot: dict[int, list[bytes]] = {}
        for slot, span in batch:
            by_slot.setdefault(slot, []).append(span)
        return encode_request((self._process(slot), spans) for slot, spans in by_slot.items())

    def _process(self, number: int) -> dict[str, str | int | float | bool]:
        slot = self._worker.slots[number]
        return dict(
            process_attributes(
                version=VERSION.version,
                host=self._host,
                worker=slot.name,
                role=slot.role,
                pid=self._worker.board.worker(number).pid,
            )
        )
