"""50 publishers at 4 Mbit/s with a player each are held."""

import math

from bench.promise import Promise
from bench.scenarios.targets import adaptive
from bench.session import Session

STREAMS = 50
BITRATE_BPS = 4_000_000
SECONDS = 15.0


def run() -> list[Promise]:
    """Every player reads its whole stream and counts what is missing."""
    with Session(adaptive(), BITRATE_BPS, STREAMS) as session:
        probes = session.watch("bench.probe", "--count", str(STREAMS), "--streams", str(STREAMS))
        session.settle(5)
        assert session.publisher is not None
        session.publisher.ask("mark")
        before = probes.ask("mark")
        session.settle(SECONDS)
        after, publisher = probes.ask("mark"), session.publisher.ask("mark")
    rate_bps = (after["bytes"] - before["bytes"]) * 8 / SECONDS
    return [
        Promise("part of 200 Mbit/s that did not arrive", 1 - rate_bps / (STREAMS * BITRATE_BPS), 0.03),
        Promise("frames missing", after["gaps"] + after["repeats"], 0),
        Promise("players lost", len(after["lost"]), 0),
        Promise("delay, median", after["delay_ms"].get("p50", math.inf), 20, "ms"),
        Promise("publisher's own lateness, worst", publisher["late_ms"], 500, "ms"),
    ]
