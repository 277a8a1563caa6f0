"""The SRT port: datagrams of strangers, handshakes, and where those who pass go.

    datagram -> listener machine -> answer
                                 -> a request: stream id, name, key, stream -> accepted or refused with SRT's
                                 code
    accepted -> a socket of its own, connected to the peer -> publisher: handed to ingest; player: stays here

Every fanout worker has a socket on the port, and the kernel spreads peers over them by address. A connected
socket on the same port is preferred for its peer. Between its bind and its connect it also gets other peers'
datagrams: those are read off at once and taken as if they had come to the port.
"""

import contextlib
import os
import secrets
import socket
import time
from typing import Final

import trio

from engine.access import BadName, parse_stream_name, passphrase_for
from engine.access.reasons import Action, needs_credentials
from engine.access.shown import shown_in_query
from engine.config import PathSettings
from engine.policy.addresses import Visit as AddressVisit
from engine.policy.share import Share
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.listener import Answer, ConnectionRequest, Listener
from engine.protocols.srt.negotiated import Negotiated, Refusal, Terms
from engine.protocols.srt.rejections import FIRST_SHARED, Rejection
from engine.protocols.srt.streamid import StreamRequest, parse_stream_id
from shm.directory import StreamRecord, StreamState
from workers.fanout.accept import remote_name
from workers.fanout.audience import Audience, Full
from workers.fanout.doorman import ask_at_the_gate
from workers.fanout.feed import Feed
from workers.fanout.guard import BANNED, OVERLOADED
from workers.fanout.hand_over import publisher_id
from workers.fanout.hub import StreamGone
from workers.fanout.request_lines import refuse_play
from workers.fanout.srt_session import PROTOCOL, hand_over_publisher, new_id, serve_player
from workers.fanout.start_mode import start_mode
from workers.fanout.visits import DENIED, UNDECIDED, Denied, Visit, Who
from workers.runtime.circle import now_us
from workers.runtime.datagrams import MAX_DATAGRAM_BYTES

BATCH: Final = 16
"""Datagrams taken between two turns of the event loop: about a millisecond, as a pump has it."""

SHARE: Final = 0.1
"""What part of a core handshakes may take in the long run: a flood costs no more, however large it is, and
what it sends beyond that the kernel drops. A thousand callers a second still get through."""

BURST_S: Final = 0.25
"""Processor time that handshakes may take at once, seconds: some hundred players who come in one moment
are no flood, and need not wait."""

MAX_STRAYS: Final = 64
"""Other peers' datagrams that a new socket may have caught before it was connected. More are a flood's,
and are lost on their way to a socket as in any network."""

MAX_WAIT_S: Final = 2.0
"""How long a caller is kept waiting for a stream that is not there: libsrt gives up after three seconds."""

BUFFER_BYTES: Final = 4 * 1024 * 1024
"""Socket buffers of a connection, as far as the kernel lets: half a second of 50 Mbit/s."""

SEED_BYTES: Final = 32

US_PER_S: Final = 1_000_000

DENIALS: Final = {DENIED: Rejection.FORBIDDEN, UNDECIDED: Rejection.OVERLOAD}
"""What callers are told whom services, or those who would have asked them, do not let in."""

Address = tuple[str, int] | tuple[str, int, int, int]


class Refused(Exception):
    """This caller gets a rejection. `reason` is the label in the counters."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def name_in(asked: StreamRequest) -> str:
    """The stream that is asked for; empty where that is no name."""
    try:
        return parse_stream_name(asked.path)
    except BadName:
        return ""


class Answered(Exception):
    """The handshake itself failed at the last moment, and the caller knows."""

    reason = "bad_secret"


class SrtPort:
    """One UDP socket that callers come to.

    Args:
        audience: the worker's players, and through it everything else.
        sock: bound, non-blocking.
        mapped: the stream that this port stands for, if it is not told by a stream id.
        nursery: decisions and players run here.
    """

    def __init__(self, audience: Audience, sock: socket.socket, mapped: str, nursery: trio.Nursery) -> None:
        self._audience = audience
        self._worker = audience.worker
        self._sock = sock
        self._mapped = mapped
        self._nursery = nursery
        self._listener = Listener(audience.worker.srt_secret, now_us())
        self._share = Share(SHARE, BURST_S)

    async def serve(self) -> None:
        """Run until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._sock)
            began_s = time.perf_counter()
            more = self._take_batch()
            rest_s = self._share.spend(time.perf_counter() - began_s, trio.current_time())
            if more and rest_s > 0:
                await trio.sleep(rest_s)

    def _take_batch(self) -> bool:
        """Take what has come; True if there may be more."""
        for _ in range(BATCH):
            try:
                datagram, address = self._sock.recvfrom(MAX_DATAGRAM_BYTES)
            except OSError:  # nothing more, or an answer of ours came back as unreachable
                return False
            self._take(datagram, address)
        return True

    def _take(self, datagram: bytes, address: Address) -> None:
        try:
            outcome = self._listener.receive(datagram, Peer(address[0], address[1]), now_us())
        except RemoteProtocolError:
            self._audience.report.srt_handshake("damaged")
            return
        if isinstance(outcome, Answer):
            self._audience.report.srt_inductions += 1
            self._say(outcome.datagram, address)
        elif isinstance(outcome, Refusal):
            self._audience.report.srt_handshake(result_of(outcome.code))
            self._say(outcome.answer, address)
        elif outcome is not None:
            self._nursery.start_soon(self._decide, outcome, address)

    def _say(self, datagram: bytes, address: Address) -> None:
        with contextlib.suppress(OSError):  # no room, or no way there: the caller asks again
            self._sock.sendto(datagram, address)

    # -- deciding

    async def _decide(self, request: ConnectionRequest, address: Address) -> None:
        """Only here, behind the cookie, is it certain that the caller has this address."""
        visit = self._audience.guard.enter(address[0])
        tracer = self._worker.tracer
        if tracer is not None:
            tracer.begin(PROTOCOL)
        try:
            if visit.refused:
                self._turn_away(request, address, visit)
            else:
                await self._admit(request, address)
        except Refused as refused:
            self._refuse(request, address, refused)
        except Answered as answered:
            self._worker.log.info("srt_refused", remote=remote_name(address), reason=answered.reason)
        except Exception:  # a bug, and that of one caller: the others go on
            self._worker.log.exception("connection_failed", remote=remote_name(address))
            self._listener.forget(request)
        finally:
            if tracer is not None:
                tracer.leave()
            self._audience.guard.leave(visit)

    def _turn_away(self, request: ConnectionRequest, address: Address, visit: AddressVisit) -> None:
        code = Rejection.FORBIDDEN if visit.refused == BANNED else Rejection.OVERLOAD
        self._audience.report.srt_handshake(result_of(code))
        self._audience.report.handshake_failed("srt", visit.refused)
        if visit.news:
            self._worker.log.warning("address_refused", remote=remote_name(address), reason=visit.refused)
        self._say(self._listener.refuse(request, code, now_us()).answer, address)

    async def _admit(self, request: ConnectionRequest, address: Address) -> None:
        asked = self._read_stream_id(request.stream_id)
        try:
            await self._let_in(request, address, asked)
        except (Refused, Answered) as refused:
            self._count_refusal(asked, address, refused.reason)
            if self._worker.tracer is not None:
                self._worker.tracer.end(refused.reason)
            raise

    def _count_refusal(self, asked: StreamRequest, address: Address, reason: str) -> None:
        if asked.mode == "publish":
            self._audience.report.publish_refused(PROTOCOL, reason)
            return
        remote = remote_name(address)  # what stands for the connection that there is not
        refuse_play(
            self._audience,
            protocol=PROTOCOL,
            reason=reason,
            conn=remote,
            remote=remote,
            stream=name_in(asked),
        )

    async def _let_in(self, request: ConnectionRequest, address: Address, asked: StreamRequest) -> None:
        name = self._name(asked)
        settings = self._audience.hub.settings_for(name)
        key_id = await self._ask(name, asked, address)
        if asked.mode == "publish":
            self._check_publisher(name, settings)
            visit, conn_id = await self._begin_visit(name, asked, address, key_id)
            with visit.until_in():
                self._check_bans(visit, address[0])
                negotiated, sock = self._accept(request, address, settings, asked)
            with self._audience.report.connection(PROTOCOL):
                await hand_over_publisher(
                    self._audience, conn_id, visit, negotiated, sock, remote_name(address)
                )
        else:
            visit, conn_id = await self._begin_visit(name, asked, address, key_id)
            with visit.until_in():
                began_us = now_us()
                record = await self._wait_for_stream(visit, settings)
                waited_us = now_us() - began_us
                feed = await self._find_feed(record, visit, address[0])
                negotiated, sock = self._accept(request, address, settings, asked, waited_us)
            mode = start_mode(asked.query)
            with self._audience.report.connection(PROTOCOL):
                await serve_player(
                    self._audience, conn_id, visit, feed, negotiated, sock, remote_name(address), mode
                )

    async def _begin_visit(
        self, name: str, asked: StreamRequest, address: Address, key_id: str
    ) -> tuple[Visit, str]:
        """Ask who is to be asked; gives the visit and the id of the connection that is to be. Raises
        Refused."""
        conn_id, publishes = new_id(self._audience), asked.mode == "publish"
        client_id = publisher_id(self._worker, name, conn_id) if publishes else conn_id
        who = Who(client_id, conn_id, remote_name(address), PROTOCOL, asked.shown, key_id=key_id)
        try:
            visit = await self._audience.visits.begin(
                "publish" if publishes else "play", name, who, MAX_WAIT_S
            )
        except Denied as denied:
            code = DENIALS.get(denied.reason, Rejection.SERVER_ERROR)
            raise Refused(code, denied.reason) from None
        return visit, conn_id

    def _read_stream_id(self, stream_id: str) -> StreamRequest:
        mode = self._worker.config.srt.default_mode
        if self._mapped and not stream_id:
            return StreamRequest("publish", self._mapped)
        try:
            return parse_stream_id(stream_id, "publish" if mode == "publish" else "request")
        except RemoteProtocolError as error:
            raise Refused(error.reply or Rejection.BAD_REQUEST, "bad_name") from None

    def _name(self, asked: StreamRequest) -> str:
        try:
            return parse_stream_name(asked.path)
        except BadName:
            raise Refused(Rejection.BAD_REQUEST, "bad_name") from None

    async def _ask(self, name: str, asked: StreamRequest, address: Address) -> str:
        """Whether the caller may do what it wants; the id of the key that lets it. Raises Refused."""
        action: Action = "publish" if asked.mode == "publish" else "play"
        shown = shown_in_query(asked.shown)
        remote = remote_name(address)
        verdict = await ask_at_the_gate(self._audience, action, name, address[0], shown, remote)
        if not verdict.allowed:
            may_try_again = needs_credentials(verdict.refusal)
            raise Refused(Rejection.UNAUTHORIZED if may_try_again else Rejection.FORBIDDEN, verdict.reason)
        return verdict.key_id

    def _check_publisher(self, name: str, settings: PathSettings) -> None:
        """What ingest would refuse is refused here, while SRT still has a code for it."""
        directory = self._worker.directory
        record = self._audience.hub.find(name)
        unwelcome = self._audience.guard.why_no_publisher(name, is_there=record is not None)
        if unwelcome:
            code = Rejection.OVERLOAD if unwelcome == OVERLOADED else Rejection.FORBIDDEN
            raise Refused(code, unwelcome)
        if record is None and directory.live_count() >= self._worker.config.publish.max_streams:
            raise Refused(Rejection.OVERLOAD, "too_many_streams")
        if record is not None and record.state is StreamState.LIVE and not settings.takeover:
            raise Refused(Rejection.CONFLICT, "name_taken")

    def _check_bans(self, visit: Visit, host: str) -> None:
        """A ban may have come while somebody decided, or be one of the name that the stream has got."""
        if self._audience.guard.is_publisher_banned(host, visit.name, visit.key_id):
            raise Refused(Rejection.FORBIDDEN, BANNED)

    async def _wait_for_stream(self, visit: Visit, settings: PathSettings) -> StreamRecord:
        if self._worker.tracer is not None:
            self._worker.tracer.step("join")
        record = await self._audience.hub.wait_for(visit.name, min(settings.wait_s, MAX_WAIT_S))
        if record is None:
            raise Refused(Rejection.NOT_FOUND, "not_found")
        return record

    async def _find_feed(self, record: StreamRecord, visit: Visit, host: str) -> Feed:
        try:
            return await self._audience.feed_for(record, host, visit.key_id)
        except Full as full:
            code = Rejection.FORBIDDEN if full.reason == BANNED else Rejection.OVERLOAD
            raise Refused(code, full.reason) from None
        except StreamGone:
            raise Refused(Rejection.NOT_FOUND, "not_found") from None

    def _refuse(self, request: ConnectionRequest, address: Address, refused: Refused) -> None:
        self._audience.report.srt_handshake(result_of(refused.code))
        self._worker.log.info(
            "srt_refused", remote=remote_name(address), reason=refused.reason, code=int(refused.code)
        )
        self._say(self._listener.refuse(request, refused.code, now_us()).answer, address)

    # -- accepting

    def _accept(
        self,
        request: ConnectionRequest,
        address: Address,
        settings: PathSettings,
        asked: StreamRequest,
        waited_us: int = 0,
    ) -> tuple[Negotiated, socket.socket]:
        """A socket of its own for the caller, and the answer sent from it. Raises Refused.

        waited_us: for a stream to come, which is no part of the handshake's time.
        """
        if self._worker.tracer is not None:
            self._worker.tracer.step("handshake")
        terms = Terms(
            socket_id=secrets.randbelow(2**30) + 1,
            seed=os.urandom(SEED_BYTES),
            passphrase=passphrase_for(settings, asked.shown, secrets.token_hex(SEED_BYTES)),
            receive_latency_ms=settings.srt_latency_ms,
            send_latency_ms=settings.srt_latency_ms,
        )
        sock = self._connected(address)
        outcome = self._listener.accept(request, terms, now_us())
        if isinstance(outcome, Refusal):
            sock.close()
            self._audience.report.srt_handshake(result_of(outcome.code))
            self._say(outcome.answer, address)
            raise Answered
        with contextlib.suppress(OSError):  # as in `_say`; the link answers when it is asked again
            sock.send(outcome.answer)
        role = "publisher" if asked.mode == "publish" else "player"
        took_us = now_us() - request.arrived_us - waited_us
        self._audience.report.srt_accepted(role, took_us / US_PER_S)
        return outcome, sock

    def _connected(self, address: Address) -> socket.socket:
        """A socket on our port, connected to the peer; what it caught of others meanwhile is taken as
        ours.
        """
        sock = socket.socket(self._sock.family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            sock.bind(self._sock.getsockname())
            sock.connect(address)
        except OSError:
            sock.close()
            raise Refused(Rejection.RESOURCE, "no_memory") from None
        self._take_strays(sock)
        return sock

    def _take_strays(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):  # nothing more
            for _ in range(MAX_STRAYS):
                self._take(*sock.recvfrom(MAX_DATAGRAM_BYTES))


def result_of(code: int) -> str:
    """A rejection as a label of `fanlight_srt_handshakes_total`."""
    if code in (Rejection.BAD_SECRET, Rejection.UNSECURE):
        return "bad_secret"
    if code in (Rejection.RESOURCE, Rejection.BACKLOG):
        return "overloaded"
    return "refused" if code >= FIRST_SHARED else "unsupported"
