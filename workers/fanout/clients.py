"""What control asks about players: lists, and the end of one. Players of HLS are among them where a service
follows them (`hls_visits`)."""

from collections.abc import Iterable
from heapq import nsmallest
from itertools import chain
from operator import attrgetter

from workers.fanout.audience import Audience
from workers.fanout.hls_visits import PROTOCOL, Guest
from workers.fanout.player import Player, PlayerState
from workers.fanout.srt_player import SrtPlayer
from workers.runtime.bus import Bus, Descriptors, Envelope
from workers.runtime.circle import now_us
from workers.runtime.link_figures import Figures
from workers.runtime.messages import ClientInfo, ClientsPage, Kick, KickResult, ListClients
from workers.runtime.srt_readings import sent_figures

ASKING: str = "asking"
"""The state of a player of HLS that has asked for something lately: others have their connection's."""


def answer_for_clients(bus: Bus, audience: Audience) -> None:
    """Answer on the bus for the players of this worker."""

    async def list_clients(message: ListClients, envelope: Envelope, fds: Descriptors) -> ClientsPage:
        return page_of(audience, message)

    async def kick(message: Kick, envelope: Envelope, fds: Descriptors) -> KickResult:
        client_id, reason = message.client_id, message.reason
        return KickResult(audience.kick(client_id, reason) or audience.hls_visits.kick(client_id, reason))

    bus.handle(ListClients, list_clients)
    bus.handle(Kick, kick)


def page_of(audience: Audience, asked: ListClients) -> ClientsPage:
    """Players with ids after `asked.after`, in order."""
    everybody: Iterable[Player | Guest] = chain(audience, audience.hls_visits)
    later = (one for one in everybody if one.client_id > asked.after)
    of_stream = (one for one in later if asked.stream is None or stream_of(one) == asked.stream)
    # Not sorted whole: there may be a hundred thousand, and others wait meanwhile.
    wanted = nsmallest(asked.limit + 1, of_stream, key=attrgetter("client_id"))
    worker = audience.worker.slot.name
    clients = [
        guest_info(one, worker) if isinstance(one, Guest) else info_of(one, worker)
        for one in wanted[: asked.limit]
    ]
    return ClientsPage(clients, len(wanted) > asked.limit)


def guest_info(guest: Guest, worker: str) -> ClientInfo:
    """A player of HLS: it has no connection of its own, so nothing is measured of one."""
    return ClientInfo(
        id=guest.client_id,
        worker=worker,
        protocol=PROTOCOL,
        role="player",
        stream=guest.stream,
        remote=guest.host,
        started_ns=guest.started_ns,
        bytes=guest.sent_bytes,
        tags=0,
        dropped_tags=0,
        jumps=0,
        lag_ms=0,
        user_agent=guest.user_agent,
        state=ASKING,
        key=guest.key_id,
    )


def info_of(player: Player, worker: str) -> ClientInfo:
    """One player as the API shows it."""
    sent_bytes, tags = player.pump.totals(player) if player.pump else (0, 0)
    return ClientInfo(
        id=player.client_id,
        worker=worker,
        protocol=player.protocol,
        role="player",
        stream=stream_of(player),
        remote=player.remote,
        started_ns=player.started_ns,
        bytes=sent_bytes,
        tags=tags,
        dropped_tags=player.dropped,
        jumps=player.jumps,
        lag_ms=_lag_ms(player),
        user_agent=player.user_agent,
        state=player.state.value,
        link=_link_of(player),
        key=player.key_id,
    )


def stream_of(player: Player | Guest) -> str:
    """What it plays; empty before that is known."""
    if isinstance(player, Guest):
        return player.stream
    return player.feed.name if player.feed else ""


def _link_of(player: Player) -> Figures | None:
    if not isinstance(player, SrtPlayer):
        return None
    return sent_figures(player.link.stats(now_us()), player.link.keys)


def _lag_ms(player: Player) -> int:
    if player.pump is None or player.state is not PlayerState.BEHIND:
        return 0
    return player.pump.lag_us(player) // 1000
