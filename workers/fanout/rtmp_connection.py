"""A connection to the RTMP port: handshake, then a player that stays or a publisher that is handed on.

    converse -> play     -> the stream's pump, until one side ends it
             -> publish  -> name and key checked here, then socket and protocol state go to the stream's
             ingest; over TLS one end of a pair does, with a relay here (relay.py)

Strangers are dealt with here, before ingest hears of them.
"""

import os
import socket
from typing import TypeAlias

import trio
from msgspec.structs import replace

from engine.access import BadName, join_app_and_name
from engine.access.reasons import Action
from engine.access.shown import shown_in_query
from engine.access.verdict import Verdict
from engine.protocols.rtmp import RemoteProtocolError, ServerConnection, encode_frozen
from engine.protocols.rtmp.events import Event, PlayRequested, PlayStopped, PublishRequested
from workers.fanout.audience import Audience, Full
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.doorman import ask_at_the_gate
from workers.fanout.feed import Feed
from workers.fanout.guard import BANNED, OVERLOADED
from workers.fanout.hand_over import hand_over, publisher_id
from workers.fanout.hub import StreamGone
from workers.fanout.player import Player
from workers.fanout.relay import open_pair, relay
from workers.fanout.request_lines import refuse_play
from workers.fanout.sinks import Sink
from workers.fanout.start_mode import start_mode
from workers.fanout.visits import Denied, Visit, Who
from workers.fanout.wire import RTMP
from workers.runtime.bus import BusError
from workers.runtime.messages import HandOver

SEED_BYTES: int = 8

BAD_NAME: str = "NetStream.Publish.BadName"
ELSEWHERE: str = "NetConnection.Connect.Rejected"
UNWELCOME: dict[str, tuple[str, str]] = {
    BANNED: ("this stream is banned", BAD_NAME),
    OVERLOADED: ("this server is overloaded, try again later", ELSEWHERE),
}
"""What a publisher is told that nobody of its name, or nobody at all, may be."""

Request: TypeAlias = PublishRequested | PlayRequested


NOT_FOUND: str = "NetStream.Play.StreamNotFound"
NOT_ALLOWED: str = "NetStream.Play.Failed"
"""What players show differs: for the former they wait and ask again, for the latter they do not."""


def name_in(request: Request) -> str:
    """The stream that is asked for; empty where that is no name."""
    try:
        return join_app_and_name(request.app, request.name).name
    except BadName:
        return ""


class NotPlayed(Exception):
    """This player gets a refusal. `reason` is the label in the counters, code and text are for the peer."""

    def __init__(self, reason: str, text: str, code: str = NOT_FOUND) -> None:
        super().__init__(text)
        self.reason = reason
        self.code = code


async def serve_rtmp(audience: Audience, sock: Sink, remote: str) -> None:
    """Serve one connection; its errors end here."""
    connection = RtmpConnection(audience, sock, remote)
    audience.report.accepted("rtmp")
    tracer = audience.worker.tracer
    if tracer is not None:
        tracer.begin("rtmp", started_ns=connection.accepted_ns)
        tracer.step("handshake")
    try:
        await connection.run()
    except PeerGone:
        audience.report.handshake_failed("rtmp", "connection_lost")
    except trio.TooSlowError:
        audience.report.handshake_failed("rtmp", "timeout")
    except Exception:
        connection.failed(audience.worker.log)
    finally:
        if tracer is not None:
            tracer.leave()
        connection.close()
        audience.report.closed("rtmp")


class RtmpConnection(Connection):
    """One peer, until it plays to the end or has been handed on."""

    __slots__ = ("_audience", "_protocol")

    def __init__(self, audience: Audience, sock: Sink, remote: str) -> None:
        super().__init__(sock, remote, audience.worker.slot.name)
        self._audience = audience
        self._protocol = ServerConnection(seed=os.urandom(SEED_BYTES))

    async def run(self) -> None:
        """Hear the peer out, then play to it or hand it to ingest; a breach of protocol ends it."""
        try:
            with trio.fail_after(self._audience.worker.config.rtmp.handshake_timeout_s):
                request = await self._converse()
        except RemoteProtocolError as error:
            await self._break_off(error)
            return
        if isinstance(request, PublishRequested):
            await self._hand_over(request)
        else:
            player = await self._begin_to_play(request)
            if player is not None:
                await self._play(player)

    async def _converse(self) -> Request:
        """Answer until the peer says what it wants. Raises RemoteProtocolError with the reply in the
        output.
        """
        while True:
            events = self._protocol.receive(await self.read(), trio.current_time())
            await self.write(self._protocol.take_output())
            for event in events:
                if isinstance(event, PublishRequested | PlayRequested):
                    return event

    async def _break_off(self, error: RemoteProtocolError) -> None:
        report = self._audience.report
        report.protocol_error("rtmp")
        report.handshake_failed("rtmp", "protocol_error")
        self.end_story(self._audience.worker, "protocol_error")
        self._audience.worker.log.info(
            "refused", conn=self.id, protocol="rtmp", remote=self.remote, why=str(error)
        )
        await self.refuse(self._protocol.take_output())

    async def _ask(self, action: Action, name: str, request: Request) -> Verdict:
        """Whether the peer may do what it asked for."""
        shown = shown_in_query(request.query)
        return await ask_at_the_gate(self._audience, action, name, self.host, shown, self.id)

    # -- playing

    async def _begin_to_play(self, request: PlayRequested) -> Player | None:
        audience = self._audience
        try:
            visit, feed = await self._find(request)
        except NotPlayed as refusal:
            await self._refuse_play(request, refusal)
            return None
        self._protocol.accept_play()
        opening = self._protocol.take_output()
        player = Player(
            self.id,
            self.sock,
            RTMP.name,
            self.remote,
            opening=opening,
            farewell=self._farewell,
            started_ns=self.accepted_ns,
        )
        player.visit = visit
        audience.admit(player, feed, RTMP, start_mode(request.query))
        return player

    async def _find(self, request: PlayRequested) -> tuple[Visit, Feed]:
        try:
            name = join_app_and_name(request.app, request.name).name
        except BadName as error:
            raise NotPlayed("bad_name", str(error)) from None
        verdict = await self._ask("play", name, request)
        if not verdict.allowed:
            raise NotPlayed(verdict.reason, verdict.sentence, NOT_ALLOWED)
        who = Who(self.id, self.id, self.remote, RTMP.name, request.query, key_id=verdict.key_id)
        try:
            visit = await self._audience.visits.begin("play", name, who)
        except Denied as denied:
            raise NotPlayed(denied.reason, str(denied)) from None
        with visit.until_in():
            return visit, await self._find_feed(visit)

    async def _find_feed(self, visit: Visit) -> Feed:
        hub, name = self._audience.hub, visit.name
        if self._audience.worker.tracer is not None:
            self._audience.worker.tracer.step("join")
        record = await hub.wait_for(name, hub.settings_for(name).wait_s)
        if record is None:
            raise NotPlayed("not_found", f"no stream is published as {name}")
        try:
            return await self._audience.feed_for(record, self.host, visit.key_id)
        except Full as full:
            raise NotPlayed(full.reason, str(full), code_of(full)) from None
        except StreamGone:
            raise NotPlayed("not_found", f"{name} is over") from None

    async def _refuse_play(self, request: PlayRequested, refusal: "NotPlayed") -> None:
        self.end_story(self._audience.worker, refusal.reason)
        refuse_play(
            self._audience,
            protocol="rtmp",
            reason=refusal.reason,
            conn=self.id,
            remote=self.remote,
            stream=name_in(request),
        )
        self._protocol.refuse_play(refusal.code, str(refusal))
        await self.refuse(self._protocol.take_output())

    async def _play(self, player: Player) -> None:
        hear = RtmpPlayerInput(self._protocol, player, self._audience)
        reason = "drained"
        try:
            hear(b"")
            await self.watch(player, hear, self._audience.hub.ear)
            reason = "closed"
        except Exception:
            reason = "error"
            raise
        finally:
            self._audience.dismiss(player, self.accepted_s, reason)

    def _farewell(self) -> bytes:
        self._protocol.end_play()
        return self._protocol.take_output()

    # -- publishing

    async def _hand_over(self, request: PublishRequested) -> None:
        """Send the socket and the protocol's state to the ingest that owns the stream."""
        try:
            asked = join_app_and_name(request.app, request.name)
        except BadName as error:
            await self._refuse_publish("bad_name", str(error))
            return
        unwelcome = self._audience.guard.why_no_publisher(
            asked.name, is_there=self._audience.hub.find(asked.name) is not None
        )
        if unwelcome:
            await self._refuse_publish(unwelcome, *UNWELCOME[unwelcome])
            return
        verdict = await self._ask("publish", asked.name, request)
        if not verdict.allowed:
            await self._refuse_publish(verdict.reason, verdict.sentence)
            return
        try:
            visit = await self._audience.visits.begin(
                "publish", asked.name, self._publisher(asked.name, request.query, verdict.key_id)
            )
        except Denied as denied:
            await self._refuse_publish(denied.reason, str(denied))
            return
        if self._audience.guard.is_publisher_banned(self.host, visit.name, visit.key_id):
            visit.end(BANNED)  # a ban that came while somebody decided, or one of the name that it has got
            await self._refuse_publish(BANNED, "this address, stream or key is banned")
            return
        with visit.until_in():
            await self._send_to_ingest(visit)

    def _publisher(self, name: str, query: str, key_id: str) -> Who:
        client_id = publisher_id(self._audience.worker, name, self.id)
        return Who(client_id, self.id, self.remote, RTMP.name, query, key_id=key_id)

    async def _send_to_ingest(self, visit: Visit) -> None:
        worker, name = self._audience.worker, visit.name
        frozen = self._protocol.freeze()
        state = encode_frozen(frozen)
        message = HandOver(
            self.id, self.remote, self.accepted_ns, state, visit=visit.handed(), key_id=visit.key_id
        )
        try:
            await self._hand_over_sink(name, message, visit)
        except (BusError, OSError) as error:
            visit.end("no_ingest")
            worker.log.warning("hand_over_failed", conn=self.id, stream=name, why=str(error))
            self._protocol = ServerConnection.thaw(frozen, trio.current_time())
            await self._refuse_publish("no_ingest", "the server cannot take this stream now")

    async def _hand_over_sink(self, name: str, message: HandOver, visit: Visit) -> None:
        """A socket goes to ingest as it is; a channel stays here, with a relay. Raises BusError."""
        worker, report = self._audience.worker, self._audience.report
        if isinstance(self.sock, socket.socket):
            await hand_over(worker, report, name, message, self.sock)
            visit.pass_on()
            return
        ours, theirs = open_pair()
        with ours:
            with theirs:
                await hand_over(worker, report, name, replace(message, relayed=True), theirs)
                visit.pass_on()
            await relay(self, ours)

    async def _refuse_publish(self, reason: str, description: str, code: str = BAD_NAME) -> None:
        self._audience.report.publish_refused("rtmp", reason)
        self.end_story(self._audience.worker, reason)
        self._audience.worker.log.info(
            "publish_refused", conn=self.id, protocol="rtmp", remote=self.remote, reason=reason
        )
        self._protocol.refuse_publish(code, description)
        await self.refuse(self._protocol.take_output())


def code_of(full: Full) -> str:
    """What a player is told that is not let in: the one may try elsewhere, the other had better wait."""
    return ELSEWHERE if full.reason == OVERLOADED else "NetStream.Play.StreamNotFound"


class RtmpPlayerInput:
    """What an RTMP player says while it plays: acknowledgements, pings, good-bye."""

    __slots__ = ("_audience", "_player", "_protocol")

    def __init__(self, protocol: ServerConnection, player: Player, audience: Audience) -> None:
        self._protocol = protocol
        self._player = player
        self._audience = audience

    def __call__(self, data: bytes) -> None:
        try:
            events = self._protocol.receive(data, trio.current_time())
        except RemoteProtocolError:
            self._audience.report.protocol_error("rtmp")
            self._part("protocol_error")
            return
        self._act(events)

    def _act(self, events: list[Event]) -> None:
        output = self._protocol.take_output()
        pump = self._player.pump
        if pump is None:
            return
        if any(isinstance(event, PlayStopped) for event in events):
            pump.part(self._player, output, "closed")
        elif output:
            pump.divert(self._player, output)

    def _part(self, reason: str) -> None:
        if self._player.pump is not None:
            self._player.pump.part(self._player, self._protocol.take_output(), reason)
