"""Handshakes, and the way from publisher to player over SRT, at a latency of 120 ms on loopback."""

import time
from contextlib import ExitStack
from typing import Any

from bench.dialogue import HTTP_FLV, RTMP
from bench.lines import Child
from bench.probe import summary
from bench.promise import Promise
from bench.servers import HOST, SRT, Server, fanlight
from bench.srt.call import connect
from bench.srt.stand import SETTLE_S, publish, require_srt_tools, targets_at

LATENCY_MS = 120
BITRATE_BPS = 2_000_000
CALLS = 200
CALL_GAP_S = 0.02
SECONDS = 20.0

HANDSHAKE_MS = 200
DELAY_MS = 200


def run() -> list[Promise]:
    """In over SRT and out over everything, then in over RTMP and out over SRT."""
    require_srt_tools()
    with ExitStack() as running:
        server = running.enter_context(fanlight())
        publish(running, targets_at(server, ["live/bench"], LATENCY_MS), BITRATE_BPS)
        from_srt = _delays(running, server)
        handshakes_ms = summary(_handshakes(server))
    with ExitStack() as running:
        server = running.enter_context(fanlight())
        source = Child(
            "bench.srt.rtmp_source", "--port", str(server.ports[RTMP]), "--bitrate", str(BITRATE_BPS)
        )
        running.enter_context(source).hear()
        from_rtmp = _delays(running, server)
    return [
        _promise("handshake", handshakes_ms, HANDSHAKE_MS),
        _promise("SRT to HTTP-FLV", from_srt["http"]["delay_ms"], DELAY_MS),
        _promise("RTMP to SRT", from_rtmp["srt"]["delay_ms"], DELAY_MS),
        _promise("SRT to SRT, two latencies", from_srt["srt"]["delay_ms"], DELAY_MS + LATENCY_MS),
        Promise(
            "frames missing",
            sum(seen["missing"] for run in (from_srt, from_rtmp) for seen in run.values()),
            0,
        ),
    ]


def _promise(what: str, found_ms: dict[str, float], limit_ms: float) -> Promise:
    return Promise(f"{what}: p99 (median {found_ms['p50']:.1f})", found_ms["p99"], limit_ms, "ms")


def _delays(running: ExitStack, server: Server) -> dict[str, Any]:
    time.sleep(SETTLE_S)
    ports = ("--srt", str(server.ports[SRT]), "--http", str(server.ports[HTTP_FLV]))
    probe = running.enter_context(Child("bench.srt.probe", *ports, "--latency", str(LATENCY_MS)))
    probe.hear()
    time.sleep(SETTLE_S)
    probe.ask("mark")
    time.sleep(SECONDS)
    return {name: seen for name, seen in probe.ask("mark").items() if name != "event"}


def _handshakes(server: Server) -> list[float]:
    """Milliseconds that callers wait, one after the other; they leave without a word."""
    found_ms = []
    for _ in range(CALLS):
        sock, _, seconds = connect((HOST, server.ports[SRT]), "read:live/bench")
        sock.close()
        found_ms.append(1000 * seconds)
        time.sleep(CALL_GAP_S)
    return found_ms
