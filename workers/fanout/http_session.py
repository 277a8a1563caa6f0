"""One connection that asks for many things over HTTP/1: request after request, until it goes or is silent for
long.
"""

import secrets

import trio

from engine.protocols.http import RemoteProtocolError, Request, RequestReader, error_answer, http1_head
from workers.fanout.answers import Answers, is_endless, route_of
from workers.fanout.audience import Audience
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.exchange import Overwritten
from workers.fanout.hls_answers import Hls
from workers.fanout.http1_exchange import Http1Exchange

KEEP_S: float = 30.0
"""How long a connection without a request is kept, seconds: players reload every few. nginx: 75."""


class HttpSession:
    """Answers the requests of one connection.

    Args:
        audience: for the streams, the counters and the configuration.
        hls: where packages are found, and what answers for them; None where HLS is off.
        connection: accepted; closed by whoever made it.
        requests: has read the first request.
    """

    def __init__(
        self,
        audience: Audience,
        hls: Hls | None,
        connection: Connection,
        requests: RequestReader,
    ) -> None:
        self._audience = audience
        self._answers = Answers(audience, hls)
        self._connection = connection
        self._requests = requests

    async def run(self, request: Request | None) -> Request | None:
        """Answer this request and all that follow; gives back one that is for a stream without end."""
        try:
            while request is not None:
                route = route_of(request)
                if is_endless(request, route):
                    return request
                await self._answers.answer(self._exchange(request), route)
                if not request.keep_alive or self._audience.worker.draining.is_set():
                    return None
                request = await self._next()
        except (PeerGone, trio.TooSlowError, Overwritten):
            pass  # a player that left, or cannot follow: it asks again, or it does not
        except RemoteProtocolError as error:
            self._audience.report.protocol_error("http")
            await self._refuse(error)
        return None

    def _exchange(self, request: Request) -> Http1Exchange:
        host = self._audience.client_host(self._connection.host, request.headers)
        return Http1Exchange(self._connection, request, host)

    async def _next(self) -> Request | None:
        """The next request; None when the player has had enough. Raises RemoteProtocolError."""
        request = self._requests.next()
        if request is not None:
            # Sent ahead: hundreds fit into one read, and other connections have their turn in between.
            await trio.lowlevel.checkpoint()
        with trio.move_on_after(KEEP_S) as idle:
            self._audience.idle.add(idle)
            try:
                while request is None:
                    data = await self._connection.read(self._requests.room_bytes)
                    request = self._requests.receive(data)
            finally:
                self._audience.idle.discard(idle)
        if request is not None:
            self._connection.request_id = request.request_id or secrets.token_hex(8)
        return request

    async def _refuse(self, error: RemoteProtocolError) -> None:
        """Say what was wrong with a head that was not understood; nothing can follow it."""
        head, body = error_answer(error, request_id=self._connection.request_id)
        await self._connection.refuse(http1_head(head, keep_alive=False) + body)
