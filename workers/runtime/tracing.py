"""Traces: what one publisher, player or API request went through, step by step, across processes.

Theory of operation. A `Story` is what one process tells of one trace: a span, within it steps that follow
each other, each a span of its own. The story of a task is a context variable, so that whoever is asked on
the way (the gate, the sender of webhooks) can say `tracer.step("access")` without being handed anything.
Its traceparent goes along wherever another process goes on with it: in `HandOver`, in `HookAsk`, in the
header of a hook call.

Ended spans wait in a bounded queue, go to control in an order of the bus, twice a second at most, and from
there to the collector (control/trace_export.py): one process knows the way outside, has the breaker and the
connection, and a media worker does nothing for a trace but make its spans. What finds no room is counted
and gone. Nobody waits for any of it.

Why not OpenTelemetry's SDK: its exporter is a thread with a blocking client of its own, which goes outside
past the guard, per process, and has to be kept from being forked; what is left is a dozen fields in JSON.

Without `traces.url` this module is never imported and `Worker.tracer` is None.
"""

import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final, Protocol

import structlog
import trio

from engine.policy.token_bucket import TokenBucket
from engine.tracing import (
    Attributes,
    Context,
    Span,
    SpanKind,
    encode_span,
    format_traceparent,
    is_sampled,
    parse_traceparent,
)
from workers.runtime.bus import BusError
from workers.runtime.messages import AnyMessage, Spans
from workers.runtime.metrics import Child

MAX_WAITING: Final = 2048
"""Spans that have ended and not gone to control yet: at some 600 bytes each, a megabyte. The queue of
OpenTelemetry's batch processor is as long (OTEL_BSP_MAX_QUEUE_SIZE)."""

BATCH: Final = 48
"""Spans in one message: of 2 KiB each at most (engine.tracing.span), and a packet has 128 KiB."""

FLUSH_S: Final = 0.5
"""How long the first span of a batch waits for others."""

LAST_FLUSH_S: Final = 1.0
"""How long a worker that leaves tries to get rid of the rest."""

FORCED_PER_S: Final = 20.0
"""Traces that clients may decide for us to keep, by a `traceparent` that says so: anybody can send one.
Beyond it, `traces.ratio` decides about them as about all others."""

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8

_CURRENT: Final[ContextVar["Story | None"]] = ContextVar("story", default=None)


class Counts(Protocol):
    """The part of the metrics that is used here."""

    def bind(self, name: str, **labels: str) -> Child: ...


class Sends(Protocol):
    """The part of the bus that is used here."""

    async def send(self, to: int, message: AnyMessage) -> None: ...


class Story:
    """What this process tells of one trace. All times are wall clock, since other machines' stand beside
    them.

    Args:
        keep: takes the spans that have ended.
        parent: what it follows from; its span id is empty for the first span of a trace.
        name: of the span.
        started_ns: 0 for now.
    """

    __slots__ = (
        "_attributes",
        "_ended",
        "_keep",
        "_parent_id",
        "_started_ns",
        "_step",
        "context",
        "kind",
        "name",
    )

    def __init__(
        self,
        keep: Callable[[Span], None],
        parent: Context,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        started_ns: int = 0,
    ) -> None:
        self.context = Context(parent.trace_id, secrets.token_hex(SPAN_ID_BYTES), True)
        self.name = name
        self.kind = kind
        self._keep = keep
        self._ended = False
        self._parent_id = parent.span_id
        self._started_ns = started_ns or time.time_ns()
        self._attributes: dict[str, str | int | float | bool] = {}
        self._step: Story | None = None

    @property
    def traceparent(self) -> str:
        """What to hand to whoever does something for the step that it is at."""
        return format_traceparent((self._step or self).context)

    def step(self, name: str, started_ns: int = 0) -> None:
        """The step before is done, the next one begins. Nothing once the story has ended."""
        self.rest()
        if not self._ended:
            self._step = self.child(name, started_ns=started_ns)

    def rest(self, error: str = "") -> None:
        """The step before is done, and no other begins yet."""
        step, self._step = self._step, None
        if step is not None:
            step.end(error)

    def child(self, name: str, *, kind: SpanKind = SpanKind.INTERNAL, started_ns: int = 0) -> "Story":
        """A story of its own within the step that this one is at."""
        parent = (self._step or self).context
        return Story(self._keep, parent, name, kind=kind, started_ns=started_ns)

    def sequel(self, name: str) -> "Story":
        """What comes of it, told under it although it has ended: a session after the coming in."""
        return Story(self._keep, self.context, name)

    def tell(self, **attributes: str | float | bool) -> None:
        """Add to what is known of it, until it ends; a dot in a name is written as two underscores."""
        if not self._ended:
            self._attributes |= {name.replace("__", "."): value for name, value in attributes.items()}

    def end(self, error: str = "") -> None:
        """It is over, `error` says why if it failed; the first time counts."""
        self.rest(error)
        if not self._ended:
            self._ended = True
            self._keep(self._span(error))

    def _span(self, error: str) -> Span:
        return Span(
            trace_id=self.context.trace_id,
            span_id=self.context.span_id,
            parent_id=self._parent_id,
            name=self.name,
            kind=self.kind,
            start_ns=self._started_ns,
            end_ns=max(self._started_ns, time.time_ns()),
            attributes=self._attributes,
            error=error,
        )


class Tracer:
    """One process's part in all traces.

    Args:
        bus: its own.
        control: the exporter's slot.
        ratio: of those that are kept; may be set at any time.
        metrics: the worker's.
    """

    def __init__(self, bus: Sends, control: int, ratio: float, metrics: Counts) -> None:
        self.ratio = ratio
        self.hand_on: Callable[[list[bytes]], Awaitable[None]] = self._send
        """Takes what has ended to the exporter: over the bus, but where that is in this very process."""
        self._bus = bus
        self._control = control
        self._ended: deque[Span] = deque()
        self._news = trio.Event()
        self.now_s = time.monotonic
        self._forced = TokenBucket(FORCED_PER_S, FORCED_PER_S, 0.0)
        self._count = metrics.bind("fanlight_trace_spans_total")
        dropped = "fanlight_trace_spans_dropped_total"
        self._full = metrics.bind(dropped, reason="queue_full")
        self._not_handed_on = metrics.bind(dropped, reason="not_handed_on")

    # -- stories

    def begin(self, name: str, traceparent: str = "", started_ns: int = 0) -> Story | None:
        """The story of this task from now on, for one who has just come; None if it is not kept.

        traceparent: the header that came along, if one did: where it says that the trace is kept, it is;
        where it says that it is not, it is not.
        """
        given = parse_traceparent(traceparent) if traceparent else None
        parent = given or Context(secrets.token_hex(TRACE_ID_BYTES), "", False)
        if not self._is_kept(given):
            self.leave()
            return None
        story = Story(self.keep, parent, name, kind=SpanKind.SERVER, started_ns=started_ns)
        enter(story)
        return story

    def _is_kept(self, given: Context | None) -> bool:
        if given is None:
            return self._is_drawn()
        if not given.sampled:
            return False
        return self._forced.take(self.now_s()) or self._is_drawn()

    def _is_drawn(self) -> bool:
        """By lot, and never by the trace's id: that one may be the client's own choice."""
        return is_sampled(secrets.token_hex(TRACE_ID_BYTES), self.ratio)

    def follow(self, name: str, traceparent: str) -> Story | None:
        """A story that goes on from one of another process of ours; not the task's until it is entered."""
        parent = parse_traceparent(traceparent) if traceparent else None
        return Story(self.keep, parent, name) if parent is not None and parent.sampled else None

    def go_on(self, name: str, traceparent: str) -> None:
        """The same, and it is the task's."""
        story = self.follow(name, traceparent)
        if story is not None:
            enter(story)

    def current(self) -> Story | None:
        """The story of this task, if there is one."""
        return _CURRENT.get()

    def traceparent(self) -> str:
        """Of this task's story; empty where there is none."""
        story = _CURRENT.get()
        return story.traceparent if story is not None else ""

    def step(self, name: str, story_name: str = "") -> None:
        """The next step of this task's story, which is known to be a `story_name` by now."""
        story = _CURRENT.get()
        if story is not None:
            story.name = story_name or story.name
            story.step(name)

    def end(self, error: str = "") -> None:
        """This task's story has come to its end."""
        story = _CURRENT.get()
        if story is not None:
            story.end(error)

    def leave(self, error: str = "not_finished") -> None:
        """This task has nothing more to do with its story, which has failed if it had no end yet."""
        if _CURRENT.get() is not None:
            self.end(error)
            _CURRENT.set(None)
            structlog.contextvars.unbind_contextvars("trace_id")

    # -- the way to control

    def keep(self, span: Span) -> None:
        """Take a span that has ended. Never waits, never raises."""
        self._count.inc()
        if len(self._ended) >= MAX_WAITING:
            self._full.inc()
            return
        self._ended.append(span)
        self._news.set()

    async def run(self) -> None:
        """Hand on what has ended, until cancelled."""
        while True:
            await self._news.wait()
            await trio.sleep(FLUSH_S)
            self._news = trio.Event()
            await self.flush()

    async def flush(self) -> None:
        """Hand on all that has ended by now."""
        while self._ended:
            batch = [self._ended.popleft() for _ in range(min(BATCH, len(self._ended)))]
            try:
                await self.hand_on([encode_span(span) for span in batch])
            except trio.Cancelled:
                self._not_handed_on.inc(len(batch))
                raise

    async def _send(self, spans: list[bytes]) -> None:
        try:
            await self._bus.send(self._control, Spans(spans))
        except BusError:  # control has been stopped for a second; what it lacks is these
            self._not_handed_on.inc(len(spans))

    async def flush_at_last(self) -> None:
        """The same for a worker that leaves, within LAST_FLUSH_S."""
        with trio.move_on_after(LAST_FLUSH_S):
            await self.flush()
        if self._ended:
            self._not_handed_on.inc(len(self._ended))
            self._ended.clear()


def enter(story: Story) -> None:
    """Make it the story of this task; its lines in the log say which trace they belong to."""
    _CURRENT.set(story)
    structlog.contextvars.bind_contextvars(trace_id=story.context.trace_id)


def process_attributes(*, version: str, host: str, worker: str, role: str, pid: int) -> Attributes:
    """A process as OpenTelemetry's semantic conventions describe one (resource/service, host, process)."""
    return {
        "service.name": "fanlight",
        "service.version": version,
        "service.instance.id": f"{host}/{worker}",
        "host.name": host,
        "process.pid": pid,
        "fanlight.worker": worker,
        "fanlight.role": role,
    }
