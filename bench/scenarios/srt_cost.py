"""Processor time of SRT, in and out, beside srt-live-transmit on the same work.

One srt-live-transmit takes or serves one connection. What it takes goes to /dev/null, which is less than a
demultiplexer and a ring; what it serves comes to it over UDP, which is about as much as a ring read.
"""

import time
from contextlib import ExitStack
from typing import NamedTuple

from bench.lines import Child
from bench.promise import Promise
from bench.servers import SRT, fanlight, free_udp_port
from bench.srt.stand import GB, SETTLE_S, Meter, publish, require_srt_tools, targets_at
from bench.srt.tools import listening_sender, receiver

PUBLISHERS = 10
PUBLISHED_BPS = 5_000_000
PLAYERS = 40
PLAYED_BPS = 2_000_000
LATENCY_MS = 120
SECONDS = 15.0
JOINS_PER_S = 40

INGEST_OVER_LIBSRT = 4.0
PLAY_OVER_LIBSRT = 1.5


class Cost(NamedTuple):
    """What was measured of one server or of some tools."""

    #: Seconds of processor time per gigabyte, above what nothing costs.
    per_gb: float
    #: Percent of a core that nothing costs: an idle server, or a stream that nobody plays.
    fixed_percent: float = 0.0
    lost: int = 0

    def percent_of(self, bitrate_bps: int) -> float:
        """Percent of a core for one connection."""
        return 100 * self.per_gb * bitrate_bps / 8 / GB


def run() -> list[Promise]:
    """Four measurements, one after the other."""
    require_srt_tools()
    taken, taken_by_libsrt, played, played_by_libsrt = _ingest(), _libsrt_ingest(), _play(), _libsrt_play()
    return [
        _promise("ingest", taken, taken_by_libsrt, PUBLISHED_BPS, INGEST_OVER_LIBSRT),
        _promise("play", played, played_by_libsrt, PLAYED_BPS, PLAY_OVER_LIBSRT),
        Promise("play: packets missing at players", played.lost, 0),
    ]


def _promise(what: str, ours: Cost, theirs: Cost, bitrate_bps: int, limit: float) -> Promise:
    stream = f"{bitrate_bps / 1e6:g} Mbit/s: {ours.percent_of(bitrate_bps):.2f} % of a core"
    costs = f"{ours.per_gb:.2f}, {theirs.per_gb:.2f} s/GB; {stream}; fixed {ours.fixed_percent:.1f} %"
    return Promise(f"{what}: CPU over libsrt's ({costs})", ours.per_gb / theirs.per_gb, limit, "x")


def _ingest() -> Cost:
    with ExitStack() as running:
        server = running.enter_context(fanlight())
        time.sleep(SETTLE_S)
        fixed = _fixed(Meter(server))
        names = [f"live/{number}" for number in range(PUBLISHERS)]
        source, _ = publish(running, targets_at(server, names, LATENCY_MS), PUBLISHED_BPS)
        return _published(source, Meter(server), fixed)


def _libsrt_ingest() -> Cost:
    with ExitStack() as running:
        ports = [free_udp_port() for _ in range(PUBLISHERS)]
        receivers = [running.enter_context(receiver(port, LATENCY_MS)) for port in ports]
        source, _ = publish(running, [f"{port}?latency={LATENCY_MS}" for port in ports], PUBLISHED_BPS)
        return _published(source, Meter(tools=receivers), 0.0)


def _play() -> Cost:
    with ExitStack() as running:
        server = running.enter_context(fanlight())
        publish(running, targets_at(server, ["live/bench"]), PLAYED_BPS)
        time.sleep(SETTLE_S)
        fixed = _fixed(Meter(server))
        players = _players(running, [server.ports[SRT]])
        return _played(players, Meter(server), fixed)


def _libsrt_play() -> Cost:
    with ExitStack() as running:
        inputs, ports = ([free_udp_port() for _ in range(PLAYERS)] for _ in range(2))
        pairs = zip(inputs, ports, strict=True)
        senders = [running.enter_context(listening_sender(*pair, LATENCY_MS)) for pair in pairs]
        joined = ",".join(map(str, inputs))
        players = _players(running, ports)
        source = Child("bench.srt.source", "--ports", joined, "--bitrate", str(PLAYED_BPS))
        running.enter_context(source).hear()
        return _played(players, Meter(tools=senders), 0.0)


def _players(running: ExitStack, ports: list[int]) -> Child:
    joined = ",".join(map(str, ports))
    players = running.enter_context(Child("bench.srt.players", "--ports", joined))
    players.hear()
    answer = players.ask("join", PLAYERS, JOINS_PER_S)
    if answer["playing"] < PLAYERS:
        raise RuntimeError(f"players were refused: {answer['lost']}")
    return players


def _fixed(meter: Meter) -> float:
    """Cores kept busy while nothing that counts happens."""
    time.sleep(SETTLE_S)
    busy_s, seconds = meter.read()
    return busy_s / seconds


def _published(source: Child, meter: Meter, fixed_cores: float) -> Cost:
    time.sleep(SETTLE_S)
    before = sum(source.ask("mark")["bytes"])
    meter.restart()
    time.sleep(SECONDS)
    busy_s, seconds = meter.read()
    size = sum(source.ask("mark")["bytes"]) - before
    return Cost((busy_s - fixed_cores * seconds) / size * GB, 100 * fixed_cores)


def _played(players: Child, meter: Meter, fixed_cores: float) -> Cost:
    time.sleep(SETTLE_S)
    before = players.ask("mark")["packets_lost"]
    meter.restart()
    time.sleep(SECONDS)
    busy_s, seconds = meter.read()
    books = players.ask("mark")
    per_gb = (busy_s - fixed_cores * seconds) / books["bytes"] * GB
    return Cost(per_gb, 100 * fixed_cores, books["packets_lost"] - before)
