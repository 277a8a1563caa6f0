"""h2load from Debian's nghttp2-client: asks for one address over and over, in HTTP/1.1 or HTTP/2."""

import re
import shutil
import subprocess
from typing import NamedTuple

from bench.servers import HOST

PROGRAM = "h2load"
CLIENTS = 20
#: At once on each connection of HTTP/2, as of a player that fetches a playlist and a part; HTTP/1.1 asks for
#: one after the other.
STREAMS = 2
#: Beyond the time it asks for, seconds.
PATIENCE_S = 30.0

REQUESTS = re.compile(
    r"^requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed", re.MULTILINE
)
TRAFFIC = re.compile(r"^traffic: \S+ \((\d+)\) total", re.MULTILINE)
PROTOCOL = re.compile(r"^Application protocol: (\S+)", re.MULTILINE)


class Asked(NamedTuple):
    """What came of it."""

    answers: int
    failures: int
    size_bytes: int
    protocol: str


def h2load_missing() -> str:
    """Why nothing can be measured with it here; empty if it can."""
    return "" if shutil.which(PROGRAM) else f"{PROGRAM} is not installed (scripts/bench-packages)"


def ask(port: int, uri: str, seconds: float, *, http2: bool) -> Asked:
    """Ask for `uri` over TLS for that long."""
    version = [f"-m{STREAMS}"] if http2 else ["--h1"]
    command = [PROGRAM, *version, f"-c{CLIENTS}", f"-D{seconds:g}", "-Haccept-encoding: gzip"]
    done = subprocess.run(
        [*command, f"https://{HOST}:{port}{uri}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + PATIENCE_S,
    )
    return read_report(done.stdout)


def read_report(text: str) -> Asked:
    """What h2load prints at its end. Raises ValueError for anything else."""
    requests, traffic, protocol = (found.search(text) for found in (REQUESTS, TRAFFIC, PROTOCOL))
    if requests is None or traffic is None or protocol is None:
        raise ValueError(f"no report of h2load: {text[-300:]!r}")
    return Asked(int(requests[1]), int(requests[2]), int(traffic[1]), protocol[1])
