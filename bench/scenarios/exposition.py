"""Monitoring under 1 % of a core and 50 MB, export under 100 ms, with 50 streams and 1,000 players."""

import time
from http.client import HTTPConnection
from typing import NamedTuple

from bench import cpu
from bench.dialogue import HTTP_FLV
from bench.lines import Child
from bench.metrics_text import samples
from bench.probe import summary
from bench.promise import Promise
from bench.scenarios.targets import adaptive
from bench.servers import HOST, Server
from bench.session import Session
from bench.workers import worker_pids

STREAMS = 50
BITRATE_BPS = 200_000
PLAYERS = 1000
CROWDS = 5
SECONDS = 60.0
SETTLE_S = 5.0
JOINS_PER_S = 200

INTERVAL_S = 15.0
"""Between two scrapes of Prometheus, unless it is told otherwise."""

EXPORT_MS = 100.0
CORE_PERCENT = 1.0
MEMORY_MB = 50.0
WORKERS = 2
PROBES = 8
#: The players' p99 while somebody scrapes, over that while nobody does.
DELAY_RATIO = 1.1
MB = 1e6


class Scrapes(NamedTuple):
    """What came of scraping for a while."""

    took_ms: list[float]
    bytes: int
    series: int
    #: Processor time of the control worker for each, beyond what it uses without.
    each_s: float


def run(players: int = PLAYERS, seconds: float = SECONDS, workers: int = WORKERS) -> list[Promise]:
    """The control worker for a while without scrapes, then for as long with one a second."""
    with Session(adaptive(workers=workers), BITRATE_BPS, STREAMS) as session:
        crowds = [_crowd(session, number, players // CROWDS) for number in range(CROWDS)]
        session.settle(SETTLE_S)
        pid = worker_pids(session.server)["control0"]
        probes = session.watch("bench.probe", "--path", "live/bench0", "--count", str(PROBES))
        before = cpu.memory(pid).pss
        probes.ask("mark")
        idle_cores = _idle(pid, seconds)
        unasked_ms = probes.ask("mark")["delay_ms"]["p99"]
        scrapes = _scrape(session.server, pid, seconds, idle_cores)
        asked_ms = probes.ask("mark")["delay_ms"]["p99"]
        after = cpu.memory(pid).pss
        playing = sum(crowd.ask("mark")["playing"] for crowd in crowds)
    took = summary(scrapes.took_ms)
    delays = f"the players' delay p99, over that without ({asked_ms:.0f}, {unasked_ms:.0f} ms)"
    answer = f"{scrapes.series} series, {scrapes.bytes / 1000:.0f} kB"
    what = f"{workers} workers, {STREAMS} streams, {playing} players: {answer}"
    memory = f"control worker, PSS ({before / MB:.1f} MB before the first scrape)"
    share = f"scraping every {INTERVAL_S:g} s ({1e3 * scrapes.each_s:.1f} ms of processor time each)"
    return [
        Promise(f"{what}: a scrape, median", took["p50"], EXPORT_MS, "ms"),
        Promise(f"a scrape, p99 of {took['count']}", took["p99"], EXPORT_MS, "ms"),
        Promise(share, 100 * scrapes.each_s / INTERVAL_S, CORE_PERCENT, "% core"),
        Promise(memory, after / MB, MEMORY_MB, "MB"),
        Promise(delays, asked_ms / unasked_ms, DELAY_RATIO, "x"),
        Promise("players lost", CROWDS * (players // CROWDS) - playing, 0),
    ]


def _crowd(session: Session, number: int, players: int) -> Child:
    """Players of one of the streams."""
    crowd = session.watch("bench.players", "--path", f"live/bench{number}", protocol=HTTP_FLV)
    crowd.ask("join", players, JOINS_PER_S, timeout_s=players / JOINS_PER_S + 60)
    return crowd


def _idle(pid: int, seconds: float) -> float:
    """Cores that the control worker uses unasked."""
    before_s = cpu.process_s(pid)
    time.sleep(seconds)
    return (cpu.process_s(pid) - before_s) / seconds


def _scrape(server: Server, pid: int, seconds: float, idle_cores: float) -> Scrapes:
    """One scrape a second over one connection, as Prometheus keeps one."""
    connection = HTTPConnection(HOST, server.ports["metrics"], timeout=30)
    took_ms, text = list[float](), b""
    before_s, began_s = cpu.process_s(pid), time.monotonic()
    while (beginning_s := time.monotonic()) < began_s + seconds:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read()
        took_ms.append(1e3 * (time.monotonic() - beginning_s))
        time.sleep(max(0.0, 1.0 - (time.monotonic() - beginning_s)))
    used_s = cpu.process_s(pid) - before_s - idle_cores * (time.monotonic() - began_s)
    connection.close()
    return Scrapes(took_ms, len(text), len(samples(text.decode())), max(0.0, used_s) / len(took_ms))
