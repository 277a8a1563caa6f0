"""An SRT port without an engine around it: what it decides, says and counts is recorded."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import trio

from engine.config import Config, Srt, for_path
from engine.config.tree import SrtMode
from engine.protocols.srt.caller import Call, Caller
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.negotiated import Negotiated
from tests.engine.srt.handshakes import call
from workers.fanout.guard import Guard
from workers.fanout.srt_port import Address, SrtPort
from workers.fanout.visits import Visits
from workers.runtime.circle import now_us
from workers.runtime.gate import Gate
from workers.runtime.slots import WorkerSlot

SECRET = b"secret of the port, 32 bytes long"
SLOTS = (WorkerSlot(0, "ingest", 0), WorkerSlot(1, "fanout", 0))
STRANGER: Address = ("192.0.2.1", 4000)


class Mouth:
    """A socket that only speaks, and remembers what it said to whom."""

    family = socket.AF_INET

    def __init__(self) -> None:
        self.said: list[tuple[bytes, Address]] = []

    def sendto(self, datagram: bytes, address: Address) -> None:
        self.said.append((datagram, address))


class Report:
    """Counts as the port tells them."""

    def __init__(self) -> None:
        self.srt_inductions = 0
        self.results: Counter[str] = Counter()
        self.took_s: list[tuple[str, float]] = []
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.turned_away: Counter[str] = Counter()
        self.connections: Counter[str] = Counter()

    def srt_handshake(self, result: str) -> None:
        self.results[result] += 1

    def srt_accepted(self, role: str, seconds: float) -> None:
        self.srt_handshake("accepted")
        self.took_s.append((role, seconds))

    @contextmanager
    def connection(self, protocol: str) -> Iterator[None]:
        self.connections[protocol] += 1
        yield

    def handshake_failed(self, protocol: str, reason: str) -> None:
        self.turned_away[reason] += 1

    def publish_refused(self, protocol: str, reason: str) -> None:
        self.refusals["publish", reason] += 1

    def play_refused(self, protocol: str, reason: str) -> None:
        self.refusals["play", reason] += 1


class Log:
    """Events by name, and what lines say."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.lines: list[dict[str, object]] = []

    def info(self, event: str, **fields: object) -> None:
        self.events[event] += 1
        self.lines.append({"event": event, **fields})

    exception = warning = info


class PortStage:
    """A port and what it reports. `publishers` are those that were handed over, with their sockets."""

    def __init__(
        self, nursery: trio.Nursery, sock: socket.socket | None = None, default_mode: SrtMode = "publish"
    ) -> None:
        self.mouth = Mouth()
        self.report, self.log = Report(), Log()
        self.publishers: list[tuple[str, Negotiated, socket.socket]] = []
        config = Config(srt=Srt(default_mode=default_mode))
        hub = SimpleNamespace(
            settings_for=lambda name: for_path(config, name), find=lambda name: None, wait_for=self._wait_for
        )
        worker = SimpleNamespace(
            tracer=None,
            srt_secret=SECRET,
            config=config,
            log=self.log,
            directory=SimpleNamespace(live_count=lambda: 0, find=lambda name: None),
            slot=SLOTS[1],
            slots=SLOTS,
        )
        visits = Visits(None, hub.settings_for, cast("Any", self.log))
        self.guard = Guard.open()
        self.audience = SimpleNamespace(
            worker=worker,
            hub=hub,
            report=self.report,
            visits=visits,
            guard=self.guard,
            gate=Gate(config),
        )
        self.port = SrtPort(cast("Any", self.audience), cast("Any", sock or self.mouth), "", nursery)
        self.waiting = 0

    async def _wait_for(self, name: str, seconds: float) -> None:
        self.waiting += 1
        await trio.sleep(seconds)

    def ask(self, datagram: bytes, address: Address = STRANGER) -> list[bytes]:
        """What the port answers to one datagram at once."""
        before = len(self.mouth.said)
        self.port._take(datagram, address)
        answers = self.mouth.said[before:]
        assert all(to == address for _, to in answers)
        return [answer for answer, _ in answers]

    @property
    def exchanges(self) -> int:
        """How many attempts the port remembers."""
        return self.port._listener.exchanges


def induction(wanted: Call | None = None) -> bytes:
    (datagram,) = Caller(wanted or call(), Peer("192.0.2.9", 1), now_us()).poll(now_us())
    return datagram


def conclusion(stage: PortStage, wanted: Call, address: Address = STRANGER) -> bytes:
    """What a caller at this address says once it has its cookie."""
    caller = Caller(wanted, Peer("192.0.2.9", 1), now_us())
    (first,) = caller.poll(now_us())
    (answer,) = stage.ask(first, address)
    caller.receive(answer, now_us())
    (second,) = caller.poll(now_us())
    return second
