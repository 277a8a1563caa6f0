"""What all SRT scenarios set up: libsrt senders with films behind them, and counts of processor time."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

from bench import cpu
from bench.lines import Child
from bench.servers import SRT, Server, free_udp_port
from bench.srt.links import streams
from bench.srt.tools import Transmit, sender, srt_tools_missing

GB = 1e9
CONNECT_S = 2.0
SETTLE_S = 3.0


def require_srt_tools() -> None:
    """End the program with the reason if libsrt's tools are not there."""
    if srt_tools_missing():
        raise SystemExit(srt_tools_missing())


def publish(running: ExitStack, targets: Sequence[str], bitrate_bps: int) -> tuple[Child, list[Transmit]]:
    """A libsrt sender for each target ("port?options"), and the source of their films."""
    ports = [free_udp_port() for _ in targets]
    senders = [running.enter_context(sender(port, to)) for port, to in zip(ports, targets, strict=True)]
    time.sleep(CONNECT_S)
    if not all(each.running for each in senders):
        raise RuntimeError("a libsrt sender did not connect")
    joined = ",".join(map(str, ports))
    source = running.enter_context(
        Child("bench.srt.source", "--ports", joined, "--bitrate", str(bitrate_bps))
    )
    source.hear()
    return source, senders


def targets_at(server: Server, names: Sequence[str], latency_ms: int = 120) -> list[str]:
    """Where to publish these streams."""
    return [f"{server.ports[SRT]}?streamid=publish:{name}&latency={latency_ms}" for name in names]


class Meter:
    """Processor time of a server, or of some tools, since it was made or restarted."""

    def __init__(self, server: Server | None = None, tools: Sequence[Transmit] = ()) -> None:
        self._server, self._tools = server, tools
        self.restart()

    def restart(self) -> None:
        """Count from now."""
        self._begin_s, self._before_s = time.monotonic(), self._cpu_s()

    def read(self) -> tuple[float, float]:
        """(seconds of processor time, seconds that passed)."""
        return self._cpu_s() - self._before_s, time.monotonic() - self._begin_s

    def _cpu_s(self) -> float:
        own_s = cpu.read(self._server.pid).tree_s if self._server else 0.0
        return own_s + sum(tool.cpu_s() for tool in self._tools)


def link_sum(server: Server, field: str) -> int:
    """A figure of the links of all streams, added up."""
    links = [stream["link"] for stream in streams(server).values() if stream["link"]]
    return sum(int(link[field]) for link in links)
