"""One server under load: started, published to, watched by a growing crowd, and measured in windows."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple, Self

from bench import cpu
from bench.dialogue import RTMP
from bench.lines import Child
from bench.servers import Server

BITRATE_BPS = 1_000_000
GB = 1e9

#: Players that read everything; they are counted among the players. Two stand in front of the crowd, which a
#: server serves in some order, and two behind it.
PROBES = 4

#: Long enough for joins to be over and for an adaptive tick to have found its place.
SETTLE_S = 2.0


class Window(NamedTuple):
    """What happened between two readings."""

    players: int
    seconds: float
    server_s: float
    receiver_s: float
    machine_s: float
    bytes: int
    #: Of what the median player got, the part that the one with least got.
    least_share: float
    delay_ms: dict[str, float]
    #: Processes of the server that ended meanwhile; their time is not in the books.
    ended: int

    @property
    def cores(self) -> float:
        """Processors the server kept busy."""
        return self.server_s / self.seconds


class Target(NamedTuple):
    """What is measured: a server, and the protocol it is watched over."""

    label: str
    protocol: str
    start: Callable[[], Server]
    #: The fixed tick, if it has one: what it is compared by.
    tick_ms: int | None = None
    #: The floor makes its stream itself.
    publishes: bool = True
    #: Processes that send.
    senders: int = 1


class Session:
    """A target under load, as a context manager."""

    def __init__(self, target: Target, bitrate_bps: int = BITRATE_BPS, streams: int = 1) -> None:
        self.target = target
        self.server = target.start()
        self._children: list[Child] = []
        self._crowd: Child | None = None
        self._probes: Child | None = None
        self.publisher: Child | None = None
        self.players = 0
        self.lost: dict[str, Any] = {}
        self.gaps = self.repeats = 0
        try:
            if target.publishes:
                self.publisher = self.publish_more("bench", streams, bitrate_bps)
        except BaseException:
            self.close()
            raise

    def publish_more(self, name: str, streams: int, bitrate_bps: int) -> Child:
        """Publish one stream called `name`, or several that are numbered."""
        port = self.server.ports[RTMP]
        arguments = {"port": port, "bitrate": bitrate_bps, "name": name, "count": streams}
        child = self.spawn("bench.publisher", *(f"--{key}={value}" for key, value in arguments.items()))
        answer = child.hear()
        if answer["event"] != "publishing":
            raise RuntimeError(f"{self.target.label}: {answer}")
        return child

    def spawn(self, module: str, *arguments: str) -> Child:
        """Start a process that ends with the session."""
        child = Child(module, *arguments)
        self._children.append(child)
        return child

    def watch(self, module: str, *arguments: str, protocol: str = "") -> Child:
        """Start players or probes of the target."""
        protocol = protocol or self.target.protocol
        port = self.server.ports[protocol]
        child = self.spawn(module, "--port", str(port), "--protocol", protocol, *arguments)
        child.hear()
        return child

    def grow_to(self, players: int, rate: float = 500.0, *, probes: int = PROBES) -> dict[str, Any]:
        """Let players join until there are `players`, probes among them; the crowd's answer."""
        if players <= 0:
            return {}
        if self._crowd is None:
            self._crowd = self.watch("bench.players")
        if self._probes is None and probes:
            self._probes = self.watch("bench.probe", "--count", str(probes))
            self.players += probes
        joining = max(0, players - self.players)
        answer = self._crowd.ask("join", joining, rate, timeout_s=joining / rate + 60)
        self.players += joining
        if self._probes is not None:
            self._probes.ask("renew")
        return answer

    def settle(self, seconds: float = SETTLE_S) -> None:
        """Let things come to rest."""
        time.sleep(seconds)

    def window(self, seconds: float) -> Window:
        """Measure for that long."""
        crowd_before, probes_before = self._mark(self._crowd), self._mark(self._probes)
        before, processes = cpu.read(self.server.pid), set(cpu.tree(self.server.pid))
        time.sleep(seconds)
        after = cpu.read(self.server.pid)
        crowd, probes = self._mark(self._crowd), self._mark(self._probes)
        self.lost = {**crowd.get("lost", {}), **Counter(f"probe: {why}" for why in probes.get("lost", ()))}
        self.gaps, self.repeats = probes.get("gaps", 0), probes.get("repeats", 0)
        return Window(
            players=self.players,
            seconds=after.at_s - before.at_s,
            server_s=after.tree_s - before.tree_s,
            receiver_s=crowd.get("cpu_s", 0.0) - crowd_before.get("cpu_s", 0.0),
            machine_s=after.machine_s - before.machine_s,
            bytes=crowd.get("bytes", 0) + probes.get("bytes", 0) - probes_before.get("bytes", 0),
            least_share=crowd["least"] / max(1, crowd["median"]) if crowd else 1.0,
            delay_ms=probes.get("delay_ms", {}),
            ended=len(processes - set(cpu.tree(self.server.pid))),
        )

    def visit(self, count: int, rate: float) -> dict[str, Any]:
        """Short visits of players that leave at their first keyframe; how long they waited for it."""
        assert self._probes is not None
        return self._probes.ask("join", count, rate, timeout_s=count / rate + 60)

    def memory(self) -> cpu.Memory:
        """Of the server's tree, now."""
        return cpu.memory(self.server.pid)

    @staticmethod
    def _mark(child: Child | None) -> dict[str, Any]:
        return child.ask("mark") if child is not None else {}

    def close(self) -> None:
        """End the players first, then the publisher, then the server."""
        for child in reversed(self._children):
            child.close()
        self.server.stop()
        if not self.lost and not self.gaps:
            self.server.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def typical(values: Sequence[float]) -> float:
    """The median, or 0 where nothing was measured."""
    return median(values) if values else 0.0
