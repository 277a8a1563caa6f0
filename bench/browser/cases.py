"""Which players watch, on what server, and what is promised of their latency."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from bench.browser.watch import Player, Seen, watch
from bench.dialogue import HTTP_FLV, RTMP
from bench.lines import Child
from bench.servers import HOST, fanlight

SETTLE_S: Final = 6.0
"""Until the ring holds some segments, as that of a stream does which was live before its viewers came."""


class Case(NamedTuple):
    """One player on one server. `limit_s` is of the median, None where nothing is promised."""

    player: Player
    address: str  # with the HTTP port left out
    limit_s: float | None = None
    extra: str = ""  # more configuration


HLS: Final = "http://{host}/live/clock.m3u8"
CASES: Final = {
    "page": Case("page", "http://{host}/play/live/clock", 0.5),
    "hls": Case("hls", HLS, 2.5),
    "hls-as-is": Case("hls-as-is", HLS),
    "hls-0.2": Case("hls", HLS, 1.5, "hls.part_s = 0.2\n"),
    "flv-http": Case("flv", "http://{host}/live/clock.flv"),
    "flv-ws": Case("flv", "ws://{host}/live/clock.flv"),
}


def run(case: Case, seconds: float, codec: str, picture: Path | None) -> Seen:
    """Watch the case on a server and with a publisher of its own."""
    with ExitStack() as running:
        server = running.enter_context(fanlight(extra=case.extra))
        url = f"rtmp://{HOST}:{server.ports[RTMP]}/live/clock"
        running.enter_context(Child("bench.browser.publisher", "--url", url, "--codec", codec))
        time.sleep(SETTLE_S)
        address = case.address.format(host=f"{HOST}:{server.ports[HTTP_FLV]}")
        seen = watch(case.player, address, seconds, picture)
    server.forget()
    return seen
