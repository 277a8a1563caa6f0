"""A connection to the media port that speaks HTTP/2: many requests at once, each answered by its own task.

    reader   what the client does -> streams that open, have room again, are not wanted any more
    writer   what could not be sent at once (http2_wire.py)
    keeper   how long the connection is kept; it ends in order when it is idle, or when this worker drains
    streams  answers as over HTTP/1, and players whose sink is the stream

They end together. A stream's failure is its own: the client sees a reset, and the others go on.
"""

import secrets
import time
from collections.abc import Awaitable, Callable

import structlog
import trio

from engine.media.gop import StartMode
from engine.protocols import http2
from engine.protocols.http import Answer, Request, Route, error_answer, flv_head
from workers.fanout.admission import STREAM_ROUTE, Admission, Refused, name_in
from workers.fanout.answers import UNKNOWN_ROUTE, Answers, is_endless, route_of
from workers.fanout.audience import KEEP_S, Audience
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.exchange import SEND_S, Overwritten
from workers.fanout.feed import Feed
from workers.fanout.http2_exchange import Http2Exchange, send_answer
from workers.fanout.http2_stream import Http2Stream
from workers.fanout.http2_wire import Http2Wire
from workers.fanout.player import Player
from workers.fanout.request_lines import is_told, refuse_play, tell_request
from workers.fanout.sinks import Sink
from workers.fanout.wire import FLV

PROTOCOL: str = "http2"
"""What these connections are called in the counters."""


async def serve_http2(audience: Audience, sink: Sink, remote: str) -> None:
    """Serve one connection on which HTTP/2 was agreed; its errors end here."""
    connection = Http2Session(audience, sink, remote)
    audience.report.accepted(PROTOCOL)
    try:
        await connection.run()
    except Exception:
        connection.failed(audience.worker.log)
    finally:
        connection.close()
        audience.report.closed(PROTOCOL)


class Http2Session(Connection):
    """All that happens on one connection."""

    __slots__ = (
        "_answers",
        "_asked",
        "_audience",
        "_emptied",
        "_idle",
        "_nursery",
        "_opened",
        "_streams",
        "_wire",
    )

    def __init__(self, audience: Audience, sink: Sink, remote: str) -> None:
        super().__init__(sink, remote, audience.worker.slot.name)
        self._audience = audience
        self._answers = Answers(audience, audience.hls)
        self._wire = Http2Wire(sink)
        self._streams: dict[int, Http2Stream] = {}
        self._asked = trio.Event()  # there has been a request
        self._opened = trio.Event()  # there is one now
        self._emptied = trio.Event()  # there is none
        self._emptied.set()
        self._idle = trio.CancelScope()
        self._nursery: trio.Nursery

    async def run(self) -> None:
        """Serve until the client has left, was silent for long, broke the rules or has drained."""
        self._wire.flush()
        async with trio.open_nursery() as self._nursery:
            for part in (self._read, self._wire.write, self._keep):
                self._nursery.start_soon(self._run_part, part)
        if not self._wire.is_lost:
            await self.refuse(self._wire.take_rest())

    async def _run_part(self, part: Callable[[], Awaitable[None]]) -> None:
        """A part whose end is the end of all others."""
        try:
            await part()
        except PeerGone:
            self._end_lost("connection_lost")
        except trio.TooSlowError:
            self._end_lost("timeout")
        finally:
            self._nursery.cancel_scope.cancel()

    def _end_lost(self, reason: str) -> None:
        """The client is gone, or as good as: nothing more can be said to it."""
        if not (self._asked.is_set() or self._nursery.cancel_scope.cancel_called):
            self._audience.report.handshake_failed(PROTOCOL, reason)
        self._wire.lose()
        self._lose_streams()

    def _lose_streams(self) -> None:
        for stream in self._streams.values():
            stream.lose()

    # -- the keeper

    async def _keep(self) -> None:
        self._audience.idle.add(self._idle)
        try:
            with self._idle:
                if not self._audience.worker.draining.is_set():
                    await self._wait_for_silence()
        finally:
            self._audience.idle.discard(self._idle)
        self._wire.protocol.go_away()
        self._wire.flush()
        await self._emptied.wait()
        await self._wire.wait_until_empty()

    async def _wait_for_silence(self) -> None:
        """Until nothing has been asked for in a while. Raises `trio.TooSlowError` if nothing ever was."""
        with trio.fail_after(self._audience.worker.config.http.head_timeout_s):
            await self._asked.wait()
        while True:
            await self._emptied.wait()
            with trio.move_on_after(KEEP_S) as silence:
                await self._opened.wait()
            if silence.cancelled_caught:
                return

    # -- the reader

    async def _read(self) -> None:
        while True:
            await self._wire.wait_until_heard()
            data = await self.read()
            try:
                for event in self._wire.protocol.receive(data, trio.current_time()):
                    self._act(event)
            except http2.RemoteProtocolError as error:
                self._note(error)
                return
            self._wire.flush()

    def _act(self, event: http2.Event) -> None:
        match event:
            case http2.RequestArrived() | http2.RequestRefused():
                self._open(event.stream_id, event)
            case http2.RoomChanged():
                self._note_room(event.stream_id)
            case http2.StreamReset():
                if event.stream_id in self._streams:
                    self._streams[event.stream_id].lose()
            case http2.PeerClosing():
                self._idle.cancel()

    def _note_room(self, stream_id: int) -> None:
        if stream_id:
            if stream_id in self._streams:
                self._streams[stream_id].note_room()
        else:
            for stream in self._streams.values():
                stream.note_room()

    def _note(self, error: http2.RemoteProtocolError) -> None:
        report = self._audience.report
        self._lose_streams()
        report.protocol_error(PROTOCOL)
        if not self._asked.is_set():
            report.handshake_failed(PROTOCOL, "protocol_error")
        if error.flood is not None:
            report.http2_flood(error.flood)
        self._audience.worker.log.info(
            "http2_refused", conn=self.id, remote=self.remote, why=str(error), flood=error.flood
        )

    # -- streams

    def _open(self, stream_id: int, asked: http2.RequestArrived | http2.RequestRefused) -> None:
        stream = self._streams[stream_id] = Http2Stream(self._wire, stream_id)
        self._asked.set()
        self._opened.set()
        if self._emptied.is_set():
            self._emptied = trio.Event()
        self._nursery.start_soon(self._serve, stream, asked)

    def _forget(self, stream: Http2Stream) -> None:
        del self._streams[stream.id]
        if not self._streams:
            self._opened = trio.Event()
            self._emptied.set()

    async def _serve(self, stream: Http2Stream, asked: http2.RequestArrived | http2.RequestRefused) -> None:
        self._audience.http2_requests += 1
        try:
            if not stream.over.is_set():  # taken back in the same breath
                await self._serve_wanted(stream, asked)
        finally:
            self._audience.http2_requests -= 1
        self._forget(stream)

    async def _serve_wanted(
        self, stream: Http2Stream, asked: http2.RequestArrived | http2.RequestRefused
    ) -> None:
        self._audience.report.http2_request()
        try:
            with stream.scope:
                if isinstance(asked, http2.RequestArrived):
                    await self._answer(stream, asked.request)
                else:
                    await self._refuse_request(stream, asked)
        except (PeerGone, trio.TooSlowError, Overwritten):
            pass  # a player that left, or cannot follow: it asks again, or it does not
        except Exception:
            self.failed(self._audience.worker.log)
            stream.give_up(http2.ErrorCode.INTERNAL_ERROR)
        finally:
            if self._audience.worker.tracer is not None:
                self._audience.worker.tracer.leave()
            stream.give_up()

    async def _answer(self, stream: Http2Stream, request: Request) -> None:
        request_id = request.request_id or secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        host = self._audience.client_host(self.host, request.headers)
        exchange = Http2Exchange(self, stream, request, request_id, host)
        route = route_of(request)
        if request.method == "OPTIONS" or route is None or not is_endless(request, route):
            await self._answers.answer(exchange, route)
        else:
            await self._play(stream, exchange, route)

    async def _refuse_request(self, stream: Http2Stream, asked: http2.RequestRefused) -> None:
        """A request that must not be taken, which may have been meant for anything."""
        report, refusal = self._audience.report, asked.refusal
        report.protocol_error(PROTOCOL)
        method, request_id = "HEAD" if asked.head_only else "GET", secrets.token_hex(8)
        report.request(method, UNKNOWN_ROUTE, refusal.reply)
        self._tell(request_id, self.remote, method, UNKNOWN_ROUTE, refusal.reply)
        origin = self._audience.worker.config.http.cors_origin
        head, body = error_answer(refusal, request_id=request_id, origin=origin)
        with trio.fail_after(SEND_S):
            await send_answer(stream, head, b"" if asked.head_only else body)

    def _tell(self, request_id: str, remote: str, method: str, route: str, status: int) -> None:
        if is_told(status):
            tell_request(
                self._audience.worker.log,
                conn=self.id,
                remote=remote,
                request_id=request_id,
                method=method,
                route=route,
                status=status,
            )

    # -- players

    async def _play(self, stream: Http2Stream, exchange: Http2Exchange, route: Route) -> None:
        """HTTP-FLV. WebSocket over HTTP/2 (RFC 8441) is not offered: browsers then take HTTP/1.1 for it."""
        admission = Admission(self._audience, exchange.request_id)
        request = exchange.request
        report = self._audience.report
        if self._audience.worker.tracer is not None:
            self._audience.worker.tracer.begin("play", request.headers.get("traceparent", ""))
        try:
            name, key_id = await self._name(admission, route, exchange)
            head = flv_head(admission.origin, exchange.request_id)
            if request.method == "HEAD":
                await admission.find(name, exchange.host, key_id)
                raise Refused(Answer(head), "head")
            player = self._player(stream, exchange)
            visit, feed = await admission.admit(
                name, admission.who(player.client_id, self.id, player.remote, FLV.name, request, key_id)
            )
        except Refused as refused:
            self._refuse_play(exchange, route, refused)
            await exchange.send(*refused.answer)
            return
        with visit.until_in():
            stream.begin_nowait(head)  # and nothing is awaited until it is admitted (`Audience.feed_for`)
            report.request(request.method, STREAM_ROUTE, 200)
            self._tell(exchange.request_id, exchange.remote, request.method, STREAM_ROUTE, 200)
            player.visit = visit
            await self._watch(stream, player, feed, route)

    def _refuse_play(self, exchange: Http2Exchange, route: Route, refused: Refused) -> None:
        method, request_id, status = exchange.request.method, exchange.request_id, refused.status
        self._audience.report.request(method, STREAM_ROUTE, status)
        self._tell(request_id, exchange.remote, method, STREAM_ROUTE, status)
        self.end_story(self._audience.worker, refused.reason if status >= 400 else "")
        if status >= 400:
            refuse_play(
                self._audience,
                protocol=FLV.name,
                reason=refused.reason,
                conn=self.id,
                remote=exchange.remote,
                stream=name_in(route),
                request_id=request_id,
            )

    async def _name(self, admission: Admission, route: Route, exchange: Http2Exchange) -> tuple[str, str]:
        """The stream that is asked for, and the id of the key that lets its player in. Raises Refused."""
        if route.kind != "flv":
            raise admission.plain(404, "not found\n", "not_found")
        name = admission.name(route)
        return name, await admission.check(name, exchange.request, exchange.host, self.id)

    def _player(self, stream: Http2Stream, exchange: Http2Exchange) -> Player:
        return Player(
            f"{self._audience.worker.slot.name}-{secrets.token_hex(6)}",
            stream,
            FLV.name,
            exchange.remote,
            user_agent=exchange.request.user_agent,
            started_ns=time.time_ns(),
        )

    async def _watch(self, stream: Http2Stream, player: Player, feed: Feed, route: Route) -> None:
        """Let it play until its stream is over, whoever ends it."""
        since_s = trio.current_time()
        self._audience.admit(player, feed, FLV, StartMode(route.start) if route.start else None)
        try:
            await stream.over.wait()
        finally:
            self._audience.dismiss(player, since_s, "closed" if stream.over.is_set() else "drained")
