"""A kept connection between two requests that need its task.

Theory of operation
-------------------
Players of Low-Latency HLS ask four times a second, and a thousand of them are two thousand tasks, of which
each would be woken for each request: that costs as much as the answer. So a connection that has nothing to do
takes a seat. All seats of a worker are heard by one task (the reception, a `Circle`), which answers there and
then what can be answered so (`QuickAnswers`); the connection's own task sleeps until there is something for
it: a request out of the ordinary, the rest of an answer that the socket did not take, the end.

A reload that is held leaves its connection seated. Its shelf ends it, in the shelf's task. Should the player
ask for more before, that waits in the request reader, and the player is not heard until it was answered.

Faults stay where they belong: whatever is raised while a seat is served is raised again in the connection's
own task, which ends with it.
"""

import math

import trio

from engine.protocols.http import RequestReader
from workers.fanout.audience import Audience
from workers.fanout.connection import READ_BYTES, Connection, PeerGone
from workers.fanout.http1_exchange import Http1Exchange
from workers.fanout.quick_answers import Left, Outcome, QuickAnswers, Reload
from workers.fanout.sinks import has_data
from workers.runtime.circle import NEVER


class Seat:
    """The seat of one connection.

    Args:
        audience: has the reception.
        connection: accepted, with a first request answered.
        requests: reads its requests.
        quick: answers what is asked here; None where HLS is off.
    """

    __slots__ = (
        "_audience",
        "_connection",
        "_error",
        "_left",
        "_quick",
        "_reload",
        "_requests",
        "_wake",
        "is_dismissed",
        "since_s",
    )

    def __init__(
        self,
        audience: Audience,
        connection: Connection,
        requests: RequestReader,
        quick: QuickAnswers | None,
    ) -> None:
        self._audience = audience
        self._connection = connection
        self._requests = requests
        self._quick = quick
        self._wake = trio.Event()
        self._left: Left | None = None
        self._error: Exception | None = None
        self._reload: Reload | None = None
        self.is_dismissed = False
        self.since_s = math.inf

    async def rest(self) -> Left | None:
        """Sit until there is something for the connection's task; None when it is in the requests, or when
        the player has had enough.

        Raises PeerGone, RemoteProtocolError, and what was raised here.
        """
        self._wake, self._left = trio.Event(), None
        self.since_s = trio.current_time()
        self._audience.seats.add(self)
        self._audience.hub.reception.add(self)
        try:
            await self._wake.wait()
        finally:
            self._rise()
            self._audience.seats.discard(self)
            self._give_up_reload()
        if self._error is not None:
            raise self._error
        return self._left

    def dismiss(self) -> None:
        """Nothing more is wanted of the player, who has been silent for long, or whose worker drains."""
        if self._reload is None:
            self.is_dismissed = True
            self._leave(None)

    # -- a member of the reception (circle.py)

    def fileno(self) -> int:
        return self._connection.sock.fileno()

    def serve(self, now_us: int) -> int:
        """Read once, and answer what can be answered."""
        sock = self._connection.sock
        try:
            data = sock.recv(min(READ_BYTES, self._requests.room_bytes))
        except BlockingIOError:
            return NEVER
        except OSError:
            raise PeerGone from None
        if not data:
            raise PeerGone
        self._hear(data)
        return now_us if has_data(sock) else NEVER

    def fail(self, error: Exception) -> None:
        self._error = error
        self._leave(None)

    # -- requests

    def _hear(self, data: bytes) -> None:
        if self._reload is not None:
            self._requests.hold(data)
            self._rise()
            return
        request = self._requests.receive(data)
        if request is None:  # a beginning; and who never comes to the end of it has been silent
            return
        self.since_s = trio.current_time()
        self._connection.name_request(request.request_id)
        host = self._audience.client_host(self._connection.host, request.headers)
        exchange = Http1Exchange(self._connection, request, host)
        if self._quick is None:
            self._leave(Left(exchange))
        else:
            self._note(self._quick.try_to_answer(exchange, self._end_reload))

    def _note(self, outcome: Outcome) -> None:
        """Stay seated, unless something is left for the task."""
        if isinstance(outcome, Reload):
            self._reload = outcome
            self.since_s = math.inf
        elif outcome is not None or self._requests.has_more or self._audience.worker.draining.is_set():
            self._leave(outcome)

    def _end_reload(self, reload: Reload) -> None:
        assert self._quick is not None
        self._reload = None
        self.since_s = trio.current_time()
        try:
            self._note(self._quick.end(reload))
        except Exception as error:  # the connection's own, as everything here
            self.fail(error)

    def _give_up_reload(self) -> None:
        if self._reload is not None and self._quick is not None:
            self._quick.give_up(self._reload)
            self._reload = None

    def _leave(self, left: Left | None) -> None:
        if not self._wake.is_set():  # what is left already comes first, whoever wants it to end meanwhile
            self._left = left
            self._rise()
            self._wake.set()

    def _rise(self) -> None:
        """Do not listen any more."""
        self._audience.hub.reception.remove(self)
