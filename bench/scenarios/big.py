"""2,000 players of 4 Mbit/s, 8 Gbit/s in all, on two cores with nothing dropped."""

import math

from bench.promise import Promise
from bench.scenarios.targets import adaptive
from bench.session import Session

PLAYERS = 2000
BITRATE_BPS = 4_000_000
SECONDS = 15.0

#: Of what was published, the part that must have arrived in a window; its edges cut a tick at either end.
HELD = 0.97


def run() -> list[Promise]:
    """What was delivered, and what was lost on the way."""
    with Session(adaptive(), BITRATE_BPS) as session:
        session.grow_to(PLAYERS)
        session.settle(5)
        window = session.window(SECONDS)
    expected = PLAYERS * BITRATE_BPS / 8 * window.seconds
    return [
        Promise("part of 8 Gbit/s that did not arrive", 1 - window.bytes / expected, 1 - HELD),
        Promise("part that the worst player is short of the median", 1 - window.least_share, 1 - HELD),
        Promise("players lost", sum(session.lost.values()), 0),
        Promise("frames missing at the probes", session.gaps, 0),
        Promise("delay, p99", window.delay_ms.get("p99", math.inf), 120, "ms"),
    ]
