"""A connection to the media port, from the request head to the last byte.

read head -> find the stream -> HTTP-FLV: response head, then the ring
                             -> WebSocket: handshake, then the same tags in frames
                             -> HLS: an answer, and the next request (http_session.py)
                             -> refusal, counted by reason
"""

import time
from typing import TYPE_CHECKING

import structlog
import trio

from engine.media.gop import StartMode
from engine.protocols import websocket
from engine.protocols.http import (
    Answer,
    RemoteProtocolError,
    Request,
    RequestReader,
    Route,
    flv_head,
    http1_head,
)
from workers.fanout.admission import STREAM_ROUTE, Admission, Refused
from workers.fanout.answers import is_endless
from workers.fanout.audience import Audience
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.feed import Feed
from workers.fanout.http_input import HttpInput, WebSocketInput
from workers.fanout.http_session import HttpSession
from workers.fanout.player import Player
from workers.fanout.request_lines import is_told, refuse_play, tell_request
from workers.fanout.sinks import Sink
from workers.fanout.visits import Visit
from workers.fanout.wire import FLV, WEBSOCKET_FLV, WEBSOCKET_MP4, Wire

if TYPE_CHECKING:
    from workers.runtime.tracing import Tracer

WIRES_OF: dict[str, Wire] = {"flv": WEBSOCKET_FLV, "mp4": WEBSOCKET_MP4}
"""What is sent over WebSocket, by the kind of route."""


async def serve_http(audience: Audience, sock: Sink, remote: str) -> None:
    """Serve one connection; its errors end here."""
    connection = HttpConnection(audience, sock, remote)
    audience.report.accepted("http")
    tracer = audience.worker.tracer
    try:
        await connection.run()
    except PeerGone:
        audience.report.handshake_failed("http", "connection_lost")
    except trio.TooSlowError:
        audience.report.handshake_failed("http", "timeout")
    except Exception:
        connection.failed(audience.worker.log)
    finally:
        if tracer is not None:
            tracer.leave()
        connection.close()
        audience.report.closed("http")


class HttpConnection(Connection):
    """One request, one answer or one stream."""

    __slots__ = ("_audience", "_frames", "_method", "_requests", "_stream", "_told_remote", "_wire")

    def __init__(self, audience: Audience, sock: Sink, remote: str) -> None:
        super().__init__(sock, remote, audience.worker.slot.name)
        self._audience = audience
        self._method = "GET"
        self._wire: Wire = FLV
        self._told_remote = remote
        self._stream = ""
        self._requests = RequestReader()
        self._frames: websocket.ClientFrames | None = None

    async def run(self) -> None:
        """Read the request and answer it; returns when the player has left, was refused or has drained."""
        try:
            request = await self._serve_session(await self._hear())
            if request is None:
                return
            player = await self._begin(request, self._admission.route(request))
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
        structlog.contextvars.bind_contextvars(request_id=self.name_request(request.request_id))
        self._note(request)
        return request

    def _note(self, request: Request) -> None:
        """What an answer to this request has to know, and a refusal to be counted for."""
        self._method = request.method
        self._wire = WEBSOCKET_FLV if request.is_websocket else FLV
        self._told_remote = self._remote_of(request)

    async def _serve_session(self, request: Request) -> Request | None:
        """Answer what can be answered at once, and what comes behind it on this connection.

        Gives back a request for a stream without end, which is then the last one here.
        """
        if request.method == "OPTIONS" or is_endless(request, self._admission.route(request)):
            return request
        session = HttpSession(self._audience, self._audience.hls, self, self._requests)
        last = await session.run(request)
        if last is not None:
            self._note(last)
        return last

    async def _begin(self, request: Request, route: Route) -> Player:
        admission = self._admission
        if self._audience.worker.tracer is not None:
            self._begin_story(self._audience.worker.tracer, request)
        if route.kind not in WIRES_OF or (route.kind == "mp4" and not request.is_websocket):
            raise admission.plain(404, "not found\n", "not_found")
        if request.is_websocket:
            self._wire = WIRES_OF[route.kind]
        name = self._stream = admission.name(route)
        key_id = await admission.check(name, request, self._client_of(request), self.id)
        if request.is_websocket:
            opening = self._shake_hands(request)
        else:
            head = flv_head(admission.origin, self.request_id)
            opening = http1_head(head, keep_alive=False)
            if request.method == "HEAD":
                await admission.find(name, self._client_of(request), key_id)
                raise Refused(Answer(head), "head")
        visit, feed = await admission.admit(
            name, admission.who(self.id, self.id, self._remote_of(request), self._wire.name, request, key_id)
        )
        with visit.until_in():
            return self._admit(request, route, feed, opening, visit)

    def _begin_story(self, tracer: "Tracer", request: Request) -> None:
        """From accept to here, unless the connection had other requests before this one."""
        started_ns = self.accepted_ns if self.is_first_request else time.time_ns()
        story = tracer.begin("play", request.headers.get("traceparent", ""), started_ns)
        if story is not None:
            story.tell(fanlight__request_id=self.request_id)
            story.step("handshake", started_ns)

    @property
    def _admission(self) -> Admission:
        """Refusals of a head that was not understood need an id as well."""
        return Admission(self._audience, self.request_id or self.name_request(None))

    async def _read_head(self) -> Request:
        try:
            while True:
                request = self._requests.receive(await self.read())
                if request is not None:
                    return request
        except RemoteProtocolError as error:
            self._audience.report.protocol_error("http")
            raise self._admission.refused(error, "bad_request") from None

    def _shake_hands(self, request: Request) -> bytes:
        try:
            response = websocket.accept_response(request, self.request_id)
        except websocket.RemoteProtocolError as error:
            raise self._admission.plain(error.reply, f"{error}\n", "bad_handshake") from None
        self._frames = websocket.ClientFrames()
        return response

    def _client_of(self, request: Request) -> str:
        return self._audience.client_host(self.host, request.headers)

    def _remote_of(self, request: Request) -> str:
        return self.remote_of(self._client_of(request))

    def _admit(self, request: Request, route: Route, feed: Feed, opening: bytes, visit: Visit) -> Player:
        player = Player(
            self.id,
            self.sock,
            self._wire.name,
            self._remote_of(request),
            opening=opening,
            farewell=self._going_away if self._frames else None,
            user_agent=request.user_agent,
            started_ns=self.accepted_ns,
        )
        player.visit = visit
        mode = StartMode(route.start) if route.start else None
        self._audience.admit(player, feed, self._wire, mode)
        self._count(101 if self._frames else 200)
        if request.trailing and self._frames:
            self._input(player)(request.trailing)
        return player

    def _going_away(self) -> bytes:
        self._audience.report.websocket_sent("close")
        return websocket.close(1001, "the stream is over")

    def _input(self, player: Player) -> HttpInput | WebSocketInput:
        report = self._audience.report
        return WebSocketInput(self._frames, player, report) if self._frames else HttpInput(player, report)

    async def _refuse(self, refused: Refused) -> None:
        self._count(refused.status)
        self.end_story(self._audience.worker, refused.reason if refused.status >= 400 else "")
        if refused.status >= 400:
            refuse_play(
                self._audience,
                protocol=self._wire.name,
                reason=refused.reason,
                conn=self.id,
                remote=self._told_remote,
                stream=self._stream,
                request_id=self.request_id,
            )
        head, body = refused.answer
        await self.refuse(http1_head(head, keep_alive=False) + (b"" if self._method == "HEAD" else body))

    def _count(self, status: int) -> None:
        """Count the request for a stream, and tell of it."""
        self._audience.report.request(self._method, STREAM_ROUTE, status)
        if is_told(status):
            tell_request(
                self._audience.worker.log,
                conn=self.id,
                remote=self._told_remote,
                request_id=self.request_id,
                method=self._method,
                route=STREAM_ROUTE,
                status=status,
            )
