"""A publisher's connection, from its hand-over to its end.

    take over socket and state -> open the stream -> read, write to the ring, read, ... -> say why it ended

The socket was accepted and the name and key were checked by a fanout worker; here it is admitted, and from
here on its bytes go straight into shared memory.
"""

import socket
import time

import trio

from engine.access import join_app_and_name
from engine.media.tags import OverlongBody
from engine.protocols.rtmp import Event, Media, RemoteProtocolError, ServerConnection, State, decode_frozen
from engine.protocols.rtmp.events import Unpublished
from engine.protocols.rtmp.limits import publisher_limits
from shm.errors import ArenaFull, LostRing, ShmError, TagTooLarge
from workers.ingest.company import LONGEST_WAIT_NS, Company
from workers.ingest.overseer import OVER_LIMIT, Overseen, Overseer, rtmp_status
from workers.ingest.report import Report
from workers.ingest.stream import PublishedStream
from workers.ingest.streams import Refused, Streams
from workers.ingest.telling import log_message, open_story
from workers.ingest.tracks import PublishedTracks
from workers.ingest.visit import LIFETIME, PublisherVisit
from workers.runtime.link_figures import Figures
from workers.runtime.logs import Packets
from workers.runtime.messages import HandOver
from workers.runtime.worker import Worker

PROTOCOL = "rtmp"

READ_BYTES: int = 256 * 1024
"""One read. Larger than any frame but the largest keyframes, so that a frame is usually one pass."""

PATIENCE_S: float = 5.0
"""How long a publisher may take no acknowledgement from us before it counts as gone, seconds."""

SILENCE_S: float = 0.25
"""After so long without a word the role's next round has a publisher woken for whatever there is, seconds."""

LINGER_S: float = 1.0
"""How long a publisher has to read our last word and close, seconds."""

RING_FAILURES = {
    TagTooLarge: "tag_too_large",
    OverlongBody: "tag_too_large",
    ArenaFull: "no_memory",
    LostRing: "lost_ring",
}


class Ended(Exception):
    """The session is over. `clean`: the publisher said so itself."""

    def __init__(self, reason: str, *, clean: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.clean = clean


class Publisher:
    """One publisher.

    Args:
        worker: for log and configuration.
        streams: where its stream comes from.
        report: counts.
        message: the hand-over.
        sock: the connection, ours from now on; non-blocking.
        buffer: scratch space of READ_BYTES that all publishers of the worker read into, one at a time.
        visit: what webhooks know of it, and let it do.
    """

    def __init__(
        self,
        worker: Worker,
        streams: Streams,
        report: Report,
        message: HandOver,
        sock: socket.socket,
        buffer: memoryview,
        visit: PublisherVisit,
    ) -> None:
        self.id = f"{worker.slot.name}-{message.conn_id.rsplit('-', 1)[-1]}"
        self.protocol = PROTOCOL
        self.remote = message.remote
        self.key_id = message.key_id
        self.accepted_ns = message.accepted_wall_ns
        self.stream: PublishedStream | None = None
        self._tracks: PublishedTracks | None = None
        self._overseer: Overseer | None = None
        self.bytes_in = 0
        self.tags_in = 0
        self._worker = worker
        self._streams = streams
        self._report = report
        self._sock = sock
        self._buffer = buffer
        self._visit = visit
        self._company = Company(sock)
        self._began_s = self._heard_s = trio.current_time()
        self._protocol = ServerConnection.thaw(
            decode_frozen(message.state),
            time.monotonic_ns() * 1e-9,  # the clock of `_act`; trio's begins elsewhere
            as_publisher=publisher_limits(worker.config.rtmp.max_message_bytes),
        )
        self._story = open_story(worker, message)
        self._scope = trio.CancelScope()
        self._reason = ""  # why it is over, once it is

    async def run(self) -> None:
        """The whole session; its errors end here."""
        try:
            with self._scope:
                await self._publish()
        except Exception:  # a fault of ours costs this publisher, not the worker with everybody in it
            self._worker.log.exception("connection_failed", conn=self.id, remote=self.remote)
        finally:
            self._visit.end("error")  # if nothing else has ended it
            if self._story is not None:
                self._story.end("error")
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()

    async def _publish(self) -> None:
        asked = join_app_and_name(self._protocol.target.app, self._protocol.target.name)
        try:
            stream = self._open(self._visit.name_for(asked.name))
        except (Refused, ShmError) as error:
            await self._refuse(error)
            return
        clean = False
        try:
            await self._accept_and_read(stream)
        except Ended as end:
            if not self._reason:  # else we have ended it ourselves, and that is the story
                self._reason, clean = end.reason, end.clean
        finally:
            self._leave(stream, clean)  # first of all: the name may be wanted by somebody else
        await self._say_last_word()

    # -- beginning

    def _open(self, name: str) -> PublishedStream:
        stream = self.stream = self._streams.open(name, self, self.remote, self.key_id)
        self._tracks = PublishedTracks(self._streams, name, self.id, self._worker.log)
        overseen = Overseen(self.id, PROTOCOL, self.key_id, self._visit.max_bitrate_bps)
        self._overseer = Overseer(
            stream, self._tracks, lambda: self.bytes_in, overseen, self._worker.log, self._report
        )
        self._report.started(PROTOCOL, stream.beginning)
        if self._story is not None:
            self._story.begin(name, self.id, PROTOCOL)
        self._worker.log.info("publishing", conn=self.id, stream=name, protocol=PROTOCOL, remote=self.remote)
        return stream

    async def _refuse(self, error: Refused | ShmError) -> None:
        reason = error.reason if isinstance(error, Refused) else "no_memory"
        self._report.refused(PROTOCOL, reason)
        self._visit.end(reason)
        if self._story is not None:
            self._story.end(reason)
        self._worker.log.info(
            "publish_refused", conn=self.id, remote=self.remote, reason=reason, why=str(error)
        )
        self._protocol.refuse_publish(description=str(error))
        await self._say_last_word()

    # -- the session

    async def _accept_and_read(self, stream: PublishedStream) -> None:
        self._protocol.accept_publish()
        await self._flush_output()
        self._act(stream, b"")
        while True:
            data = await self._read()
            self._heard_s = trio.current_time()
            self._act(stream, data)
            await self._flush_output()

    def check_idle(self, now_s: float) -> None:
        """End the session if nothing has come for too long.

        Asked by the role's rounds rather than timed here: a deadline of its own around each read would cost
        every publisher a fifth more.
        """
        if self.stream is None or self.stream.publisher is not self:
            return
        settings = self.stream.settings
        if self._visit.is_over(now_s):
            self._end_by_us(LIFETIME)
            self._protocol.close("NetStream.Unpublish.Success", "the time that was given is over")
            self._send_parting()
            return
        if now_s - self._heard_s > SILENCE_S:
            self._company.give_up()
        if self.tags_in:
            reason, late = "idle", now_s - self._heard_s > settings.idle_s
        else:  # from the beginning: bytes that drip in and make no tag are no sign of life
            reason, late = "no_first_packet", now_s - self._began_s > settings.first_packet_s
        if late:
            self._end_by_us(reason)
            self._protocol.close("NetStream.Unpublish.Success", "nothing was received for too long")
            self._send_parting()
        elif self._overseer is not None and (breach := self._overseer.look()) is not None:
            self._end_by_us(OVER_LIMIT)
            self._protocol.close(rtmp_status(breach), breach.text)
            self._send_parting()

    def _check_headers(self, stream: PublishedStream) -> None:
        """Raises Ended for what the newest codec headers announce, if it is not allowed."""
        overseer = self._overseer
        if overseer is None or stream.publisher is not self or not overseer.headers_changed():
            return
        breach = overseer.look()
        if breach is not None:
            self._protocol.close(rtmp_status(breach), breach.text)
            raise Ended(OVER_LIMIT)

    async def _read(self) -> memoryview:
        """The next bytes, valid until the next read of any publisher. Raises Ended.

        Always in turn: a publisher that sends faster than we parse must not keep the loop to itself.
        """
        while True:
            await trio.lowlevel.wait_readable(self._sock)
            try:
                count = self._sock.recv_into(self._buffer)
            except BlockingIOError:
                continue
            except OSError:
                raise Ended("connection_lost") from None
            if count == 0:
                raise Ended("connection_lost")
            return self._buffer[:count]

    def _act(self, stream: PublishedStream, data: bytes | memoryview) -> None:
        """Parse and write. Raises Ended; what came before an error in the same bytes is written all the
        same.
        """
        now_ns = time.monotonic_ns()
        try:
            events = self._protocol.receive(data, now_ns * 1e-9)
        except RemoteProtocolError as error:
            self._write(stream, error.events, now_ns)
            self._report.protocol_error(PROTOCOL)
            raise Ended("protocol_error") from error
        tags = self._write(stream, events, now_ns)
        self._count(len(data), tags)
        if tags:
            self._report.processed(PROTOCOL, time.monotonic_ns() - now_ns)
        self._check_headers(stream)
        self._company.heard(events, may_wait=stream.unseen_until_ns - now_ns > LONGEST_WAIT_NS)
        if any(isinstance(event, Unpublished) for event in events):
            raise Ended("finished", clean=True)

    def _write(self, stream: PublishedStream, events: "list[Event] | tuple[Event, ...]", now_ns: int) -> int:
        messages = [event for event in events if isinstance(event, Media)]
        if Packets.logged:
            self._log_packets(stream.name, messages)
        try:
            tags = stream.take(messages, now_ns)
        except tuple(RING_FAILURES) as error:
            self._report.ring_failed(RING_FAILURES[type(error)])
            self._worker.log.error("ring_failed", conn=self.id, stream=stream.name, why=str(error))
            self._protocol.close("NetStream.Publish.Failed", str(error))
            raise Ended("error") from error
        if self._story is not None:
            self._story.see(messages)
        if self._tracks is not None and stream.publisher is self:  # else another one has them by now
            self._tracks.take(messages, now_ns)
        return tags

    def _log_packets(self, name: str, messages: list[Media]) -> None:
        for message in messages:
            log_message(self._worker.log, self.id, name, message)

    def _count(self, size_bytes: int, tags: int) -> None:
        self.bytes_in += size_bytes
        self.tags_in += tags
        self._report.received_bytes[PROTOCOL] += size_bytes
        self._report.received_tags[PROTOCOL] += tags

    async def _flush_output(self) -> None:
        """Send acknowledgements and answers. A publisher that takes none for long is gone."""
        output = self._protocol.take_output()
        if not output:
            return
        with trio.move_on_after(PATIENCE_S) as patience:
            await self._send(output)
        if patience.cancelled_caught:
            raise Ended("connection_lost")

    async def _send(self, data: bytes) -> None:
        while data:
            try:
                data = data[self._sock.send(data) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._sock)
            except OSError:
                raise Ended("connection_lost") from None

    # -- the end

    def evict(self) -> None:
        """Another publisher has the stream now."""
        self._end_by_us("taken_over")
        if self._protocol.state is State.PUBLISHING:  # else we have ended it, and it is about to leave
            self._protocol.take_over()
        self._send_parting()

    def kick(self, reason: str) -> None:
        """End this session; players keep the grace time, as when it had vanished."""
        self._end_by_us("kicked")
        self._protocol.close("NetStream.Unpublish.Success", reason)
        self._send_parting()

    def shown_link(self) -> Figures | None:
        """TCP's figures are the kernel's affair."""
        return None

    def drain(self) -> None:
        """This worker is leaving: the stream ends with the session."""
        self._end_by_us("drained")
        self._protocol.close("NetConnection.Connect.AppShutdown", "the server is shutting down")
        self._send_parting()

    def is_of(self, stream: str | None) -> bool:
        """Whether this publisher has `stream`; any, for None."""
        return stream is None or (self.stream is not None and self.stream.name == stream)

    def _end_by_us(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._scope.cancel()

    def _send_parting(self) -> None:
        """Our last word, as far as the socket takes it at once: nobody waits for a publisher that is on its
        way out.
        """
        try:
            self._sock.send(self._protocol.take_output())
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # full or gone: closing will tell the peer

    async def _say_last_word(self) -> None:
        with trio.move_on_after(LINGER_S):
            try:
                await self._send(self._protocol.take_output())
                self._sock.shutdown(socket.SHUT_WR)
                while True:
                    await self._read()
            except (Ended, OSError):
                pass

    def _leave(self, stream: PublishedStream, clean: bool) -> None:
        seconds = trio.current_time() - self._began_s
        self._reason = self._reason or "error"
        if clean or self._reason == "drained":
            stream.finished(self)
        else:
            stream.vanished(self)
        if self._tracks is not None:
            self._tracks.leave(clean=clean or self._reason == "drained")
        self._report.ended(PROTOCOL, self._reason, seconds)
        self._visit.end(self._reason, seconds, self.bytes_in)
        if self._story is not None:
            self._story.end(self._reason, bytes_in=self.bytes_in, tags_in=self.tags_in)
        self._worker.log.info(
            "unpublished",
            conn=self.id,
            stream=stream.name,
            protocol=PROTOCOL,
            reason=self._reason,
            seconds=round(seconds, 3),
            bytes=self.bytes_in,
            tags=self.tags_in,
        )
