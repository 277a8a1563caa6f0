"""20 SRT publishers of 5 Mbit/s over a link that loses 2 %, then 200 SRT players of 2 Mbit/s."""

import time
from contextlib import ExitStack

from bench.lines import Child
from bench.promise import Promise
from bench.servers import SRT, fanlight, free_udp_port
from bench.srt import overflow
from bench.srt.stand import CONNECT_S, SETTLE_S, Meter, link_sum, publish, require_srt_tools, targets_at

PUBLISHERS = 20
PUBLISHED_BPS = 5_000_000
LOSS = 0.02
ONE_WAY_MS = 30
LATENCY_MS = 250
PUBLISHED_FOR_S = 60.0

PLAYERS = 200
PLAYED_BPS = 2_000_000
PLAYED_FOR_S = 30.0
JOINS_PER_S = 50

DROPPED = 0.0001
#: Of what was sent, the part that must have arrived in a window; its edges cut a tick at either end.
HELD = 0.97


def run() -> list[Promise]:
    """Publishers first, then players."""
    require_srt_tools()
    return [*_publishers(), *_players()]


def _publishers() -> list[Promise]:
    with ExitStack() as running:
        server = running.enter_context(fanlight(extra=f"srt.latency_ms = {LATENCY_MS}\n"))
        port = free_udp_port()
        weather = f"loss={LOSS},delay={ONE_WAY_MS},seed=20"
        relay = running.enter_context(Child("bench.relay", f"--route={port}:{server.ports[SRT]}:{weather}"))
        relay.hear()
        names = [f"live/{number}" for number in range(PUBLISHERS)]
        targets = [f"{port}?streamid=publish:{name}&latency={LATENCY_MS}" for name in names]
        source, senders = publish(running, targets, PUBLISHED_BPS)
        meter = Meter(server)
        time.sleep(PUBLISHED_FOR_S)
        busy_s, seconds = meter.read()
        sent = sum(source.ask("stop")["packets"])
        time.sleep(2 * LATENCY_MS / 1000 + 1)
        dropped, lost = (link_sum(server, field) for field in ("pktRcvDropTotal", "pktRcvLossTotal"))
        at_engine = overflow.at_port(server.ports[SRT])
        gone = PUBLISHERS - sum(each.running for each in senders)
        books = relay.ask("mark")[str(port)]
    passed = books["there"]
    overhead = passed["resent"] / (passed["data lost"] + passed["resent lost"])
    late = passed["late"] + books["back"]["late"]
    faults = f"relay: {late} late, {books['overflowed']} unheard; {at_engine} unheard here"
    busy = f"{lost} lost; {100 * busy_s / seconds:.0f} % core; {faults}"
    return [
        Promise(f"{PUBLISHERS} publishers: dropped of {sent} ({busy})", dropped / sent, DROPPED),
        Promise(f"{PUBLISHERS} publishers: sent again per packet lost", overhead, 1.3, "x"),
        Promise(f"{PUBLISHERS} publishers: gone", gone, 0),
    ]


def _players() -> list[Promise]:
    with ExitStack() as running:
        server = running.enter_context(fanlight())
        source, _ = publish(running, targets_at(server, ["live/bench"]), PLAYED_BPS)
        time.sleep(CONNECT_S)
        players = running.enter_context(Child("bench.srt.players", "--ports", str(server.ports[SRT])))
        players.hear()
        handshakes = players.ask("join", PLAYERS, JOINS_PER_S)["handshakes_ms"]
        time.sleep(SETTLE_S)
        before, played_before = source.ask("mark"), players.ask("mark")
        meter = Meter(server)
        time.sleep(PLAYED_FOR_S)
        busy_s, seconds = meter.read()
        after, played = source.ask("mark"), players.ask("mark")
    size = sum(after["bytes"]) - sum(before["bytes"])
    missing = played["packets_lost"] - played_before["packets_lost"]
    busy = f"{100 * busy_s / seconds:.0f} % core"
    return [
        Promise(f"{PLAYERS} players: gone, or never there ({busy})", PLAYERS - played["playing"], 0),
        Promise(
            f"{PLAYERS} players: part that the one with least is short of",
            1 - played["least"] / size,
            1 - HELD,
        ),
        Promise(f"{PLAYERS} players: packets missing", missing, 0),
        Promise(f"{PLAYERS} players: handshake, p99", handshakes[len(handshakes) * 99 // 100], 200, "ms"),
    ]
