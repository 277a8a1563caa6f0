"""From the publisher's socket to the player's: one player, median at most 5 ms."""

import math

from bench.dialogue import PROTOCOLS
from bench.promise import Promise
from bench.scenarios.targets import adaptive
from bench.session import Session

SECONDS = 10.0


def run() -> list[Promise]:
    """For each protocol."""
    return [_one(protocol) for protocol in PROTOCOLS]


def _one(protocol: str) -> Promise:
    with Session(adaptive(protocol)) as session:
        session.grow_to(1, probes=1)
        session.settle()
        delay_ms = session.window(SECONDS).delay_ms
    what = f"{protocol}: one player, median (p99 {delay_ms.get('p99', math.inf):.1f})"
    return Promise(what, delay_ms.get("p50", math.inf), 5, "ms")
