"""One playlist and one segment over TLS, in HTTP/1.1 and HTTP/2, beside nginx with the same files."""

import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import cpu
from bench.certificate import Pair, write_certificate
from bench.hls.h2load import Asked, ask, h2load_missing
from bench.hls.nginx import nginx_files, nginx_missing
from bench.hls.stand import Addresses, copy_newest, packaging, port_of, wait_for_stream
from bench.promise import Promise
from bench.servers import Server
from bench.session import Session, Target

BITRATE_BPS = 4_000_000
SECONDS = 4.0
#: Until there is a finished segment or two.
FILL_S = 6.0
#: As for parts (hls_players).
OVER_NGINX = 4.0
#: A playlist is all request and hardly any body: 80 µs in Python and 10 in nginx, when this was planned.
PLAYLIST_OVER_NGINX = 8.0
#: And in HTTP/2 it passes through a library in Python (h2, hpack) where nginx's is in C.
OVER_HTTP1 = 10.0
HTTP1, HTTP2 = "http/1.1", "h2"


class Cost(NamedTuple):
    """What answers of one kind have cost."""

    asked: Asked
    server_s: float

    @property
    def per_answer_us(self) -> float:
        """Processor time."""
        return self.server_s * 1e6 / max(1, self.asked.answers)


Costs = dict[tuple[str, str], Cost]
"""By what was asked for and protocol."""


def run(bitrate: int = BITRATE_BPS, seconds: float = SECONDS) -> list[Promise]:
    """First Fanlight, then nginx with what Fanlight had made."""
    if missing := nginx_missing() or h2load_missing():
        raise SystemExit(missing)
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-site-", dir="/dev/shm") as folder:
        site = Path(folder)
        site.chmod(0o755)
        pair = write_certificate(site)
        addresses, ours = _fanlight(bitrate, seconds, pair, site)
        with nginx_files(site, pair=pair) as server:
            theirs = _measure(server, addresses, seconds)
        server.forget()
    return [
        *_costs("segment", ours, theirs, OVER_NGINX),
        *_costs("playlist", ours, theirs, PLAYLIST_OVER_NGINX),
        Promise("requests that failed", sum(cost.asked.failures for cost in ours.values()), 0),
    ]


def _fanlight(bitrate: int, seconds: float, pair: Pair, site: Path) -> tuple[Addresses, Costs]:
    start = partial(packaging, pair=pair)
    with Session(Target("fanlight", "http", start), bitrate) as session:
        wait_for_stream(session.server)
        session.settle(FILL_S)
        addresses = copy_newest(session.server, site)
        return addresses, _measure(session.server, addresses, seconds)


def _measure(server: Server, addresses: Addresses, seconds: float) -> Costs:
    found: Costs = {}
    for http2 in (False, True):
        for what, uri in addresses._asdict().items():
            before = cpu.read(server.pid)
            asked = ask(port_of(server, "https"), uri, seconds, http2=http2)
            cost = Cost(asked, cpu.read(server.pid).tree_s - before.tree_s)
            found[what, asked.protocol] = cost
    return found


def _costs(what: str, ours: Costs, theirs: Costs, over_nginx: float) -> list[Promise]:
    """HTTP/1.1 beside nginx's, HTTP/2 beside our own HTTP/1.1."""
    plain, framed = ours[what, HTTP1], ours[what, HTTP2]
    return [
        Promise(
            f"{what} over HTTP/1.1: CPU over nginx's ({_beside(plain, theirs[what, HTTP1])})",
            plain.per_answer_us / theirs[what, HTTP1].per_answer_us,
            over_nginx,
            "x",
        ),
        Promise(
            f"{what} over HTTP/2: CPU over that of HTTP/1.1 ({_beside(framed, theirs[what, HTTP2])})",
            framed.per_answer_us / plain.per_answer_us,
            OVER_HTTP1,
            "x",
        ),
    ]


def _beside(ours: Cost, theirs: Cost) -> str:
    return f"{ours.per_answer_us:.0f} µs an answer, nginx {theirs.per_answer_us:.0f}"
