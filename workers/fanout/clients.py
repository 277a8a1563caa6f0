"""What control asks about players: lists, and the end of one."""

from workers.fanout.audience import Audience
from workers.fanout.player import Player, PlayerState
from workers.fanout.srt_player import SrtPlayer
from workers.runtime.bus import Bus, Descriptors, Envelope
from workers.runtime.circle import now_us
from workers.runtime.link_figures import Figures
from workers.runtime.messages import ClientInfo, ClientsPage, Kick, KickResult, ListClients
from workers.runtime.srt_readings import sent_figures


def answer_for_clients(bus: Bus, audience: Audience) -> None:
    """Answer on the bus for the players of this worker."""

    async def list_clients(message: ListClients, envelope: Envelope, fds: Descriptors) -> ClientsPage:
        return page_of(audience, message)

    async def kick(message: Kick, envelope: Envelope, fds: Descriptors) -> KickResult:
        return KickResult(audience.kick(message.client_id, message.reason))

    bus.handle(ListClients, list_clients)
    bus.handle(Kick, kick)


def page_of(audience: Audience, asked: ListClients) -> ClientsPage:
    """Players with ids after `asked.after`, in order."""
    wanted = sorted(
        (player for player in audience if player.client_id > asked.after and _is_of(player, asked.stream)),
        key=lambda player: player.client_id,
    )
    worker = audience.worker.slot.name
    clients = [info_of(player, worker) for player in wanted[: asked.limit]]
    return ClientsPage(clients, len(wanted) > asked.limit)


def info_of(player: Player, worker: str) -> ClientInfo:
    """One player as the API shows it."""
    sent_bytes, tags = player.pump.totals(player) if player.pump else (0, 0)
    return ClientInfo(
        id=player.client_id,
        worker=worker,
        protocol=player.protocol,
        role="player",
        stream=player.feed.name if player.feed else "",
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


def _is_of(player: Player, stream: str | None) -> bool:
    return stream is None or (player.feed is not None and player.feed.name == stream)


def _link_of(player: Player) -> Figures | None:
    if not isinstance(player, SrtPlayer):
        return None
    return sent_figures(player.link.stats(now_us()), player.link.keys)


def _lag_ms(player: Player) -> int:
    if player.pump is None or player.state is not PlayerState.BEHIND:
        return 0
    return player.pump.lag_us(player) // 1000
