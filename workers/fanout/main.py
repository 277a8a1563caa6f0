"""The fanout role: players out.

    listeners -> one task per connection -> audience -> feed of the stream -> pump -> socket

Nothing here waits for control or ingest: what is to be sent is in shared memory, what is to be known stands
on the board.
"""

import functools
import socket
from collections.abc import Awaitable, Callable

import trio

from engine.policy.addresses import Visit
from engine.policy.leaks import Holdings
from workers.fanout.accept import MAX_STRANGERS, accept_forever
from workers.fanout.audience import Audience
from workers.fanout.clients import answer_for_clients
from workers.fanout.guard import Guard
from workers.fanout.hls_answers import Hls, HlsAnswers
from workers.fanout.holds import Holds
from workers.fanout.http_connection import serve_http
from workers.fanout.hub import Hub
from workers.fanout.library import Library
from workers.fanout.proxy_door import Unintroduced, introduced
from workers.fanout.report import FROM_NOUGHT, HLS, Report
from workers.fanout.rtmp_connection import serve_rtmp
from workers.fanout.sinks import Sink
from workers.fanout.srt_port import SrtPort
from workers.fanout.tls_contexts import TlsContexts
from workers.fanout.tls_door import TlsDoor
from workers.fanout.wire import FLV, WEBSOCKET_FLV, WEBSOCKET_MP4
from workers.fanout.wire import RTMP as RTMP_WIRE
from workers.runtime.bus import Descriptors, Envelope
from workers.runtime.gate import Gate
from workers.runtime.hook_line import open_line
from workers.runtime.issuer import keep_issuers_keys
from workers.runtime.messages import Lend, TakeBack
from workers.runtime.remotes import host_of
from workers.runtime.worker import HTTP, HTTPS, RTMP, RTMPS, Worker

SRT = "srt"
"""Kind of listener; those of ports that stand for one stream are "srt:app/name".
"""

Door = Callable[[Audience, socket.socket, str], Awaitable[None]]
DOORS: dict[str, Door] = {RTMP: serve_rtmp, HTTP: serve_http}

INSIDE_TLS: dict[str, Callable[[Audience, Sink, str], Awaitable[None]]] = {
    RTMPS: serve_rtmp,
    HTTPS: serve_http,
}
"""By kind of listener, what is spoken there once the handshake is over."""

SPOKEN_AT: dict[str, str] = {RTMPS: RTMP, HTTPS: HTTP}
"""What ports with TLS are called where counters tell protocols apart."""


async def serve(worker: Worker) -> None:
    """Run one fanout worker until it has drained."""
    worker.metrics.begin(*FROM_NOUGHT)
    report = Report(worker.metrics, worker.slot.name)
    mourn_predecessor(worker, report)
    async with trio.open_nursery() as background:
        hub = Hub(worker, background, report.flush_feed)
        worker.on_reload(hub.reconfigure)
        line, gate = open_line(worker), Gate(worker.config)
        background.start_soon(line.run)
        worker.on_reload(gate.reconfigure)
        hls = hls_of(worker, hub, background, report)
        audience = Audience(worker, hub, report, hls, Guard.of(worker), line, gate)
        answer_for_clients(worker.bus, audience)
        background.start_soon(hub.bell.listen)
        background.start_soon(hub.watch_directory)
        background.start_soon(audience.make_rounds)
        background.start_soon(keep_issuers_keys, worker, gate)
        background.start_soon(hub.circle.run)
        background.start_soon(hub.ear.run)
        background.start_soon(hub.reception.run)
        await _serve_until_drained(worker, audience, doors_of(worker, report, background))
        audience.flush()
        await line.flush()
        background.cancel_scope.cancel()


async def _serve_until_drained(worker: Worker, audience: Audience, by_kind: dict[str, Door]) -> None:
    """Accept until draining; then every stream's players get what is theirs and a farewell."""
    async with trio.open_nursery() as connections:
        doors = Doors(worker, audience, connections, by_kind)
        worker.holdings = lambda: holdings_of(audience, doors.connected)
        worker.bus.handle(Lend, doors.lend)
        worker.bus.handle(TakeBack, doors.take_back)
        async with trio.open_nursery() as accepting:
            doors.open(accepting)
            worker.ready()
            await worker.draining.wait()
            accepting.cancel_scope.cancel()
        worker.close_listeners()
        audience.let_go()
        audience.hub.end_all("drained")


def holdings_of(audience: Audience, connected: int) -> Holdings:
    """What a worker with so many TCP connections is at work on."""
    work = Holdings(clients=connected + audience.count_srt(), requests=audience.http2_requests)
    if audience.hls is None:
        return work
    library, answers = audience.hls
    return work._replace(shelves=library.shelves, files=len(answers.files))


def hls_of(worker: Worker, hub: Hub, nursery: trio.Nursery, report: Report) -> Hls | None:
    """What HLS players of this worker share; None where HLS is off."""
    if worker.packages is None:
        return None
    answers = HlsAnswers(worker.packages, lambda: worker.config, Holds(), report)
    return Hls(Library(worker, nursery, hub.bell), answers)


def doors_of(worker: Worker, report: Report, background: trio.Nursery) -> dict[str, Door]:
    """What to do at each kind of listener that there is; TLS only where it is configured."""
    if not worker.config.tls.enabled:
        return DOORS
    contexts = TlsContexts(worker, report)
    background.start_soon(contexts.watch)
    return DOORS | {kind: TlsDoor(contexts, kind, inside) for kind, inside in INSIDE_TLS.items()}


class Doors:
    """Which listeners this worker accepts on: its own, and those of siblings that are down."""

    def __init__(
        self, worker: Worker, audience: Audience, connections: trio.Nursery, doors: dict[str, Door]
    ) -> None:
        self._doors = doors
        self._worker = worker
        self._audience = audience
        self._connections = connections
        self._accepting: trio.Nursery | None = None
        self._lent: dict[int, list[trio.CancelScope]] = {}
        self.connected = 0
        """TCP connections that are served now."""

    def open(self, accepting: trio.Nursery) -> None:
        self._accepting = accepting
        for kind, door in self._doors.items():
            self._start(self._worker.own_listener(kind), kind, door)
        for kind in self._srt_kinds():
            self._start_srt(self._worker.own_listener(kind), kind)

    async def lend(self, message: Lend, envelope: Envelope, fds: Descriptors) -> None:
        """Accept for a sibling that is down, too."""
        index = message.fanout_index
        if index in self._lent or self._accepting is None:
            return
        scopes = self._lent[index] = []
        for kind, door in self._doors.items():
            listeners = self._worker.listeners[kind]
            if index < len(listeners) and listeners[index] is not self._worker.own_listener(kind):
                scopes.append(self._start(listeners[index], kind, door))
        for kind in self._srt_kinds():
            listeners = self._worker.listeners[kind]
            if index < len(listeners) and listeners[index] is not self._worker.own_listener(kind):
                scopes.append(self._start_srt(listeners[index], kind))

    async def take_back(self, message: TakeBack, envelope: Envelope, fds: Descriptors) -> None:
        """The sibling is back."""
        for scope in self._lent.pop(message.fanout_index, ()):
            scope.cancel()

    def _start(self, listener: socket.socket, kind: str, door: Door) -> trio.CancelScope:
        """Accept on `listener` until the scope is cancelled. A scope each: one may be entered only once."""
        assert self._accepting is not None
        scope = trio.CancelScope()
        self._accepting.start_soon(self._accept, listener, kind, door, scope)
        return scope

    async def _accept(self, listener: socket.socket, kind: str, door: Door, scope: trio.CancelScope) -> None:
        serve_one = functools.partial(self._serve, kind, door)
        with scope:
            await accept_forever(listener, serve_one, self._connections, self._exhausted)

    async def _serve(self, kind: str, door: Door, sock: socket.socket, remote: str) -> None:
        """Serve one connection, if there is room beside all players that there may be.

        What its address may have, and whether it is banned, is asked once it is known whose that is: a proxy
        that we trust has all its clients' connections, and none of its own until it says whom it speaks for.
        """
        if self.connected >= self._worker.config.fanout.max_players + MAX_STRANGERS:
            self._audience.report.turned_away(kind)
            sock.close()
            return
        self.connected += 1
        try:
            await self._serve_client(kind, door, sock, await introduced(self._worker, kind, sock, remote))
        except Unintroduced as fault:
            self._audience.report.handshake_failed(SPOKEN_AT.get(kind, kind), fault.reason)
            sock.close()
        finally:
            self.connected -= 1

    async def _serve_client(self, kind: str, door: Door, sock: socket.socket, remote: str) -> None:
        visit = self._audience.guard.enter(host_of(remote))
        if visit.refused:
            self._turn_away(kind, remote, visit)
            sock.close()
            return
        try:
            await door(self._audience, sock, remote)
        finally:
            self._audience.guard.leave(visit)

    def _turn_away(self, kind: str, remote: str, visit: Visit) -> None:
        self._audience.report.handshake_failed(SPOKEN_AT.get(kind, kind), visit.refused)
        if visit.news:
            self._worker.log.warning("address_refused", remote=remote, port=kind, reason=visit.refused)

    def _srt_kinds(self) -> list[str]:
        """The SRT port and those that stand for one stream each; none where SRT is off."""
        return [kind for kind, sockets in self._worker.listeners.items() if kind.startswith(SRT) and sockets]

    def _start_srt(self, sock: socket.socket, kind: str) -> trio.CancelScope:
        """Take handshakes on `sock` until the scope is cancelled."""
        assert self._accepting is not None
        scope = trio.CancelScope()
        mapped = kind.partition(":")[2]
        self._accepting.start_soon(
            self._serve_srt, SrtPort(self._audience, sock, mapped, self._connections), scope
        )
        return scope

    async def _serve_srt(self, port: SrtPort, scope: trio.CancelScope) -> None:
        with scope:
            await port.serve()

    def _exhausted(self, error: OSError) -> None:
        self._worker.log.error("cannot_accept", why=str(error))


def mourn_predecessor(worker: Worker, report: Report) -> None:
    """Count the players of the process that had this slot before and was killed."""
    for buried in worker.buried:
        report.died_with_predecessor(FLV.name, buried.players_http)
        report.died_with_predecessor(WEBSOCKET_FLV.name, buried.players_ws)
        report.died_with_predecessor(WEBSOCKET_MP4.name, buried.players_mp4)
        report.died_with_predecessor(RTMP_WIRE.name, buried.players_rtmp)
        report.died_with_predecessor(SRT, buried.players_srt)
        report.died_with_predecessor(HLS, buried.players_hls)
