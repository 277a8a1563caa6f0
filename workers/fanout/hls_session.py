"""One connection of an HLS player: request after request, until it goes or is silent for long.

There is no session in the URLs, so that caches work. What counts as a player is an address and a user
agent that asked for a playlist lately.
"""

import secrets

import trio

from engine.access.names import BadName, parse_stream_name
from engine.protocols.http import (
    RemoteProtocolError,
    Request,
    RequestReader,
    Route,
    error_response,
    parse_route,
    plain_response,
)
from workers.fanout.audience import Audience
from workers.fanout.bodies import Overwritten
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.hls_answers import MEDIA_PLAYLIST, Hls, Unanswerable
from workers.fanout.shelf import Shelf

KEEP_S: float = 30.0
"""How long a connection without a request is kept, seconds: players reload every few. nginx: 75."""

ROUTES: dict[str, str] = {
    "multivariant": "/{stream}.m3u8",
    "media": "/{stream}/media.m3u8",
    "file": "/{stream}/{file}",
}
"""What requests are called in the counters."""

KINDS: dict[str, str] = {"multivariant": "multivariant", "media": "playlist", "file": "segment"}


class HlsSession:
    """Answers the requests of one connection.

    Args:
        audience: for the streams, the counters and the configuration.
        hls: where packages are found, and what answers for them.
        connection: accepted; closed by whoever made it.
        requests: has read the first request.
    """

    def __init__(
        self,
        audience: Audience,
        hls: Hls,
        connection: Connection,
        requests: RequestReader,
    ) -> None:
        self._audience = audience
        self._library = hls.library
        self._answers = hls.answers
        self._connection = connection
        self._requests = requests

    async def run(self, request: Request | None, route: Route | None) -> None:
        """Answer this request and all that follow."""
        try:
            while request is not None:
                await self._answer(request, route)
                if not request.keep_alive or self._audience.worker.draining.is_set():
                    return
                request, route = await self._next(), None
        except (PeerGone, trio.TooSlowError, Overwritten):
            return  # a player that left, or cannot follow: it asks again, or it does not
        except RemoteProtocolError as error:
            self._audience.report.protocol_error("http")
            await self._connection.refuse(error_response(error, request_id=self._connection.request_id))

    async def _next(self) -> Request | None:
        """The next request; None when the player has had enough. Raises RemoteProtocolError."""
        request = self._requests.next()
        with trio.move_on_after(KEEP_S):
            while request is None:
                request = self._requests.receive(await self._connection.read())
        if request is not None:
            self._connection.request_id = request.request_id or secrets.token_hex(8)
        return request

    async def _answer(self, request: Request, route: Route | None) -> None:
        kind, status = "other", 404
        try:
            route = route or parse_route(request.path, request.query)
            kind = KINDS.get(route.kind, "other")
            kind, status = await self._serve(request, route)
        except (Unanswerable, RemoteProtocolError) as error:
            status = error.status if isinstance(error, Unanswerable) else error.reply
            await self._refuse(request, error, status)
        finally:
            self._audience.report.hls_request(kind, status)
            name = ROUTES.get(route.kind, "/") if route else "/"
            self._audience.report.request(request.method, name, status)

    async def _serve(self, request: Request, route: Route) -> tuple[str, int]:
        if request.method == "OPTIONS" or route.kind not in ROUTES:
            raise Unanswerable(404, "not here")
        shelf = await self._find(route, request)
        if route.kind == "multivariant":
            uri = f"{shelf.record.name.rpartition('/')[2]}/{MEDIA_PLAYLIST}"
            uri = MEDIA_PLAYLIST if request.path.endswith("/index.m3u8") else uri
            return "multivariant", await self._answers.send_multivariant(
                self._connection, request, shelf, uri
            )
        if route.kind == "media":
            return "playlist", await self._answers.send_media(self._connection, request, shelf)
        return await self._answers.send_named(self._connection, request, shelf, route.file)

    async def _find(self, route: Route, request: Request) -> Shelf:
        try:
            name = parse_stream_name(route.raw_name)
        except BadName as error:
            raise Unanswerable(400, str(error)) from None
        shelf = self._library.find(name)
        if route.kind != "file":
            shelf = await self._ask_for(name, shelf, request)
        if shelf is None:
            raise Unanswerable(404, f"no stream is published as {name}")
        return shelf

    async def _ask_for(self, name: str, shelf: Shelf | None, request: Request) -> Shelf | None:
        """The shelf for a playlist: the stream is packaged for it, if it lives."""
        hub = self._audience.hub
        wait_s = hub.settings_for(name).wait_s
        record = hub.find(name) if shelf is not None else await hub.wait_for(name, wait_s)
        if record is not None:
            self._library.ask_for(record)
            self._library.note_viewer(name, f"{self._connection.host}|{request.user_agent}", record.slot)
        if shelf is not None and shelf.window.ready:
            return shelf
        return None if record is None else await self._library.wait_for(name, max(wait_s, FIRST_SEGMENT_S))

    async def _refuse(self, request: Request, error: Exception, status: int) -> None:
        extra = (("Retry-After", "1"),) if status == 503 else ()
        await self._connection.write(
            plain_response(
                status,
                f"{error}\n",
                request_id=self._connection.request_id,
                origin=self._audience.worker.config.http.cors_origin,
                head_only=request.method == "HEAD",
                keep_alive=request.keep_alive,
                extra=extra,
            )
        )


FIRST_SEGMENT_S: float = 15.0
"""How long the first who asks waits for a first segment, seconds: the longest segment, and some more."""
