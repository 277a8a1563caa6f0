"""Where publishers arrive, whatever they speak, and what the bus asks about them."""

import socket
import time
from contextlib import nullcontext
from typing import Protocol

import msgspec
import trio

from engine.access import BadName
from engine.policy.leaks import Holdings
from engine.protocols.rtmp import LocalProtocolError
from workers.ingest.publisher import READ_BYTES, Publisher
from workers.ingest.report import Report
from workers.ingest.srt_publisher import SrtPublisher
from workers.ingest.stream import PublishedStream
from workers.ingest.streams import Streams
from workers.ingest.visit import PublisherVisit
from workers.runtime.bus import Descriptors, Envelope
from workers.runtime.circle import Circle
from workers.runtime.hook_line import HookLine
from workers.runtime.link_figures import Figures
from workers.runtime.messages import ClientInfo, ClientsPage, HandOver, Kick, KickResult, ListClients
from workers.runtime.remotes import host_of
from workers.runtime.worker import Worker


class Session(Protocol):
    """A publisher's session, as far as the desk cares."""

    id: str
    protocol: str
    remote: str
    key_id: str
    accepted_ns: int
    stream: PublishedStream | None
    tags_in: int

    @property
    def bytes_in(self) -> int: ...

    async def run(self) -> None:
        """The whole session; its errors end there."""
        ...

    def shown_link(self) -> Figures | None: ...
    def is_of(self, stream: str | None) -> bool: ...
    def check_idle(self, now_s: float) -> None: ...
    def kick(self, reason: str) -> None: ...
    def drain(self) -> None: ...


class Desk:
    """Takes hand-overs, keeps the register of sessions, answers the bus."""

    def __init__(
        self,
        worker: Worker,
        streams: Streams,
        report: Report,
        connections: trio.Nursery,
        circle: Circle,
        line: HookLine | None = None,
    ) -> None:
        self._worker = worker
        self._streams = streams
        self._report = report
        self._connections = connections
        self._circle = circle
        self._line = line
        self._buffer = memoryview(bytearray(READ_BYTES))  # all RTMP publishers read into it, one at a time
        self._publishers: dict[str, Session] = {}
        worker.holdings = lambda: Holdings(clients=len(self._publishers))

    def listen(self) -> None:
        self._worker.bus.handle(HandOver, self._receive)
        self._worker.bus.handle(ListClients, self._list)
        self._worker.bus.handle(Kick, self._kick)

    def send_home(self) -> None:
        """Draining: every publisher is told, and its stream ends."""
        for publisher in list(self._publishers.values()):
            publisher.drain()

    def check_bans(self) -> None:
        """End the sessions of publishers who are banned, by address, stream or key."""
        table, now_s = self._streams.bans.look(), time.time()
        if not table.bans:
            return
        for publisher in list(self._publishers.values()):
            remote, name = publisher.remote, publisher.stream.name if publisher.stream else ""
            ban = table.of_publisher(host_of(remote), name, publisher.key_id, now_s)
            if ban is not None:
                self._worker.log.info(
                    "banned",
                    conn=publisher.id,
                    stream=name,
                    remote=remote,
                    key=publisher.key_id,
                    ban=ban.id,
                )
                publisher.kick("banned")

    def check_idle(self) -> None:
        """End the sessions of publishers that have fallen silent."""
        for publisher in list(self._publishers.values()):
            publisher.check_idle(trio.current_time())

    async def _receive(self, message: HandOver, envelope: Envelope, fds: Descriptors) -> None:
        sock = fds.take_socket()
        visit = PublisherVisit(message.visit, self._line, trio.current_time())
        if self._worker.draining.is_set():
            self._report.refused(message.protocol, "draining")
            visit.end("draining")
            sock.close()
            return
        try:
            publisher = self._session(message, sock, visit)
        except (LocalProtocolError, msgspec.MsgspecError, BadName) as error:
            visit.end("error")
            sock.close()
            self._worker.log.error("hand_over_unreadable", conn=message.conn_id, why=str(error))
            return
        self._publishers[publisher.id] = publisher
        self._connections.start_soon(self._run, publisher, message.relayed)

    def _session(self, message: HandOver, sock: socket.socket, visit: PublisherVisit) -> Session:
        """The session of the protocol that the socket speaks."""
        if message.protocol == "srt":
            return SrtPublisher(self._worker, self._streams, self._report, self._circle, message, sock, visit)
        return Publisher(self._worker, self._streams, self._report, message, sock, self._buffer, visit)

    async def _run(self, publisher: Session, relayed: bool) -> None:
        try:
            with nullcontext() if relayed else self._report.connection(publisher.protocol):
                await publisher.run()
        finally:
            del self._publishers[publisher.id]

    async def _list(self, asked: ListClients, envelope: Envelope, fds: Descriptors) -> ClientsPage:
        wanted = sorted(
            client_id
            for client_id, publisher in self._publishers.items()
            if client_id > asked.after and publisher.is_of(asked.stream)
        )
        clients = [info_of(self._publishers[one], self._worker.slot.name) for one in wanted[: asked.limit]]
        return ClientsPage(clients, len(wanted) > asked.limit)

    async def _kick(self, asked: Kick, envelope: Envelope, fds: Descriptors) -> KickResult:
        publisher = self._publishers.get(asked.client_id)
        if publisher is not None:
            publisher.kick(asked.reason)
        return KickResult(publisher is not None)


def info_of(publisher: Session, worker: str) -> ClientInfo:
    """One publisher as the API shows it."""
    return ClientInfo(
        id=publisher.id,
        worker=worker,
        protocol=publisher.protocol,
        role="publisher",
        stream=publisher.stream.name if publisher.stream else "",
        remote=publisher.remote,
        started_ns=publisher.accepted_ns,
        bytes=publisher.bytes_in,
        tags=publisher.tags_in,
        dropped_tags=0,
        jumps=0,
        lag_ms=0,
        user_agent="",
        state="publishing",
        link=publisher.shown_link(),
        key=publisher.key_id,
    )
