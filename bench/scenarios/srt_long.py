"""Ten minutes over a clean link: not a packet dropped, not a frame missing. Only where it is named."""

import time
from contextlib import ExitStack

from bench.dialogue import HTTP_FLV
from bench.lines import Child
from bench.promise import Promise
from bench.servers import SRT, fanlight
from bench.srt.stand import SETTLE_S, link_sum, publish, require_srt_tools, targets_at

BITRATE_BPS = 2_000_000
SECONDS = 600.0


def run() -> list[Promise]:
    """One libsrt publisher, one player over SRT and one over HTTP-FLV."""
    require_srt_tools()
    with ExitStack() as running:
        server = running.enter_context(fanlight())
        _, (sender,) = publish(running, targets_at(server, ["live/bench"]), BITRATE_BPS)
        time.sleep(SETTLE_S)
        ports = ("--srt", str(server.ports[SRT]), "--http", str(server.ports[HTTP_FLV]))
        probe = running.enter_context(Child("bench.srt.probe", *ports))
        probe.hear()
        time.sleep(SECONDS)
        seen = probe.ask("mark")
        fields = ("pktRcvDropTotal", "pktRcvLossTotal", "pktRcvRetransTotal")
        dropped, lost, again = (link_sum(server, field) for field in fields)
        gone = not sender.running
    found = [
        Promise(
            f"{way}: frames missing or twice of {seen[way]['frames']}",
            seen[way]["missing"] + seen[way]["repeats"],
            0,
        )
        for way in ("srt", "http")
    ]
    what = f"publisher: packets dropped ({lost} missed at first, {again} sent again)"
    return [*found, Promise(what, dropped, 0), Promise("publisher gone", gone, 0)]
