"""Monitoring under 1 % of a core and 50 MB, export under 100 ms, with 50 streams and 1,000 players."""

import time
from collections.abc import Sequence
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
from bench.session import Session, typical
from bench.workers import worker_pids

STREAMS = 50
BITRATE_BPS = 200_000
PLAYERS = 1000
CROWDS = 5
SECONDS = 20.0
ROUNDS = 5
"""Of a window without scrapes and one with: a machine with all processors busy is never twice the same."""
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


class Asking(NamedTuple):
    """What came of scraping for a while, right after not scraping for as long."""

    took_ms: list[float]
    text: bytes
    #: Processor time of the control worker for each, beyond what it uses without.
    each_s: float
    #: The players' delay p99, without scrapes and with them.
    unasked_ms: float
    asked_ms: float


def run(players: int = PLAYERS, seconds: float = SECONDS, workers: int = WORKERS) -> list[Promise]:
    """The control worker for a while without scrapes, then for as long with one a second, some times."""
    with Session(adaptive(workers=workers), BITRATE_BPS, STREAMS) as session:
        crowds = [_crowd(session, number, players // CROWDS) for number in range(CROWDS)]
        session.settle(SETTLE_S)
        pid = worker_pids(session.server)["control0"]
        probes = session.watch("bench.probe", "--path", "live/bench0", "--count", str(PROBES))
        before = cpu.memory(pid).pss
        asked = [_ask(session.server, probes, pid, seconds) for _ in range(ROUNDS)]
        after = cpu.memory(pid).pss
        playing = sum(crowd.ask("mark")["playing"] for crowd in crowds)
    text = asked[-1].text
    answer = f"{len(samples(text.decode()))} series, {len(text) / 1000:.0f} kB"
    what = f"{workers} workers, {STREAMS} streams, {playing} players: {answer}"
    return [
        *_promises(what, asked),
        Promise(
            f"control worker, PSS ({before / MB:.1f} MB before the first scrape)", after / MB, MEMORY_MB, "MB"
        ),
        Promise("players lost", CROWDS * (players // CROWDS) - playing, 0),
    ]


def _promises(what: str, asked: Sequence[Asking]) -> list[Promise]:
    took = summary([took_ms for one in asked for took_ms in one.took_ms])
    each_s = typical([one.each_s for one in asked])
    share = f"scraping every {INTERVAL_S:g} s ({1e3 * each_s:.1f} ms of processor time each)"
    unasked_ms, asked_ms = (
        typical([one.unasked_ms for one in asked]),
        typical([one.asked_ms for one in asked]),
    )
    delays = f"the players' delay p99, over that without ({asked_ms:.0f}, {unasked_ms:.0f} ms)"
    return [
        Promise(f"{what}: a scrape, median", took["p50"], EXPORT_MS, "ms"),
        Promise(f"a scrape, p99 of {took['count']}", took["p99"], EXPORT_MS, "ms"),
        Promise(share, 100 * each_s / INTERVAL_S, CORE_PERCENT, "% core"),
        Promise(delays, typical([one.asked_ms / one.unasked_ms for one in asked]), DELAY_RATIO, "x"),
    ]


def _crowd(session: Session, number: int, players: int) -> Child:
    """Players of one of the streams."""
    crowd = session.watch("bench.players", "--path", f"live/bench{number}", protocol=HTTP_FLV)
    crowd.ask("join", players, JOINS_PER_S, timeout_s=players / JOINS_PER_S + 60)
    return crowd


def _ask(server: Server, probes: Child, pid: int, seconds: float) -> Asking:
    """A window without scrapes, and one with."""
    probes.ask("mark")
    idle_cores = _idle(pid, seconds)
    unasked_ms = probes.ask("mark")["delay_ms"]["p99"]
    before_s, began_s = cpu.process_s(pid), time.monotonic()
    took_ms, text = _scrape(server, seconds)
    used_s = cpu.process_s(pid) - before_s - idle_cores * (time.monotonic() - began_s)
    asked_ms = probes.ask("mark")["delay_ms"]["p99"]
    return Asking(took_ms, text, max(0.0, used_s) / len(took_ms), unasked_ms, asked_ms)


def _idle(pid: int, seconds: float) -> float:
    """Cores that the control worker uses unasked."""
    before_s = cpu.process_s(pid)
    time.sleep(seconds)
    return (cpu.process_s(pid) - before_s) / seconds


def _scrape(server: Server, seconds: float) -> tuple[list[float], bytes]:
    """One scrape a second over one connection, as Prometheus keeps one: how long each took; the last text."""
    connection = HTTPConnection(HOST, server.ports["metrics"], timeout=30)
    took_ms, text, end_s = list[float](), b"", time.monotonic() + seconds
    while (beginning_s := time.monotonic()) < end_s:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read()
        took_ms.append(1e3 * (time.monotonic() - beginning_s))
        time.sleep(max(0.0, 1.0 - (time.monotonic() - beginning_s)))
    connection.close()
    return took_ms, text
