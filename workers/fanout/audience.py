"""Everybody who plays in this worker: admission, the register, the once-a-second round, the last word."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

import trio

from engine.access.reasons import SENTENCES
from engine.media.gop import StartMode
from engine.policy.overload import Level
from shm.directory import StreamRecord
from workers.fanout.feed import Feed
from workers.fanout.guard import BANNED, OVERLOADED, Guard
from workers.fanout.hls_answers import Hls
from workers.fanout.hls_players import HlsPlayers
from workers.fanout.hls_visits import HlsVisits
from workers.fanout.hook_way import ServiceDecides
from workers.fanout.hub import Hub
from workers.fanout.player import Player
from workers.fanout.report import Report
from workers.fanout.sinks import set_low_water
from workers.fanout.srt_player import SrtPlayer
from workers.fanout.turning_away import to_ban, to_drop
from workers.fanout.visits import Visits
from workers.fanout.wire import WEBSOCKET_FLV, WEBSOCKET_MP4, Wire
from workers.runtime.circle import now_us
from workers.runtime.gate import Gate
from workers.runtime.hook_line import HookLine
from workers.runtime.srt_readings import measured
from workers.runtime.worker import Worker

if TYPE_CHECKING:
    from workers.fanout.stories import PlayerStory
    from workers.runtime.tracing import Tracer

ROUND_S: float = 1.0
"""How often figures are handed on and those who linger are sent home, seconds."""

PING_ROUNDS: int = 25
"""WebSocket pings are due every so many rounds: under the 30 s after which common proxies drop a silent
connection.
"""

WEBSOCKETS = (WEBSOCKET_FLV.name, WEBSOCKET_MP4.name)
QUIET_PING = b"\x89\x00"  # RFC 6455 section 5.5.2: a ping without payload, unmasked


KEEP_S: float = 30.0
"""How long a connection without a request is kept, seconds: players reload every few. nginx: 75."""


class Seated(Protocol):
    """A kept connection whose next request is waited for."""

    since_s: float
    """When it last asked for something; infinite while it waits for an answer itself."""

    def dismiss(self) -> None:
        """End the wait, unless an answer is owed."""
        ...


class Full(Exception):
    """This worker takes no more players. `reason` is the label in the counters, the text for the player."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def _story_of(tracer: "Tracer", player: Player, feed: Feed) -> "PlayerStory | None":
    from workers.fanout.stories import PlayerStory  # here: what is off is not even imported

    story = tracer.current()
    if story is None:
        return None
    story.tell(
        fanlight__conn=player.client_id, fanlight__stream=feed.name, fanlight__protocol=player.protocol
    )
    return PlayerStory(story)


class Audience:
    """The players of this worker.

    Args:
        worker: for the configuration, the log and the board.
        hub: where the streams are.
        report: counts what happens.
        hls: what HLS players share; None where HLS is off.
        guard: says who may come in; without one, everybody.
        line: to the sender of webhooks; None where there is none.
        gate: knows who may publish and play; one of the worker's configuration as it is, if none is given.
    """

    def __init__(
        self,
        worker: Worker,
        hub: Hub,
        report: Report,
        hls: Hls | None = None,
        guard: Guard | None = None,
        line: HookLine | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.worker = worker
        self.guard = guard or Guard.open()
        self.gate = gate or Gate(worker.config)
        self.hls = hls
        self.hub = hub
        self.report = report
        self.visits = Visits(line, hub.settings_for, worker.log, self.guard.undecided)
        self.gate.decider = ServiceDecides(self.visits)
        self.hls_visits = HlsVisits(self.visits, worker.slot.name, worker.log, self.guard.guests)
        self.hls_players = HlsPlayers(worker, hub, report)
        self.idle: set[trio.CancelScope] = set()  # waits of kept connections for their next request
        self.seats: set[Seated] = set()  # the same, of those that are heard in the reception
        self.http2_requests = 0
        """Under way now, over all connections."""
        self._players: dict[str, Player] = {}

    def __iter__(self) -> Iterator[Player]:
        return iter(list(self._players.values()))

    def __len__(self) -> int:
        return len(self._players)

    def client_host(self, host: str, headers: Mapping[str, str]) -> str:
        """The address of the client behind `host`, where that is a proxy which we trust; else its own."""
        return self.gate.client_behind(host, headers.get("x-forwarded-for", ""))

    def is_for_all(self, name: str) -> bool:
        """Whether nobody has to be asked about players of this stream, or told of them."""
        return self.gate.rule("play", name).is_open and not self.visits.follows("play", name)

    def count_srt(self) -> int:
        """Players with a socket of their own that no listener has accepted."""
        return sum(isinstance(player, SrtPlayer) for player in self)

    def check_room(self, host: str, key_id: str) -> None:
        """Is there room for a player from `host`? It, or the key that let it in, may have been banned since
        it came. Raises Full.
        """
        if self.guard.is_banned(host):
            raise Full(BANNED, "this address is banned")
        if self.guard.is_key_banned(key_id):
            raise Full(BANNED, SENTENCES["banned"])
        if not self.guard.takes_players:
            raise Full(OVERLOADED, "this server is overloaded, try again later")
        if len(self._players) >= self.worker.config.fanout.max_players:
            raise Full("too_many_players", "this server has as many players as it may have")

    async def feed_for(self, record: StreamRecord, host: str, key_id: str) -> Feed:
        """The stream's feed, for a player from `host` for whom there is room. Raises Full, StreamGone.

        Admit the player before anything is awaited: from the next turn on all of that may be otherwise. A
        ban ends those who are in the register, and nobody looks after who enters it later.
        """
        self.check_room(host, key_id)  # so that no feed is opened for who is not let in
        feed = await self.hub.feed(record)
        self.check_room(host, key_id)  # a ban may have come meanwhile, and others who took the last places
        return feed

    def admit(self, player: Player, feed: Feed, wire: Wire, mode: StartMode | None) -> None:
        """Let `player` in, whose feed is from `feed_for`: it is sent to from now on."""
        player.joined_ns = time.monotonic_ns()
        player.feed = feed
        if self.worker.tracer is not None:
            player.story = _story_of(self.worker.tracer, player, feed)
        set_low_water(player.sock, feed.low_water_bytes())
        feed.join(player, wire, mode or StartMode(feed.settings.start))
        self._players[player.client_id] = player
        self.report.player_started(player)
        self.worker.log.info(
            "playing",
            conn=player.client_id,
            stream=feed.name,
            protocol=player.protocol,
            remote=player.remote,
            state=player.state.value,
        )

    def dismiss(self, player: Player, accepted_s: float, reason: str) -> None:
        """The connection of `player` is over; `reason` holds unless the pump had one."""
        feed = player.feed
        if feed is None:
            return
        feed.leave(player, reason)
        self._players.pop(player.client_id, None)
        self.report.player_ended(player)
        if player.visit is not None:
            player.visit.end(player.reason, trio.current_time() - accepted_s, player.bytes_sent)
        if player.story is not None:
            player.story.end(player.reason, sent_bytes=player.bytes_sent, jumps=player.jumps)
        self.worker.log.info(
            "ended",
            conn=player.client_id,
            stream=feed.name,
            protocol=player.protocol,
            reason=player.reason,
            seconds=round(trio.current_time() - accepted_s, 3),
            bytes=player.bytes_sent,
            tags=player.delivered,
            dropped=player.dropped,
            jumps=player.jumps,
        )

    def kick(self, client_id: str, reason: str) -> bool:
        """End a player now."""
        player = self._players.get(client_id)
        if player is None or player.feed is None:
            return False
        player.feed.leave(player, reason)
        player.hang_up()
        return True

    def let_go(self) -> None:
        """This worker drains: kept connections end between two requests, and nobody waits for a part."""
        for scope in self.idle:
            scope.cancel()
        for seat in list(self.seats):
            seat.dismiss()
        if self.hls is not None:
            self.hls.library.close()
        self.hls_visits.end_all()
        self.hls_players.end_all()
        self._count_hls_players()  # whoever comes after this worker finds nobody left on the board

    # -- the round

    async def make_rounds(self) -> None:
        """Run until cancelled."""
        rounds = 0
        while True:
            await trio.sleep(ROUND_S)
            rounds += 1
            self._obey_guard()
            self._send_lingerers_home()
            self._end_visits()
            self.hls_visits.sweep()
            self._dismiss_silent()
            if rounds % PING_ROUNDS == 0:
                self._ping_websockets()
            self._read_srt_links()
            self._count_hls_players()
            self.hub.close_idle()
            self.flush()

    def flush(self) -> None:
        """Hand on what has gathered since the last time."""
        self.hls_players.flush()
        self.report.flush(self.hub.feeds.values())

    def _obey_guard(self) -> None:
        guard = self.guard
        guard.take_load()
        if guard.bans_changed():
            for player in to_ban(self, guard.bans):
                self.kick(player.client_id, BANNED)
            self.hls_players.end_banned(guard.was_player_banned)
            self.hls_visits.end_banned(guard.was_player_banned)
        if guard.level is Level.DROP_PLAYERS:
            for player in to_drop(self):
                self.kick(player.client_id, OVERLOADED)

    def _send_lingerers_home(self) -> None:
        now_s = trio.current_time()
        for player in self:
            if player.done and now_s > player.linger_until_s:
                player.hang_up()

    def _end_visits(self) -> None:
        """Those go who have been here as long as a service has let them."""
        now_s = trio.current_time()
        for player in self:
            if player.visit is not None and player.visit.is_over(now_s) and not player.done:
                self.kick(player.client_id, "lifetime")

    def _dismiss_silent(self) -> None:
        """Kept connections that have asked for nothing in a while."""
        since_s = trio.current_time() - KEEP_S
        for seat in [seat for seat in self.seats if seat.since_s < since_s]:
            seat.dismiss()

    def _read_srt_links(self) -> None:
        for player in self:
            if isinstance(player, SrtPlayer):
                statistics = player.link.stats(now_us())
                self.report.srt_packets(player.link.take_packets(statistics))
                self.report.srt_measured(measured(statistics))

    def _count_hls_players(self) -> None:
        if self.hls is None:
            return
        players = self.hls_players.sweep().total()
        self.report.hls_players(players, self.hls.answers.held)
        self.hls.answers.files.sweep()

    def _ping_websockets(self) -> None:
        for player in self:
            if player.protocol in WEBSOCKETS and player.pump and not player.done:
                player.pump.divert(player, QUIET_PING)
                self.report.websocket_sent("ping")
