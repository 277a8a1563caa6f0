"""A connection to the media port, from the request head to the last byte.

read head -> find the stream -> HTTP-FLV: response head, then the ring
                             -> WebSocket: handshake, then the same tags in frames
                             -> HLS: an answer, and the next request (http_session.py)
                             -> refusal, counted by reason
"""

import secrets

import trio

from engine.access.names import BadName, parse_stream_name
from engine.media.gop import StartMode
from engine.protocols import websocket
from engine.protocols.http import (
    RemoteProtocolError,
    Request,
    RequestReader,
    Route,
    error_response,
    flv_response,
    parse_route,
    plain_response,
    preflight_response,
)
from workers.fanout.audience import Audience, Full
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.feed import Feed
from workers.fanout.http_input import HttpInput, WebSocketInput
from workers.fanout.http_session import ROUTES, HttpSession
from workers.fanout.hub import StreamGone
from workers.fanout.player import Player
from workers.fanout.sinks import Sink
from workers.fanout.wire import FLV, WEBSOCKET_FLV, WEBSOCKET_MP4, Wire

WIRES_OF: dict[str, Wire] = {"flv": WEBSOCKET_FLV, "mp4": WEBSOCKET_MP4}
"""What is sent over WebSocket, by the kind of route."""


class Refused(Exception):
    """This request gets an answer, not a stream. `reason` is the label in the counters."""

    def __init__(self, response: bytes, reason: str, status: int) -> None:
        super().__init__(reason)
        self.response = response
        self.reason = reason
        self.status = status


async def serve_http(audience: Audience, sock: Sink, remote: str) -> None:
    """Serve one connection; its errors end here."""
    connection = HttpConnection(audience, sock, remote)
    audience.report.accepted("http")
    try:
        await connection.run()
    except PeerGone:
        audience.report.handshake_failed("http", "connection_lost")
    except trio.TooSlowError:
        audience.report.handshake_failed("http", "timeout")
    except Exception:
        connection.failed(audience.worker.log)
    finally:
        connection.close()
        audience.report.closed("http")


class HttpConnection(Connection):
    """One request, one answer or one stream."""

    __slots__ = ("_audience", "_frames", "_method", "_requests")

    def __init__(self, audience: Audience, sock: Sink, remote: str) -> None:
        super().__init__(sock, remote, audience.worker.slot.name)
        self._audience = audience
        self._method = "GET"
        self._requests = RequestReader()
        self._frames: websocket.ClientFrames | None = None

    async def run(self) -> None:
        """Read the request and answer it; returns when the player has left, was refused or has drained."""
        try:
            request = await self._serve_session(await self._hear())
            if request is None:
                return
            player = await self._begin(request, self._route(request))
        except Refused as refused:
            await self._refuse(refused)
            return
        reason = "drained"
        try:
            await self.watch(player, self._input(player), self._audience.hub.ear)
            reason = "closed"
        except Exception:
            reason = "error"
            raise
        finally:
            self._audience.dismiss(player, self.accepted_s, reason)

    async def _hear(self) -> Request:
        with trio.fail_after(self._audience.worker.config.http.head_timeout_s):
            request = await self._read_head()
        self.request_id = request.request_id or secrets.token_hex(8)
        self._method = request.method
        return request

    async def _serve_session(self, request: Request) -> Request | None:
        """Answer what can be answered at once, and what comes behind it on this connection.

        Gives back a request for a stream without end, which is then the last one here.
        """
        if request.method == "OPTIONS" or request.is_websocket or self._route(request).kind not in ROUTES:
            return request
        session = HttpSession(self._audience, self._audience.hls, self, self._requests)
        last = await session.run(request)
        self._method = last.method if last else self._method
        return last

    async def _begin(self, request: Request, route: Route) -> Player:
        if route.kind not in WIRES_OF or (route.kind == "mp4" and not request.is_websocket):
            raise self._plain(404, "not found\n", "not_found")
        name = self._name(route)
        wire, opening = self._opening(request, route)
        feed = await self._find(name)
        if request.method == "HEAD":
            raise Refused(opening, "head", 200)
        return self._admit(request, route, feed, wire, opening)

    async def _read_head(self) -> Request:
        try:
            while True:
                request = self._requests.receive(await self.read())
                if request is not None:
                    return request
        except RemoteProtocolError as error:
            self._audience.report.protocol_error("http")
            raise self._refused(error, "bad_request") from None

    def _route(self, request: Request) -> Route:
        if request.method == "OPTIONS":
            raise Refused(preflight_response(self._origin, self.request_id), "preflight", 204)
        try:
            route = parse_route(request.path, request.query, is_websocket=request.is_websocket)
        except RemoteProtocolError as error:
            raise self._refused(error, "not_found" if error.reply == 404 else "bad_request") from None
        return route

    def _name(self, route: Route) -> str:
        try:
            return parse_stream_name(route.raw_name)
        except BadName as error:
            raise self._plain(400, f"{error}\n", "bad_name") from None

    async def _find(self, name: str) -> Feed:
        hub = self._audience.hub
        record = await hub.wait_for(name, hub.settings_for(name).wait_s)
        if record is None:
            raise self._plain(404, f"no stream is published as {name}\n", "not_found")
        try:
            self._audience.check_room()
        except Full:
            raise self._plain(
                503, "this server has as many players as it may have\n", "too_many_players"
            ) from None
        try:
            return await hub.feed(record)
        except StreamGone:
            raise self._plain(404, f"{name} is over\n", "not_found") from None

    def _opening(self, request: Request, route: Route) -> tuple[Wire, bytes]:
        if not request.is_websocket:
            return FLV, flv_response(self._origin, self.request_id)
        try:
            response = websocket.accept_response(request, self.request_id)
        except websocket.RemoteProtocolError as error:
            raise self._plain(error.reply, f"{error}\n", "bad_handshake") from None
        self._frames = websocket.ClientFrames()
        return WIRES_OF[route.kind], response

    def _admit(self, request: Request, route: Route, feed: Feed, wire: Wire, opening: bytes) -> Player:
        player = Player(
            self.id,
            self.sock,
            wire.name,
            self.remote,
            opening=opening,
            farewell=_going_away if self._frames else None,
            user_agent=request.user_agent,
            started_ns=self.accepted_ns,
        )
        mode = StartMode(route.start) if route.start else None
        self._audience.admit(player, feed, wire, mode)
        self._audience.report.request(request.method, "/{stream}.flv", 101 if self._frames else 200)
        if request.trailing and self._frames:
            self._input(player)(request.trailing)
        return player

    def _input(self, player: Player) -> HttpInput | WebSocketInput:
        report = self._audience.report
        return WebSocketInput(self._frames, player, report) if self._frames else HttpInput(player, report)

    # -- refusing

    @property
    def _origin(self) -> str:
        return self._audience.worker.config.http.cors_origin

    def _refused(self, error: RemoteProtocolError, reason: str) -> Refused:
        request_id = self.request_id or secrets.token_hex(8)
        return Refused(error_response(error, request_id=request_id, origin=self._origin), reason, error.reply)

    def _plain(self, status: int, text: str, reason: str) -> Refused:
        response = plain_response(status, text, request_id=self.request_id, origin=self._origin)
        return Refused(response, reason, status)

    async def _refuse(self, refused: Refused) -> None:
        report = self._audience.report
        report.request(self._method, "/{stream}.flv", refused.status)
        if refused.status >= 400:
            wire = WEBSOCKET_FLV if self._frames else FLV
            report.play_refused(wire.name, refused.reason)
        await self.refuse(refused.response)


def _going_away() -> bytes:
    return websocket.close(1001, "the stream is over")
