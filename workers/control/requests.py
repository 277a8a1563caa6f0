"""What happens around every request, whoever handles it: its id, its line in the log, its figures.

An ASGI middleware outside the framework, so that no handler can forget it and errors of the framework
itself are seen too. It also answers HEAD, which Litestar leaves to each route: RFC 9110 section 9.1 wants
it wherever GET is.
"""

import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
import trio
from structlog.typing import FilteringBoundLogger

from engine.metrics import METHODS, OTHER
from workers.control import limits, models
from workers.runtime.metrics import Binder, Children

if TYPE_CHECKING:
    from workers.runtime.tracing import Tracer

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID_HEADER: Final = b"x-request-id"
TRACEPARENT_HEADER: Final = b"traceparent"
REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""Ids that are taken over; anything else could be used to write into logs and is replaced."""
UNMATCHED: Final = "unmatched"
"""The route of requests that no route takes: their paths are strangers' and would never end as labels."""
CLIENT_LEFT: Final = 499
"""Status of a request whose client did not wait for the answer, as nginx counts it."""
SHOWN_PATH_CHARACTERS: Final = 200
ONLY_LOOKS: Final = frozenset({"GET", "HEAD"})
SLOWED_S: Final = 0.5
"""How long a look at the API takes at least while a worker is overloaded: what polls in a loop then does so a
tenth as often, and no dashboard breaks."""


class Requests:
    """Wraps an ASGI application.

    What only looked and went well is logged at debug: `fanlight top` asks twice a second, and what happens to
    streams and players would drown in it. `quiet` says the same of every method, for probes. While
    `is_overloaded` says so, who only looks waits for `SLOWED_S`; who does something about it does not.
    """

    def __init__(
        self,
        app: App,
        *,
        log: FilteringBoundLogger,
        metrics: Binder,
        quiet: bool = False,
        is_overloaded: Callable[[], bool] = lambda: False,
        tracer: "Tracer | None" = None,
    ) -> None:
        self._app = app
        self._tracer = tracer
        self._is_overloaded = is_overloaded
        self._log = log
        self._tally = RequestTally(metrics, in_flight=not quiet)
        self._quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        self._tally.began()
        if self._tracer is not None:
            self._tracer.begin("request", traceparent_of(scope))
        with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
            try:
                await self._answer_in_time(exchange, receive)
            except Exception as error:
                self._log.error("request_failed", path=exchange.path, exc_info=error)
                await exchange.fail(500, "internal_server_error", f"see the log, {exchange.request_id}")
            finally:
                self._account(exchange)

    async def _answer_in_time(self, exchange: "_Exchange", receive: Receive) -> None:
        with trio.move_on_after(limits.REQUEST_S) as patience:
            if exchange.method in ONLY_LOOKS and self._is_overloaded():
                await trio.sleep(SLOWED_S)
            await self._app(exchange.scope, receive, exchange.send)
        if patience.cancelled_caught:
            exchange.cut_off()
            with trio.move_on_after(limits.WRITE_TIMEOUT_S):
                await exchange.fail(408, "request_timeout", f"not whole within {limits.REQUEST_S:g} s")

    def _account(self, exchange: "_Exchange") -> None:
        status, seconds = exchange.status or CLIENT_LEFT, time.perf_counter() - exchange.began
        method, route = exchange.method if exchange.method in METHODS else OTHER, exchange.route
        if self._tracer is not None:
            self._end_story(self._tracer, method, route, status)
        self._tally.ended(method, route, status, seconds)
        line = self._log.bind(
            method=exchange.method,
            path=exchange.path,
            route=route,
            status=status,
            ms=round(seconds * 1000, 3),
            remote=exchange.remote,
        )
        if status < 400 and (self._quiet or exchange.method in ONLY_LOOKS):
            line.debug("request")
        else:
            line.info("request")

    def _end_story(self, tracer: "Tracer", method: str, route: str, status: int) -> None:
        """A span as the semantic conventions for HTTP have it."""
        story = tracer.current()
        if story is not None:
            story.name = f"{method} {route}"
            story.tell(http__request__method=method, http__route=route, http__response__status_code=status)
            story.end(f"status {status}" if status >= 500 else "")


class RequestTally:
    """The figures of requests: some 5 us for each. Label sets are few, since routes and statuses are ours."""

    def __init__(self, metrics: Binder, *, in_flight: bool) -> None:
        self._in_flight = metrics.bind("fanlight_http_requests_in_flight") if in_flight else None
        self._counters = Children(metrics.bind, "fanlight_http_requests_total", "method", "route", "status")
        self._durations = Children(metrics.bind, "fanlight_http_request_seconds", "method", "route")

    def began(self) -> None:
        """A request is being answered."""
        if self._in_flight is not None:
            self._in_flight.inc()

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """It was, with this status and after so long; `method` is one that there is, or `other`."""
        if self._in_flight is not None:
            self._in_flight.dec()
        self._counters.of(method, route, str(status)).inc()
        self._durations.of(method, route).observe(seconds)


class _Exchange:
    """One request and what became of it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.began = time.perf_counter()
        self.method = str(scope["method"])[:16]
        self.path = str(scope["path"])[:SHOWN_PATH_CHARACTERS]
        self.remote = ":".join(str(part) for part in (scope.get("client") or ())[:2])
        self.request_id = request_id_of(scope)
        self.status: int | None = None
        self.scope: Scope = {**scope, "method": "GET"} if self.method == "HEAD" else scope
        self._send = send
        self._gone = self._is_whole = False

    @property
    def route(self) -> str:
        """The template that took the request; Litestar notes it in the scope."""
        return str(self.scope.get("path_template") or UNMATCHED)

    async def send(self, event: Event) -> None:
        if event["type"] == "http.response.start":
            self.status = int(event["status"])
            event = {**event, "headers": [*event.get("headers", ()), *self._headers()]}
        elif event["type"] == "http.response.body" and self.method == "HEAD":
            event = {**event, "body": b""}
        await self._pass_on(event)
        if event["type"] == "http.response.body" and not event.get("more_body", False):
            self._is_whole = True

    def cut_off(self) -> None:
        """No more of the answer comes: if its head is out, its status is not what the client has got."""
        if self.status is not None and not self._is_whole:
            self._gone, self.status = True, CLIENT_LEFT

    async def _pass_on(self, event: Event) -> None:
        """Hand the event to the server. A connection that fails under it is no fault of the application."""
        if self._gone:
            return
        try:
            await self._send(event)
        except Exception:
            self._gone, self.status = True, CLIENT_LEFT

    async def fail(self, status: int, error: str, detail: str) -> None:
        """Answer with this, if nothing was answered yet."""
        if self.status is not None:
            return
        refusal = models.Refusal(error=error, detail=detail)
        headers = [(b"content-type", b"application/json")]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": msgspec.json.encode(refusal)})

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (REQUEST_ID_HEADER, self.request_id.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        ]


def request_id_of(scope: Scope) -> str:
    """The id that the client sent, if it is one, else a new one."""
    for name, value in scope["headers"]:
        if name.lower() == REQUEST_ID_HEADER and REQUEST_ID.fullmatch(value):
            return bytes(value).decode()
    return new_request_id()


def traceparent_of(scope: Scope) -> str:
    """What the client sent of this name; empty for nothing."""
    found = next((value for name, value in scope["headers"] if name.lower() == TRACEPARENT_HEADER), b"")
    return bytes(found).decode("latin-1")


def new_request_id() -> str:
    """An id of our own."""
    return secrets.token_hex(8)
