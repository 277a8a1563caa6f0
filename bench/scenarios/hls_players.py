"""Players of Low-Latency HLS, and as many clients of nginx with the same files at the same rate."""

import functools
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench.certificate import Pair, write_certificate
from bench.hls.nginx import nginx_files, nginx_missing
from bench.hls.stand import GB, Copies, Load, copy_files, join, measure, packaging, port_of, wait_for_stream
from bench.lines import Child
from bench.metrics_text import Samples, quantile, samples, scrape
from bench.promise import Promise
from bench.servers import Server
from bench.session import Session, Target

PLAYERS = 1000
BITRATE_BPS = 4_000_000
SECONDS = 20.0
PART_S = 0.5
SETTLE_S = 5.0
#: Until the playlist is as long as it will be: six segments, and one that leaves it.
FILL_S = 16.0

LATE_MS = 50.0
PLAYERS_PER_CORE = 2500
OVER_NGINX = 4.0
MISSING_PART = 0.03

LATENESS = "fanlight_hls_reload_lateness_seconds"


class Door(NamedTuple):
    """How players come in."""

    scheme: str
    pair: Pair | None

    def arguments(self, server: Server) -> tuple[str, ...]:
        """What a process full of players is told."""
        return ("--port", str(port_of(server, self.scheme)), "--scheme", self.scheme)


class Ours(NamedTuple):
    """What was measured of Fanlight."""

    idle: Load
    load: Load
    #: By its own count, from the end of a part to the answer of a reload, p99.
    late_s: float
    copies: Copies


def run(
    players: int = PLAYERS, bitrate: int = BITRATE_BPS, seconds: float = SECONDS, scheme: str = "http"
) -> list[Promise]:
    """First Fanlight, then nginx with what Fanlight had made."""
    if nginx_missing():
        raise SystemExit(nginx_missing())
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-site-", dir="/dev/shm") as folder:
        site = Path(folder)
        site.chmod(0o755)
        door = Door(scheme, write_certificate(site) if scheme == "https" else None)
        ours = _fanlight(players, bitrate, seconds, door, site)
        theirs = _nginx(players, seconds, door, site, ours.copies)
    what = f"{players} players of {bitrate / 1e6:g} Mbit/s"
    return [
        *_service(what, ours, players),
        *_costs(what, ours, theirs, players),
        *_loads(ours, theirs, players),
    ]


def _fanlight(players: int, bitrate: int, seconds: float, door: Door, site: Path) -> Ours:
    start = functools.partial(packaging, pair=door.pair)
    with Session(Target("fanlight", "http", start), bitrate) as session:
        server = session.server
        wait_for_stream(server)
        session.settle(FILL_S)
        copies = copy_files(server, site)
        idle = measure(server, seconds / 2)
        crowd = session.spawn("bench.hls.players", *door.arguments(server))
        join(crowd, players)
        session.settle(SETTLE_S)
        before = samples(scrape(server))
        load = measure(server, seconds, crowd)
        return Ours(idle, load, _late_s(before, samples(scrape(server))), copies)


def _late_s(before: Samples, after: Samples) -> float:
    return quantile(before, after, LATENESS, 0.99)


def _nginx(players: int, seconds: float, door: Door, site: Path, copies: Copies) -> Load:
    with ExitStack() as running:
        server = running.enter_context(nginx_files(site, pair=door.pair))
        files = ("--playlist", copies.playlist, "--parts", ",".join(copies.parts), "--every", str(PART_S))
        clients = running.enter_context(Child("bench.hls.fetchers", *door.arguments(server), *files))
        join(clients, players)
        time.sleep(SETTLE_S)
        load = measure(server, seconds, clients)
    server.forget()
    return load


def _service(what: str, ours: Ours, players: int) -> list[Promise]:
    books = ours.load.books
    late = books["late_ms"]
    held = f"{late['count']} of {books['reloads']} reloads held"
    first = f"p50 {late.get('p50', 0):.0f}, most {late.get('max', 0):.0f}"
    answers: dict[str, int] = books["answers"]
    others = sum(count for kind, count in answers.items() if not kind.endswith(" 200"))
    lost = sum(books["lost"].values()) + others + players - books["playing"]
    return [
        Promise(f"{what}: answers 5xx", _five_hundreds(answers), 0),
        Promise("other refusals, players lost, parts left out, workers dead", lost + _trouble(ours.load), 0),
        Promise(
            f"reload after the first player has it, p99 ({held}; {first})",
            late.get("p99", 1e9),
            LATE_MS,
            "ms",
        ),
        Promise(
            "reload after the part is in the ring, p99 by our count, bucket", 1e3 * ours.late_s, LATE_MS, "ms"
        ),
    ]


def _five_hundreds(answers: dict[str, int]) -> int:
    return sum(count for kind, count in answers.items() if " 5" in kind)


def _trouble(load: Load) -> int:
    return int(load.books["given_up"]) + load.ended


def _costs(what: str, ours: Ours, theirs: Load, players: int) -> list[Promise]:
    marginal = max(1e-9, ours.load.cores - ours.idle.cores) / players
    per_core = f"{1 / marginal:.0f} players per core; without players {100 * ours.idle.cores:.1f} %"
    per_gb, nginx_per_gb = (_per(load, "bytes") * GB for load in (ours.load, theirs))
    per_request, nginx_per_request = (_per(load, "requests") * 1e6 for load in (ours.load, theirs))
    costs = f"{per_gb:.2f}, {nginx_per_gb:.2f} s/GB; {per_request:.0f}, {nginx_per_request:.0f} µs a request"
    return [
        Promise(f"a player's share of a core ({per_core})", 1e3 * marginal, 1e3 / PLAYERS_PER_CORE, "‰"),
        Promise(f"CPU per GB over nginx's ({costs})", per_gb / nginx_per_gb, OVER_NGINX, "x"),
    ]


def _per(load: Load, unit: str) -> float:
    """Seconds of processor time for each."""
    return load.server_s / max(1, int(load.books[unit]))


def _loads(ours: Ours, theirs: Load, players: int) -> list[Promise]:
    """Whether there was the load that the rest speaks of, on both sides."""
    return [
        Promise(
            _generator("parts that players did not get", ours.load),
            _missing(ours.load, players),
            MISSING_PART,
        ),
        Promise(_generator("the same at nginx", theirs), _missing(theirs, players), MISSING_PART),
    ]


def _generator(what: str, load: Load) -> str:
    return f"{what}, share ({load.books['bytes'] * 8 / load.seconds / 1e9:.2f} Gbit/s)"


def _missing(load: Load, players: int) -> float:
    return 1.0 - int(load.books["parts"]) / (players * load.seconds / PART_S)
