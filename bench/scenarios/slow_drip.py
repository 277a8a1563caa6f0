"""5,000 connections that drip a byte a second into all ports at once: gone in time, cheap, nobody notices.

A phase's deadline is what the configuration says (5 s for the RTMP and TLS handshakes and for HTTP heads, all
in all), and 15 s for heads at the API's and the metrics' ports.
"""

import math
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import servers
from bench.certificate import tls_lines, write_certificate
from bench.dialogue import HTTP_FLV, RTMP
from bench.lines import Child
from bench.promise import Promise
from bench.servers import HOST, free_port
from bench.session import Session, Target

STRANGERS = 5000
PLAYERS = 20
VISITS = 150
VISITS_PER_S = 50.0

OTHER_PORTS = ("https", "rtmps", "api", "metrics")
DEADLINES_S = {"api head": 15.0, "metrics head": 15.0}
USUAL_DEADLINE_S = 5.0
MAX_LATE_S = 5.0
MAX_WAIT_MS = 200.0
MAX_MEMORY_MIB = 64.0
LOOK_S = 0.5
MAX_LOOKS = 80


def run() -> list[Promise]:
    """Players join while the strangers drip; then the strangers are waited for."""
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder:
        tls = {"https": free_port(), "rtmps": free_port()}
        extra = tls_lines(HOST, tls, write_certificate(Path(folder)))
        with Session(Target("fanlight", HTTP_FLV, lambda: servers.fanlight(extra=extra))) as session:
            session.grow_to(PLAYERS)
            session.settle()
            return _under_drip(session, {**session.server.ports, **tls})


def _under_drip(session: Session, ports: Mapping[str, int]) -> list[Promise]:
    before_mib = session.memory().anonymous / 2**20
    named = {"rtmp": ports[RTMP], "http": ports[HTTP_FLV], **{name: ports[name] for name in OTHER_PORTS}}
    arguments = [f"--port={name}={number}" for name, number in named.items()]
    with Child("bench.strangers", f"--count={STRANGERS}", *arguments) as strangers:
        began = strangers.hear()
        grown_mib = session.memory().anonymous / 2**20 - before_mib
        waited = session.visit(VISITS, VISITS_PER_S)["waited_ms"]
        books = _wait_until_gone(strangers)
        grown_mib = max(grown_mib, session.memory().anonymous / 2**20 - before_mib)
    session.window(1.0)  # reads the books of those who watch
    lost = sum(session.lost.values()) + session.gaps
    return [
        *_gone_in_time(books),
        Promise("connections that nobody closed", books["open"], 0),
        Promise(
            f"first keyframe meanwhile, p99 ({VISITS - int(waited['count'])} without)",
            waited.get("p99", math.inf),
            MAX_WAIT_MS,
            "ms",
        ),
        Promise(f"memory for {began['open']} open at once", grown_mib, MAX_MEMORY_MIB, "MiB"),
        Promise("players lost, frames missing", lost, 0),
    ]


def _wait_until_gone(strangers: Child) -> dict[str, Any]:
    books: dict[str, Any] = {}
    for _ in range(MAX_LOOKS):
        books = strangers.ask("mark")
        if not books["open"]:
            break
        time.sleep(LOOK_S)
    return books


def _gone_in_time(books: Mapping[str, Any]) -> list[Promise]:
    """How long after its phase's deadline the last of each kind was gone; below zero is before it."""
    found = []
    for name, lived_s in books["lived_s"].items():
        deadline_s = DEADLINES_S.get(name, USUAL_DEADLINE_S)
        late_s = max(lived_s, default=math.inf) - deadline_s
        what = f"{name}: gone after its deadline of {deadline_s:g} s, the last of {len(lived_s)}"
        found.append(Promise(what, late_s, MAX_LATE_S, "s"))
    return found
