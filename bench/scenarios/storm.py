"""1,000 watch, 500 join in one second: newcomers have their picture at once, the others notice nothing."""

import math

from bench.dialogue import HTTP_FLV, RTMP, WEBSOCKET
from bench.promise import Promise
from bench.scenarios.targets import adaptive, fixed
from bench.session import Session, Target, typical

PLAYERS = 1000
STORM = 500
#: Enough for a p99 that is not the one unluckiest.
VISITS = 400
SECONDS = 6.0
#: The window holds the second of the storm and what it leaves behind.
STORM_SECONDS = 3.0
WINDOWS = 3

#: The storm may double the usual p99, and a p99 of a few milliseconds is allowed to become this.
LEAST_ALLOWED_MS = 20.0


def run() -> list[Promise]:
    """First keyframes of visitors for each protocol, then the storm with a fixed tick and without."""
    found = [_visits(protocol) for protocol in (HTTP_FLV, WEBSOCKET, RTMP)]
    for target in (adaptive(), fixed(100)):
        found += _storm(target)
    return found


def _visits(protocol: str) -> Promise:
    with Session(adaptive(protocol)) as session:
        session.grow_to(PLAYERS)
        session.settle()
        waited = session.visit(VISITS, 20)["waited_ms"]
    missing = VISITS - int(waited["count"])
    what = f"{protocol}: first keyframe while {PLAYERS} watch, p99 ({missing} without)"
    return Promise(what, waited.get("p99", math.inf), 50, "ms")


def _storm(target: Target) -> list[Promise]:
    with Session(target) as session:
        session.grow_to(PLAYERS)
        session.settle()
        usual = typical([session.window(SECONDS).delay_ms.get("p99", math.inf) for _ in range(WINDOWS)])
        newcomers = session.watch("bench.players")
        newcomers.tell("join", STORM, STORM)
        stormy = session.window(STORM_SECONDS).delay_ms.get("p99", math.inf)
        joined = newcomers.hear()
    limit = max(2 * usual, LEAST_ALLOWED_MS)
    return [
        Promise(
            f"{target.label}: p99 of those who watch while {STORM} join (usual {usual:.0f})",
            stormy,
            limit,
            "ms",
        ),
        Promise(f"{target.label}: newcomers refused", STORM - joined["playing"], 0),
    ]
