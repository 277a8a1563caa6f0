"""A publisher over SRT: the hand-over of a negotiated connection, then transport stream into the ring until
it ends.

The handshake, the name and the key were the fanout worker's affair. Here the circle brings datagrams and
deadlines (`serve`), and a task waits for the end (`run`), so that the session has one beginning, one end and
one owner.
"""

import socket
import time

import msgspec
import trio

from engine.access import parse_stream_name
from engine.media.tags import OverlongBody
from engine.protocols.mpegts import Opening, RemoteProtocolError, TsReader
from engine.protocols.mpegts.events import Media
from shm.errors import ArenaFull, LostRing, ShmError, TagTooLarge
from workers.ingest.overseer import OVER_LIMIT, Overseen, Overseer, srt_reason
from workers.ingest.report import Report
from workers.ingest.stream import PublishedStream
from workers.ingest.streams import Refused, Streams
from workers.ingest.telling import log_message, open_story
from workers.ingest.visit import LIFETIME, PublisherVisit
from workers.runtime.circle import Circle, now_us
from workers.runtime.link_figures import Figures, received_figures
from workers.runtime.logs import Packets
from workers.runtime.messages import HandOver
from workers.runtime.srt_link import SrtHandOver, SrtLink
from workers.runtime.srt_readings import link_stats, measured
from workers.runtime.worker import Worker

PROTOCOL = "srt"

AFTER_END_US: int = 1_000_000
"""A session that is over is not due any more; its task takes it out of the circle before that."""

RING_FAILURES = {
    TagTooLarge: "tag_too_large",
    OverlongBody: "tag_too_large",
    ArenaFull: "no_memory",
    LostRing: "lost_ring",
}

PEER_ENDS = {"shutdown": "finished", "idle": "idle", "connection_lost": "connection_lost"}
"""What the link says of its end -> the reason in logs and counters."""


_DECODER = msgspec.msgpack.Decoder(SrtHandOver)


class SrtPublisher:
    """One publisher.

    Args:
        worker: for log and configuration.
        streams: where its stream comes from.
        report: counts.
        circle: brings its datagrams.
        message: the hand-over.
        sock: a connected UDP socket, ours from now on.
        visit: what webhooks know of it, and let it do.
    """

    def __init__(
        self,
        worker: Worker,
        streams: Streams,
        report: Report,
        circle: Circle,
        message: HandOver,
        sock: socket.socket,
        visit: PublisherVisit,
    ) -> None:
        state = _DECODER.decode(message.state)
        self.id = f"{worker.slot.name}-{message.conn_id.rsplit('-', 1)[-1]}"
        self.protocol = PROTOCOL
        self.remote = message.remote
        self.key_id = message.key_id
        self.accepted_ns = message.accepted_wall_ns
        self.stream: PublishedStream | None = None
        self.tags_in = 0
        self._transported_bytes = 0  # of its transport stream, padding included
        self.link = SrtLink(sock, state.negotiated, now_us())
        self._name = parse_stream_name(state.name)
        self._worker = worker
        self._streams = streams
        self._report = report
        self._circle = circle
        self._visit = visit
        self._reader = TsReader()
        self._opening = Opening()
        self._story = open_story(worker, message)
        self._over = trio.Event()
        self._overseer: Overseer | None = None
        self._reason = ""
        self._srt_reason = 0  # what the peer is told of it
        self._began_s = self._heard_s = trio.current_time()

    @property
    def bytes_in(self) -> int:
        return self.link.bytes_in

    def shown_link(self) -> Figures | None:
        """The link's figures for the API."""
        return received_figures(link_stats(self.link.stats(now_us()), self.link.keys))

    async def run(self) -> None:
        """The whole session; its errors end here."""
        try:
            await self._publish()
        finally:
            self._visit.end("error")  # if nothing else has ended it
            if self._story is not None:
                self._story.end("error")

    async def _publish(self) -> None:
        try:
            stream = self.stream = self._streams.open(self._name, self, self.remote, self.key_id)
        except (Refused, ShmError) as error:
            self._refuse(error)
            return
        self._report.started(PROTOCOL, stream.beginning)
        if self._story is not None:
            self._story.begin(stream.name, self.id, PROTOCOL)
        overseen = Overseen(self.id, PROTOCOL, self.key_id, self._visit.max_bitrate_bps)
        self._overseer = Overseer(
            stream, (), lambda: self._transported_bytes, overseen, self._worker.log, self._report
        )
        self._worker.log.info(
            "publishing", conn=self.id, stream=stream.name, protocol=PROTOCOL, remote=self.remote
        )
        self._circle.add(self)
        try:
            await self._over.wait()
        finally:
            self._circle.remove(self)
            self._leave(stream)

    def _refuse(self, error: Refused | ShmError) -> None:
        reason = error.reason if isinstance(error, Refused) else "no_memory"
        self._report.refused(PROTOCOL, reason)
        self._visit.end(reason)
        if self._story is not None:
            self._story.end(reason)
        self._worker.log.info(
            "publish_refused", conn=self.id, remote=self.remote, reason=reason, why=str(error)
        )
        self.link.close(now_us())

    # -- in the circle

    def fileno(self) -> int:
        return self.link.fileno()

    def serve(self, now_us: int) -> int:
        """Take what came, write what is due, answer."""
        if self._over.is_set():  # the stream may be somebody else's by now
            return now_us + AFTER_END_US
        before = self.link.bytes_in
        self.link.pull(now_us)
        self._report.received_bytes["srt"] += self.link.bytes_in - before
        payloads = self.link.connection.deliver(now_us)
        if self.link.end:
            payloads += self.link.connection.drain()
        if payloads or self.link.end:
            began_ns = time.monotonic_ns()
            self._take(b"".join(payloads), now_us)
            if payloads:
                self._report.processed(PROTOCOL, time.monotonic_ns() - began_ns)
        self.link.push(now_us)
        if self.link.end:
            self._end(PEER_ENDS.get(self.link.end, "protocol_error"))
        return self.link.connection.next_deadline_us()

    def fail(self, error: Exception) -> None:
        self._worker.log.error("connection_failed", conn=self.id, remote=self.remote, exc_info=error)
        self._end("error")

    def _take(self, data: bytes, now_us: int) -> None:
        self._transported_bytes += len(data)
        try:
            media = self._opening.take(self._reader.receive(data, now_us), now_us)
            if self.link.end:  # a frame is known to be whole by the next one's beginning
                media += self._opening.take(self._reader.finish(), now_us) + self._opening.finish()
            self._write(media)
        except RemoteProtocolError as error:
            self._report.protocol_error(PROTOCOL)
            self._worker.log.warning("not_a_transport_stream", conn=self.id, why=str(error))
            self._end("protocol_error")
        except tuple(RING_FAILURES) as error:
            self._report.ring_failed(RING_FAILURES[type(error)])
            self._worker.log.error("ring_failed", conn=self.id, stream=self._name, why=str(error))
            self._end("error")

    def _write(self, media: list[Media]) -> None:
        if not media or self.stream is None:
            return
        if Packets.logged:
            for message in media:
                log_message(self._worker.log, self.id, self._name, message)
        tags = self.stream.take(media, time.monotonic_ns())
        if self._story is not None:
            self._story.see(media)
        self._heard_s = trio.current_time()
        self.tags_in += tags
        self._report.received_tags["srt"] += tags
        if self._overseer is not None and self._overseer.headers_changed():
            self._check_limits(self._overseer)

    def _check_limits(self, overseer: Overseer) -> None:
        breach = overseer.look()
        if breach is not None:
            self._srt_reason = srt_reason(breach)
            self._end(OVER_LIMIT)

    # -- the end

    def check_idle(self, now_s: float) -> None:
        """End the session if no media has come for too long; and say how the link does."""
        if self.stream is None or self.stream.publisher is not self:
            return
        statistics = self.link.stats(now_us())
        self._report.srt_packets(self.link.take_packets(statistics))
        self._report.srt_measured(measured(statistics))
        self.stream.report_link(link_stats(statistics, self.link.keys))
        settings = self.stream.settings
        if self._visit.is_over(now_s):
            self._end(LIFETIME)
            return
        limit_s = settings.idle_s if self.tags_in else settings.first_packet_s
        if now_s - self._heard_s > limit_s:
            self._end("idle" if self.tags_in else "no_first_packet")
        elif self._overseer is not None:
            self._check_limits(self._overseer)

    def evict(self) -> None:
        """Another publisher has the stream now."""
        self._end("taken_over")

    def kick(self, reason: str) -> None:
        """End this session; players keep the grace time, as when it had vanished."""
        self._end("kicked")

    def drain(self) -> None:
        """This worker is leaving: the stream ends with the session."""
        self._end("drained")

    def is_of(self, stream: str | None) -> bool:
        """Whether this publisher has `stream`; any, for None."""
        return stream is None or stream == self._name

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._over.set()

    def _leave(self, stream: PublishedStream) -> None:
        seconds = trio.current_time() - self._began_s
        if self._reason == "drained":
            stream.finished(self)
        else:  # also "finished": SRT says the same whether a broadcast is over or an encoder starts anew
            stream.vanished(self)
        self.link.close(now_us(), self._srt_reason)
        reason = self._reason or "error"
        self._report.ended(PROTOCOL, reason, seconds)
        self._visit.end(reason, seconds, self.bytes_in)
        if self._story is not None:
            self._story.end(reason, bytes_in=self.bytes_in, tags_in=self.tags_in)
        self._worker.log.info(
            "unpublished",
            conn=self.id,
            stream=stream.name,
            protocol=PROTOCOL,
            reason=reason,
            seconds=round(seconds, 3),
            bytes=self.bytes_in,
            tags=self.tags_in,
        )
