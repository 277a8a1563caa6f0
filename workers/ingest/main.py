"""The ingest role: publishers in.

    hand-over from a fanout worker -> publisher's task -> stream -> ring -> doorbells

A socket that was handed over while no ingest was alive waits on the bus; this process finds it there when it
begins.
"""

import time

import trio

from engine.protocols.rtmp import LocalProtocolError
from workers.ingest.publisher import READ_BYTES, Publisher
from workers.ingest.report import Report
from workers.ingest.streams import Streams
from workers.runtime.bus import Descriptors, Envelope
from workers.runtime.messages import ClientInfo, ClientsPage, HandOver, Kick, KickResult, ListClients
from workers.runtime.worker import Worker

ROUND_S: float = 0.5
"""How often figures are written and grace times are looked at, seconds."""


async def serve(worker: Worker) -> None:
    """Run one ingest worker until it has drained."""
    report = Report(worker.metrics)
    streams = Streams(worker)
    worker.on_reload(streams.reconfigure)
    async with trio.open_nursery() as background:
        async with trio.open_nursery() as connections:
            desk = Desk(worker, streams, report, connections)
            background.start_soon(make_rounds, streams, report, desk)
            desk.listen()
            worker.ready()
            await worker.draining.wait()
            desk.send_home()
        streams.end_all()
        report.flush(streams)
        background.cancel_scope.cancel()


async def make_rounds(streams: Streams, report: Report, desk: "Desk") -> None:
    """Run until cancelled."""
    while True:
        await trio.sleep(ROUND_S)
        now_ns = time.monotonic_ns()
        for stream in streams:
            stream.report(now_ns)
        desk.check_idle()
        streams.look_after()
        report.flush(streams)


class Desk:
    """Where publishers arrive, and what the bus asks about them."""

    def __init__(self, worker: Worker, streams: Streams, report: Report, connections: trio.Nursery) -> None:
        self._worker = worker
        self._streams = streams
        self._report = report
        self._connections = connections
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._publishers: dict[str, Publisher] = {}

    def listen(self) -> None:
        self._worker.bus.handle(HandOver, self._receive)
        self._worker.bus.handle(ListClients, self._list)
        self._worker.bus.handle(Kick, self._kick)

    def send_home(self) -> None:
        """Draining: every publisher is told, and its stream ends."""
        for publisher in list(self._publishers.values()):
            publisher.drain()

    def check_idle(self) -> None:
        """End the sessions of publishers that have fallen silent."""
        for publisher in list(self._publishers.values()):
            publisher.check_idle(trio.current_time())

    async def _receive(self, message: HandOver, envelope: Envelope, fds: Descriptors) -> None:
        sock = fds.take_socket()
        try:
            publisher = Publisher(self._worker, self._streams, self._report, message, sock, self._buffer)
        except LocalProtocolError as error:
            sock.close()
            self._worker.log.error("hand_over_unreadable", conn=message.conn_id, why=str(error))
            return
        self._connections.start_soon(self._run, publisher)

    async def _run(self, publisher: Publisher) -> None:
        self._publishers[publisher.id] = publisher
        try:
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


def info_of(publisher: Publisher, worker: str) -> ClientInfo:
    """One publisher as the API shows it."""
    return ClientInfo(
        id=publisher.id,
        worker=worker,
        protocol="rtmp",
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
    )
