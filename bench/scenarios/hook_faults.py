"""A hook service hangs, resets, fails, drips, redirects, sends a gigabyte: who watches notices nothing.

Players and encoders come and go all the while, so that decisions and events go to the service. Each fault has
a window, and right before it one with a healthy service and the same coming and going; in between everything
that was queued is delivered. A certificate that nobody has signed is a fault as well.
"""

import math
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench import cpu, servers
from bench.dialogue import HTTP_FLV, RTMP
from bench.hook_service import HEALTHY, MOODS
from bench.lines import Child
from bench.metrics_text import samples, scrape
from bench.promise import Promise
from bench.servers import HOST
from bench.session import SETTLE_S, Session, Target, Window, typical
from bench.workers import worker_pids

CERTIFICATE = "certificate"
FAULTS = (*(mood for mood in MOODS if mood != HEALTHY), CERTIFICATE)

PLAYERS = 100
SECONDS = 6.0
ROUNDS = 5
COMING_PER_S = 4.0
"""Visits of players, and as many of encoders: a breaker opens after five failures, so in each window."""

TIMEOUT_S = 1.0
#: The fan-out's figures, and the time for a decision, may move by a tenth.
MOVED = 1.1
PATIENCE_S = 90.0
LOOK_S = 0.2
RELOAD_S = 1.0


class Outing(NamedTuple):
    """One window, and what became of those who came and went in it."""

    window: Window
    #: Processor time of the workers for players.
    fanout_s: float
    visits: int
    visited: Mapping[str, Any]
    knocked: Mapping[str, Any]
    #: Breakers that opened.
    trips: float

    @property
    def cost(self) -> float:
        """Seconds of fan-out per byte."""
        return self.fanout_s / max(1, self.window.bytes)


class Stage:
    """An engine that people watch, and its hook service."""

    def __init__(self, session: Session, service: Child, ports: Mapping[str, int]) -> None:
        self.session = session
        self.service = service
        self._ports = ports
        self._config = session.server.folder / "fanlight.toml"
        self._visitors = session.watch("bench.probe", "--count", "0")
        self._encoders = session.spawn("bench.knocks", "--port", str(session.server.ports[RTMP]))
        self._encoders.hear()

    def outing(self, fault: str, seconds: float) -> Outing:
        """A window with the service in this mood."""
        self._turn(fault)
        visits, before_s, trips = max(1, round(seconds * COMING_PER_S)), self._fanout_s(), self._trips()
        self._visitors.tell("join", visits, COMING_PER_S)
        self._encoders.tell("knock", visits, COMING_PER_S)
        window = self.session.window(seconds)
        fanout_s = self._fanout_s() - before_s
        visited, knocked = (child.hear(PATIENCE_S) for child in (self._visitors, self._encoders))
        return Outing(window, fanout_s, visits, visited, knocked, self._trips() - trips)

    def recover(self) -> bool:
        """Have the service healthy and everything delivered, breakers closed; whether that came to pass."""
        self._turn(HEALTHY)
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            # The breaker of decisions closes when somebody asks.
            if self._encoders.ask("knock", 1, 1 / LOOK_S)["let_in"] and not self._queued():
                return True
        return False

    def lost_events(self) -> float:
        """Events that were given up; not those whose address was taken away with its certificate."""
        return self._sum("fanlight_hook_events_total", 'result="dropped"', 'result="refused"')

    def _turn(self, mood: str) -> None:
        """Change the service, or for a wrong certificate its address."""
        scheme = "https" if mood == CERTIFICATE else "http"
        text = self._config.read_text()
        begin, _, rest = text.partition('hooks.url = "')
        url, _, rest = rest.partition('"')
        if url != url_of(scheme, self._ports):
            self._config.write_text(f'{begin}hooks.url = "{url_of(scheme, self._ports)}"{rest}')
            os.kill(self.session.server.pid, signal.SIGHUP)
            time.sleep(RELOAD_S)
        self.service.ask("mood", HEALTHY if mood == CERTIFICATE else mood)

    def _fanout_s(self) -> float:
        pids = worker_pids(self.session.server)
        return sum(cpu.process_s(pid) for name, pid in pids.items() if name.startswith("fanout"))

    def _trips(self) -> float:
        return self._sum("fanlight_breaker_transitions_total", 'to="open"')

    def _queued(self) -> float:
        return self._sum("fanlight_hook_queue_events", "")

    def _sum(self, name: str, *labels: str) -> float:
        """Of a metric's samples, those with one of these labels."""
        found = samples(scrape(self.session.server))
        wanted = (key for key in found if key.startswith(name) and any(label in key for label in labels))
        return sum(found[key] for key in wanted)


def url_of(scheme: str, ports: Mapping[str, int]) -> str:
    """Where the service is."""
    return f"{scheme}://{HOST}:{ports[scheme]}/hook"


@contextmanager
def stage(players: int, settle_s: float = SETTLE_S) -> Iterator[Stage]:
    """Players watch, and the service is healthy."""
    with (
        tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder,
        Child("bench.hook_service", "--folder", folder) as service,
    ):
        ports = service.hear()
        extra = hooks_lines(ports, Path(folder))
        with Session(Target("fanlight", HTTP_FLV, lambda: servers.fanlight(extra=extra))) as session:
            session.grow_to(players)
            made = Stage(session, service, ports)
            session.settle(settle_s)
            yield made


def hooks_lines(ports: Mapping[str, int], folder: Path) -> str:
    """What the configuration says of hooks. Who leaves is gone at once: each encoder is a new stream."""
    lines = [
        f'hooks.url = "{url_of("http", ports)}"',
        f"hooks.timeout_s = {TIMEOUT_S:g}",
        f'hooks.folder = "{folder / "hooks"}"',
        f'outgoing.allow = ["{HOST}/32"]',
        "publish.grace_s = 0",
    ]
    return "\n".join(lines) + "\n"


def run(players: int = PLAYERS, seconds: float = SECONDS) -> list[Promise]:
    """Each fault some times, for a machine is never quite the same."""
    pairs: dict[str, list[tuple[Outing, Outing]]] = {fault: [] for fault in FAULTS}
    undelivered = 0
    with stage(players) as made:
        for _ in range(ROUNDS):
            for fault in FAULTS:
                calm = made.outing(HEALTHY, seconds)
                pairs[fault].append((calm, made.outing(fault, seconds)))
                undelivered += not made.recover()
        lost = sum(made.session.lost.values()) + made.session.gaps
        lost_events = made.lost_events()
    return [
        *(promise for fault, outings in pairs.items() for promise in promises_of(fault, outings)),
        Promise("faults after which the queue was not empty again", undelivered, 0),
        Promise("events given up", lost_events, 0),
        Promise("players lost, frames missing", lost, 0),
    ]


def promises_of(fault: str, pairs: Sequence[tuple[Outing, Outing]]) -> list[Promise]:
    """What this fault did to those who watched, and to those who came."""
    faulty = [outing for _, outing in pairs]
    return [
        *_unmoved(fault, pairs),
        Promise(f"{fault}: publishers let in", sum(one.knocked["let_in"] for one in faulty), 0),
        Promise(
            f"{fault}: a publisher's wait for its answer, worst",
            max(one.knocked["waited_ms"]["max"] for one in faulty),
            1e3 * TIMEOUT_S * MOVED,
            "ms",
        ),
        Promise(
            f"{fault}: newcomers without a picture",
            sum(one.visits - one.visited["waited_ms"]["count"] for one in faulty),
            0,
        ),
        Promise(f"{fault}: windows in which no breaker opened", sum(not one.trips for one in faulty), 0),
    ]


def _unmoved(fault: str, pairs: Sequence[tuple[Outing, Outing]]) -> list[Promise]:
    """The fan-out's figures over those with a healthy service."""
    ratios = {
        "fan-out's processor time per byte": [bad.cost / calm.cost for calm, bad in pairs],
        "delay, p50": [_delay(bad, "p50") / _delay(calm, "p50") for calm, bad in pairs],
        "delay, p99": [_delay(bad, "p99") / _delay(calm, "p99") for calm, bad in pairs],
        "throughput lost": [_bytes_per_s(calm) / _bytes_per_s(bad) for calm, bad in pairs],
    }
    return [Promise(f"{fault}: {what}", typical(each), MOVED, "x") for what, each in ratios.items()]


def _delay(outing: Outing, part: str) -> float:
    return outing.window.delay_ms.get(part, math.inf)


def _bytes_per_s(outing: Outing) -> float:
    return outing.window.bytes / outing.window.seconds
