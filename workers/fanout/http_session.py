"""One connection that asks for many things over HTTP/1: request after request, until it goes or is silent for
long.
"""

import structlog
import trio

from engine.protocols.http import RemoteProtocolError, Request, RequestReader, error_answer, http1_head
from workers.fanout.answers import UNKNOWN_ROUTE, Answers, is_endless, route_of
from workers.fanout.audience import Audience
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.exchange import Overwritten
from workers.fanout.hls_answers import Hls
from workers.fanout.http1_exchange import Http1Exchange
from workers.fanout.quick_answers import QuickAnswers
from workers.fanout.request_lines import tell_request
from workers.fanout.seat import Seat


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
        quick = QuickAnswers(audience, hls, self._answers) if hls is not None else None
        self._seat = Seat(audience, connection, requests, quick)

    async def run(self, request: Request | None) -> Request | None:
        """Answer this request and all that follow; gives back one that is for a stream without end."""
        try:
            while request is not None:
                route = route_of(request)
                if is_endless(request, route):
                    return request
                await self._answers.answer(self._exchange(request), route)
                if not request.keep_alive:
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
        """The next request that needs this task; None when the player has had enough.

        Raises RemoteProtocolError.
        """
        while not self._is_over:
            request = self._requests.next()
            if request is not None:
                # Sent ahead: hundreds fit into one read, and other connections have their turn in between.
                await trio.lowlevel.checkpoint()
                self._connection.name_request(request.request_id)
                self._tell_request()
                return request
            left = await self._seat.rest()
            if left is not None:
                self._tell_request()  # the seat has named it
                if left.work is None:
                    return left.exchange.request
                await self._answers.conclude(left.exchange, left.route, left.work)
        return None

    def _tell_request(self) -> None:
        """Lines of this task belong to the request that the connection has named."""
        structlog.contextvars.bind_contextvars(request_id=self._connection.request_id)

    @property
    def _is_over(self) -> bool:
        return self._seat.is_dismissed or self._audience.worker.draining.is_set()

    async def _refuse(self, error: RemoteProtocolError) -> None:
        """Say what was wrong with a head that was not understood; nothing can follow it."""
        connection = self._connection
        request_id = connection.name_request(None)
        self._audience.report.request("GET", UNKNOWN_ROUTE, error.reply)
        tell_request(
            self._audience.worker.log,
            conn=connection.id,
            remote=connection.remote,
            request_id=request_id,
            method="GET",  # as it counts where nobody knows
            route=UNKNOWN_ROUTE,
            status=error.reply,
        )
        head, body = error_answer(error, request_id=request_id)
        await connection.refuse(http1_head(head, keep_alive=False) + body)
