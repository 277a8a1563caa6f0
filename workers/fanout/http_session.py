"""One connection that asks for many things: HLS, and the player's pages. Request after request, until it
goes or is silent for long.

There is no session in the URLs, so that caches work. What counts as a player is an address and a user
agent that asked for a playlist lately.
"""

import secrets

import trio

from engine.access.names import BadName, parse_played_name
from engine.protocols.http import (
    RemoteProtocolError,
    Request,
    RequestReader,
    Route,
    error_response,
    etag_of,
    parse_route,
    plain_response,
    preflight_response,
)
from engine.protocols.http.media_responses import Fields
from workers.fanout import pages
from workers.fanout.audience import Audience
from workers.fanout.bodies import Overwritten, send_bytes, send_document
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.hls_answers import Hls, Unanswerable
from workers.fanout.library import Library
from workers.fanout.shelf import Shelf

KEEP_S: float = 30.0
"""How long a connection without a request is kept, seconds: players reload every few. nginx: 75."""

HLS_ROUTES: dict[str, str] = {
    "multivariant": "/{stream}.m3u8",
    "media": "/{stream}/media.m3u8",
    "file": "/{stream}/{file}",
}
PAGE_ROUTES: dict[str, str] = {"page": "/play/{stream}", "index": "/", "asset": "/{asset}"}
ROUTES: dict[str, str] = HLS_ROUTES | PAGE_ROUTES
"""What requests are called in the counters."""

FIRST_SEGMENT_S: float = 5.0
"""How long the first who asks waits for a first segment beyond the longest there may be, seconds."""

CLIENT_GONE: int = 499
"""What an answer counts as that its player did not wait for; nginx's number for it."""


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
        self._hls = hls
        self._connection = connection
        self._requests = requests

    async def run(self, request: Request | None) -> Request | None:
        """Answer this request and all that follow; gives back one that is for a stream without end."""
        try:
            while request is not None:
                route = self._route(request)
                if route is not None and (request.is_websocket or route.kind not in ROUTES):
                    return request
                await self._answer(request, route)
                if not request.keep_alive or self._audience.worker.draining.is_set():
                    return None
                request = await self._next()
        except (PeerGone, trio.TooSlowError, Overwritten):
            pass  # a player that left, or cannot follow: it asks again, or it does not
        except RemoteProtocolError as error:
            self._audience.report.protocol_error("http")
            await self._connection.refuse(error_response(error, request_id=self._connection.request_id))
        return None

    def _route(self, request: Request) -> Route | None:
        """What the path means; None for nothing, which `_answer` says."""
        try:
            return parse_route(request.path, request.query, is_websocket=request.is_websocket)
        except RemoteProtocolError:
            return None

    async def _next(self) -> Request | None:
        """The next request; None when the player has had enough. Raises RemoteProtocolError."""
        request = self._requests.next()
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

    async def _answer(self, request: Request, route: Route | None) -> None:
        status = CLIENT_GONE
        try:
            route = route or parse_route(request.path, request.query)
            status = await self._serve(request, route)
        except (Unanswerable, RemoteProtocolError) as error:
            status = error.status if isinstance(error, Unanswerable) else error.reply
            await self._refuse(request, error, status)
        finally:
            self._count(request, route, status)

    def _count(self, request: Request, route: Route | None, status: int) -> None:
        report, kind = self._audience.report, route.kind if route else ""
        report.request(request.method, ROUTES.get(kind, "/{unknown}"), status)
        if route is not None and kind in HLS_ROUTES:
            report.hls_request(resource_of(route), status)

    async def _serve(self, request: Request, route: Route) -> int:
        """Answer by the route; the status."""
        if request.method == "OPTIONS":
            answer = preflight_response(
                self._origin, self._connection.request_id, keep_alive=request.keep_alive
            )
            await send_bytes(self._connection, answer)
            return 204
        if route.kind in PAGE_ROUTES:
            return await self._serve_page(request, route)
        if self._hls is None or route.kind not in HLS_ROUTES:
            raise Unanswerable(404, "not here")
        return await self._serve_hls(self._hls, request, route)

    async def _serve_page(self, request: Request, route: Route) -> int:
        extra: Fields = ()
        if route.kind == "index":
            names = sorted(self._audience.hub.names())
            body = pages.index_page(names)
            page, extra = pages.Asset(pages.HTML_TYPE, body, etag_of(body)), pages.INDEX_FIELDS
        elif route.kind == "page":
            self._name(route)
            page, extra = pages.player_page(), pages.PLAYER_FIELDS
        else:
            page = pages.asset(route.file)
        return await send_document(self._connection, request, page, extra)

    async def _serve_hls(self, hls: Hls, request: Request, route: Route) -> int:
        connection, answers = self._connection, hls.answers
        if route.kind == "multivariant":
            shelves = await self._find_renditions(hls.library, route, request)
            return await answers.send_multivariant(connection, request, shelves)
        shelf = await self._find(hls.library, route, request)
        if route.kind == "media":
            return await answers.send_media(connection, request, shelf)
        return await answers.send_named(connection, request, shelf, route.file)

    def _name(self, route: Route) -> str:
        try:
            return parse_played_name(route.raw_name)
        except BadName as error:
            raise Unanswerable(400, str(error)) from None

    async def _find(self, library: Library, route: Route, request: Request) -> Shelf:
        name = self._name(route)
        shelf = library.find(name)
        if route.kind != "file":
            shelf = await self._ask_for(library, name, shelf, request)
        if shelf is None:
            raise Unanswerable(404, f"no stream is published as {name}")
        return shelf

    async def _find_renditions(self, library: Library, route: Route, request: Request) -> list[Shelf]:
        """The shelves of the programme's renditions, or of the stream that is one by itself."""
        programme = self._name(route)
        streams = library.renditions(programme)
        if streams == (programme,):
            shelf = await self._find(library, route, request)
            streams = library.renditions(programme)  # the tracks of a publisher who has just begun are later
            if streams == (programme,):
                return [shelf]
        hub = self._audience.hub
        settings = hub.settings_for(programme)
        if not any(map(library.find, streams)):
            await hub.wait_for_any(streams, settings.wait_s)
        if not any(hub.find(name) or library.find(name) for name in streams):
            raise Unanswerable(404, f"no rendition of {programme} is published")
        longest_s = max(settings.wait_s, settings.hls_max_segment_s + FIRST_SEGMENT_S)
        shelves = await library.gather(streams, longest_s)
        if not shelves:
            raise Unanswerable(503, "there is no segment yet")
        return shelves

    async def _ask_for(
        self, library: Library, name: str, shelf: Shelf | None, request: Request
    ) -> Shelf | None:
        """The shelf for a playlist: the stream is packaged for it, if it lives."""
        hub = self._audience.hub
        wait_s = hub.settings_for(name).wait_s
        record = hub.find(name) if shelf is not None else await hub.wait_for(name, wait_s)
        if record is not None:
            library.ask_for(record)
            # A player that changes to another rendition stays one player.
            who = f"{self._connection.host}|{request.user_agent}"
            library.note_viewer(library.programme_of(name), who, record.slot)
        if shelf is not None and shelf.window.ready:
            return shelf
        if record is None:
            return None
        longest_s = hub.settings_for(name).hls_max_segment_s
        shelf = await library.wait_for(name, max(wait_s, longest_s + FIRST_SEGMENT_S))
        if shelf is None:
            raise Unanswerable(503, "there is no segment yet")
        return shelf

    @property
    def _origin(self) -> str:
        return self._audience.worker.config.http.cors_origin

    async def _refuse(self, request: Request, error: Exception, status: int) -> None:
        extra: Fields = (("Retry-After", "1"),) if status == 503 else ()
        if isinstance(error, RemoteProtocolError):
            extra += tuple(error.fields)
        await send_bytes(
            self._connection,
            plain_response(
                status,
                f"{error}\n",
                request_id=self._connection.request_id,
                origin=self._origin,
                head_only=request.method == "HEAD",
                keep_alive=request.keep_alive,
                extra=extra,
            ),
        )


def resource_of(route: Route) -> str:
    """What an HLS request is for, as the counters call it."""
    if route.kind != "file":
        return "playlist" if route.kind == "media" else route.kind
    if route.file.endswith(".mp4"):
        return "init"
    return "part" if route.file.count(".") == 2 else "segment"
