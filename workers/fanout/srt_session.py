"""What becomes of a caller that was accepted: a publisher goes to ingest, a player stays until one side ends
it.
"""

import secrets
import socket
import time
from collections.abc import Mapping
from typing import Final

import msgspec
import trio

from engine.media.gop import StartMode
from engine.protocols.srt.negotiated import Negotiated
from workers.fanout.audience import Audience
from workers.fanout.feed import Feed
from workers.fanout.hand_over import hand_over
from workers.fanout.srt_player import SrtPlayer
from workers.fanout.visits import Visit
from workers.fanout.wire import SRT
from workers.runtime.bus import BusError
from workers.runtime.circle import now_us
from workers.runtime.messages import HandOver
from workers.runtime.srt_link import SrtHandOver, SrtLink

PROTOCOL: str = "srt"

ENDS: Final[Mapping[str, str]] = {
    "": "closed",
    "shutdown": "closed",
    "idle": "connection_lost",  # whoever is there says something ten times a second, media or none
    "out_of_range": "protocol_error",
}
"""What a player's link says of its end -> the reason in logs, counters and traces; else the same word."""


async def hand_over_publisher(
    audience: Audience,
    conn_id: str,
    visit: Visit,
    negotiated: Negotiated,
    sock: socket.socket,
    remote: str,
) -> None:
    """Send the connection to the stream's ingest. If that fails the caller hears SRT's goodbye."""
    worker, name = audience.worker, visit.name
    state = msgspec.msgpack.encode(SrtHandOver(name, negotiated))
    message = HandOver(conn_id, remote, time.time_ns(), state, PROTOCOL, visit.handed(), visit.key_id)
    try:
        with visit.until_in():
            await hand_over(worker, audience.report, name, message, sock)
        visit.pass_on()
    except BusError as error:
        audience.report.publish_refused("srt", "no_ingest")
        worker.log.warning("hand_over_failed", conn=message.conn_id, stream=name, why=str(error))
        SrtLink(sock, negotiated, now_us()).close(now_us())
    finally:
        sock.close()


async def serve_player(
    audience: Audience,
    conn_id: str,
    visit: Visit,
    feed: Feed,
    negotiated: Negotiated,
    sock: socket.socket,
    remote: str,
    mode: StartMode | None,
) -> None:
    """Play to one caller until the stream, the caller or we end it."""
    link = SrtLink(sock, negotiated, now_us())
    player = SrtPlayer(conn_id, remote, link, started_ns=time.time_ns())
    player.visit = visit
    began_s = trio.current_time()
    reason = "drained"
    try:
        audience.admit(player, feed, SRT, mode)
        await player.over.wait()
        reason = ENDS.get(link.end, link.end)
        if player.fault is not None:
            audience.worker.log.error("connection_failed", conn=player.client_id, exc_info=player.fault)
    finally:
        audience.dismiss(player, began_s, reason)
        link.close(now_us())


def new_id(audience: Audience) -> str:
    """A client's id; begins with the worker's name, so that its holder can be read off it."""
    return f"{audience.worker.slot.name}-{secrets.token_hex(6)}"
