"""20,000 spoofed SRT inductions a second: nothing is kept of them, live SRT and RTMP go on as before.

The same sender sends in the windows without a flood, to a socket that nobody reads: on two processors what it
takes itself must not be mistaken for what it does to the server.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.dialogue import RTMP
from bench.lines import Child
from bench.promise import Promise
from bench.scenarios.targets import adaptive
from bench.servers import HOST, SRT
from bench.session import Session, Window, typical
from bench.srt.stand import link_sum, publish, require_srt_tools, targets_at

RATE = 20_000
PLAYERS = 100
SRT_BPS = 2_000_000
SECONDS = 10.0
WINDOWS = 3

#: RTMP's figures may move by a tenth.
MOVED = 1.1
MAX_GROWTH_MIB = 2.0


def run() -> list[Promise]:
    """Windows with and without a flood take turns, for a machine is never quite the same."""
    require_srt_tools()
    calm: list[Window] = []
    flooded: list[Window] = []
    with Session(adaptive(RTMP)) as session, ExitStack() as running:
        publish(running, targets_at(session.server, ["live/srt"]), SRT_BPS)
        session.grow_to(PLAYERS)
        session.settle(5)
        before_mib = session.memory().anonymous / 2**20
        for _ in range(WINDOWS):
            with deaf_port() as port:
                calm.append(_flooded_window(session, port)[0])
            window, books = _flooded_window(session, session.server.ports[SRT])
            flooded.append(window)
        grown_mib = session.memory().anonymous / 2**20 - before_mib
        dropped = link_sum(session.server, "pktRcvDropTotal")
        lost = sum(session.lost.values()) + session.gaps
    return [*_moved(calm, flooded), *_kept(books, grown_mib, dropped, lost)]


@contextmanager
def deaf_port() -> Iterator[int]:
    """A UDP port where the kernel drops what it has no room for, since nobody reads."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((HOST, 0))
        yield deaf.getsockname()[1]


def _flooded_window(session: Session, port: int) -> tuple[Window, dict[str, Any]]:
    """One window while `port` is flooded; the flood's books."""
    with Child("bench.srt.flood", "--port", str(port), "--rate", str(RATE)) as flood:
        flood.hear()
        session.settle(1)
        window = session.window(SECONDS)
        books = flood.ask("mark")
    session.settle(1)
    return window, books


def _moved(calm: list[Window], flooded: list[Window]) -> list[Promise]:
    found = []
    for part in ("p50", "p99"):
        usual, now = (typical([window.delay_ms[part] for window in each]) for each in (calm, flooded))
        what = f"RTMP delay, {part}, over that without a flood ({now:.1f} and {usual:.1f} ms)"
        found.append(Promise(what, now / usual, MOVED, "x"))
    usual, now = (typical([window.bytes / window.seconds for window in each]) for each in (calm, flooded))
    cores = " and ".join(
        f"{100 * typical([window.cores for window in each]):.0f}" for each in (calm, flooded)
    )
    return [
        *found,
        Promise(f"RTMP throughput lost to a flood (server {cores} % core)", usual / now, MOVED, "x"),
    ]


def _kept(books: dict[str, Any], grown_mib: float, dropped: int, lost: int) -> list[Promise]:
    longest = books["heard_bytes"] / max(1, books["heard"])
    asked = books["sent_bytes"] / max(1, books["sent"])
    return [
        Promise(
            f"answer over question, bytes ({books['sent'] / (SECONDS + 1):.0f} questions a second)",
            longest / asked,
            1.0,
            "x",
        ),
        Promise("memory grown", grown_mib, MAX_GROWTH_MIB, "MiB"),
        Promise("SRT packets dropped", dropped, 0),
        Promise("RTMP players lost, frames missing", lost, 0),
    ]
