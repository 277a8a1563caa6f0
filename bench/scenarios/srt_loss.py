"""Loss of 1 to 20 %, 60 ms round trip, 250 ms latency: what is missing, what is sent again, beside libsrt.

One libsrt sender per link, the same film to all; each loss rate has two links with the same seed through the
relay, one to Fanlight and one to libsrt's own receiver, all at the same time.
"""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from bench.lines import Child
from bench.promise import Promise
from bench.servers import SRT, Server, fanlight, free_udp_port
from bench.srt.links import streams
from bench.srt.tools import receiver, sender, srt_tools_missing

WEATHERS = {
    "1 %": "loss=0.01",
    "2 %": "loss=0.02",
    "5 %": "loss=0.05",
    "10 %": "loss=0.1",
    "20 %": "loss=0.2",
    "5 % in bursts of 4": "loss=0.05,burst=4",
    "1 % with jitter": "loss=0.01,jitter=10",
    "1 % out of order": "loss=0.01,reorder=0.25,duplicate=0.01",
}
LATENCY_MS = 250
ONE_WAY_MS = 30
BITRATE_BPS = 2_000_000
SECONDS = 60.0
CONNECT_S = 3.0

#: Delivered at least what libsrt delivers, less this share.
AS_GOOD_WITHIN = 0.001
#: Packets sent again, over packets lost.
MAX_OVERHEAD = 1.3


class Link(NamedTuple):
    """What became of one sender's packets."""

    sent: int
    #: Part of what was sent that was not there in time.
    missing: float
    resent: int
    lost: float

    @property
    def overhead(self) -> float:
        """Packets sent again, over packets lost on the way, the repeated ones too."""
        return self.resent / max(1.0, self.lost)


def run() -> list[Promise]:
    """All links at once."""
    if srt_tools_missing():
        raise SystemExit(srt_tools_missing())
    with ExitStack() as running:
        ours, theirs = _measure(running)
    _print(ours, theirs)
    return [promise for weather in WEATHERS for promise in _promises(weather, ours[weather], theirs[weather])]


def _promises(weather: str, ours: Link, theirs: Link) -> list[Promise]:
    found = [
        Promise(
            f"{weather}: missing at Fanlight (libsrt {100 * theirs.missing:.3f})",
            100 * ours.missing,
            100 * (theirs.missing + AS_GOOD_WITHIN),
            "%",
        )
    ]
    if weather.endswith("%"):
        what = f"{weather}: sent again per packet lost (libsrt {theirs.overhead:.2f})"
        found.append(Promise(what, ours.overhead, MAX_OVERHEAD, "x"))
    return found


class Pair(NamedTuple):
    """The ports of one weather."""

    weather: str
    to_ours: int
    to_theirs: int
    listener: int


def _measure(running: ExitStack) -> tuple[dict[str, Link], dict[str, Link]]:
    server = running.enter_context(fanlight(extra=f"srt.latency_ms = {LATENCY_MS}\n"))
    pairs = [Pair(weather, *(free_udp_port() for _ in range(3))) for weather in WEATHERS]
    outputs = {pair.weather: server.folder / f"{pair.listener}.ts" for pair in pairs}
    receivers = [
        running.enter_context(receiver(pair.listener, LATENCY_MS, outputs[pair.weather])) for pair in pairs
    ]
    relay = running.enter_context(Child("bench.relay", *_routes(server, pairs)))
    relay.hear()
    # libsrt 1.5.1 does not answer a conclusion again: where its answer is lost there is no connection.
    relay.ask("calm")
    inputs = [free_udp_port() for _ in range(2 * len(pairs))]
    senders = [
        running.enter_context(sender(port, to)) for port, to in zip(inputs, _targets(pairs), strict=True)
    ]
    time.sleep(CONNECT_S)
    assert all(each.running for each in senders), "a sender did not connect"
    ports = ",".join(map(str, inputs))
    source = running.enter_context(Child("bench.srt.source", "--ports", ports, "--bitrate", str(BITRATE_BPS)))
    source.hear()
    relay.ask("storm")
    time.sleep(SECONDS)
    sent = source.ask("stop")
    time.sleep(2 * LATENCY_MS / 1000 + 1)
    for each in receivers:
        each.close()  # what it has written is in the file only then
    return _read(server, pairs, outputs, sent, relay.ask("mark"))


def _routes(server: Server, pairs: list[Pair]) -> list[str]:
    found = []
    for number, pair in enumerate(pairs):
        options = f"{WEATHERS[pair.weather]},delay={ONE_WAY_MS},seed={number}"
        found += [f"--route={pair.to_ours}:{server.ports[SRT]}:{options}"]
        found += [f"--route={pair.to_theirs}:{pair.listener}:{options}"]
    return found


def _targets(pairs: list[Pair]) -> list[str]:
    """Where the senders call, both of a pair next to each other."""
    found = []
    for number, pair in enumerate(pairs):
        options = f"latency={LATENCY_MS}"
        found += [f"{pair.to_ours}?streamid=publish:live/{number}&{options}", f"{pair.to_theirs}?{options}"]
    return found


def _read(
    server: Server, pairs: list[Pair], outputs: dict[str, Path], sent: dict[str, Any], passed: dict[str, Any]
) -> tuple[dict[str, Link], dict[str, Link]]:
    links = streams(server)
    ours, theirs = {}, {}
    for number, pair in enumerate(pairs):
        packets, size = sent["packets"][2 * number], sent["bytes"][2 * number + 1]
        figures = links[f"live/{number}"]["link"]
        missing = figures["pktRcvDropTotal"] / packets
        ours[pair.weather] = _link(packets, missing, passed[str(pair.to_ours)]["there"])
        missing = 1 - outputs[pair.weather].stat().st_size / size
        theirs[pair.weather] = _link(packets, missing, passed[str(pair.to_theirs)]["there"])
    return ours, theirs


def _link(sent: int, missing: float, passed: dict[str, int]) -> Link:
    lost = passed.get("data lost", 0) + passed.get("resent lost", 0)
    return Link(sent, missing, passed.get("resent", 0), lost)


def _print(ours: dict[str, Link], theirs: dict[str, Link]) -> None:
    table = Table(title=f"{BITRATE_BPS / 1e6:g} Mbit/s, {2 * ONE_WAY_MS} ms, latency {LATENCY_MS} ms")
    table.add_column("loss, both ways", no_wrap=True)
    for name in ("sent", "missing %", "libsrt's", "resent/lost", "libsrt's"):
        table.add_column(name, justify="right")
    for weather, link in ours.items():
        other = theirs[weather]
        table.add_row(
            weather,
            str(link.sent),
            f"{100 * link.missing:.3f}",
            f"{100 * other.missing:.3f}",
            f"{link.overhead:.3f}",
            f"{other.overhead:.3f}",
        )
    Console().print(table)
