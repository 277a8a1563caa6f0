"""Workers are killed and stopped: who is let in when, when the picture is back, and who notices."""

import os
import signal
import socket
import time

from bench import servers
from bench.dialogue import HTTP_FLV
from bench.promise import Promise
from bench.returning import Scene
from bench.scenarios.targets import brakeless
from bench.servers import HOST, Server
from bench.session import Session
from bench.stream import GOP_S
from bench.wire import http
from bench.workers import wait_for_successor, worker_pids

PLAYERS = 400
PROBES = 8
KILLS = 20
#: Newcomers in the moment of a death: the kernel deals them out to all workers, to the dead one's queue too.
NEWCOMERS = 16
PATIENCE_S = 10.0

ACCEPTS_MS = 300.0
REPLACED_S = 5.0


def run() -> list[Promise]:
    """Deaths of fanout under load, deaths of ingest before players of each kind, and stopped workers."""
    return [*_fanout_killed(), *_ingest_killed(), *(_stopped(worker) for worker in ("fanout1", "ingest0"))]


def _fanout_killed() -> list[Promise]:
    with Session(brakeless()) as session:
        probes, crowd = session.watch("bench.probe", "--count", str(PROBES)), session.watch("bench.players")
        waits_ms, lost = [], []
        for kill in range(KILLS):
            crowd.ask("join", PLAYERS if not kill else PLAYERS // 2, PLAYERS)
            os.kill(worker_pids(session.server)["fanout1"], signal.SIGKILL)
            waits_ms.append(_last_answer_ms(session.server))
            session.settle(0.2)
            seen = probes.ask("mark")
            lost.append(len(seen["lost"]))  # from the second death on, all probes are with the other worker
    return [
        Promise(f"fanout killed {KILLS} times: newcomers answered, worst", max(waits_ms), ACCEPTS_MS, "ms"),
        Promise("frames missing at players of the other worker", seen["gaps"] + seen["repeats"], 0),
        Promise("players of the other worker lost", lost[-1] - lost[0], 0),
    ]


def _last_answer_ms(server: Server) -> float:
    """How long it takes until each of a group of newcomers has its answer."""
    began_s = time.monotonic()
    address = (HOST, server.ports[HTTP_FLV])
    newcomers = [socket.create_connection(address, PATIENCE_S) for _ in range(NEWCOMERS)]
    for newcomer in newcomers:
        newcomer.sendall(http.get_request("/live/bench.flv", HOST))
    answers = [newcomer.recv(64) for newcomer in newcomers]
    waited_s = time.monotonic() - began_s
    for newcomer in newcomers:
        newcomer.close()
    return waited_s * 1e3 if all(b" 200 " in answer for answer in answers) else float("inf")


def _ingest_killed() -> list[Promise]:
    with servers.fanlight(extra=servers.NO_BRAKE) as server:
        scene = Scene(server)
        scene.play(1.0)
        after_return_ms, after_death_ms = [], []
        for _ in range(KILLS):
            killed_ns = time.monotonic_ns()
            os.kill(worker_pids(server)["ingest0"], signal.SIGKILL)
            picture_ns = scene.wait_for_pictures(killed_ns, PATIENCE_S)
            after_return_ms.append((picture_ns - scene.returned_ns) / 1e6)
            after_death_ms.append((picture_ns - killed_ns) / 1e6)
            scene.play(0.3)
        scene.close()
    since_death = f"{max(after_death_ms):.0f} ms after the death"
    what = f"ingest killed {KILLS} times: picture back after the publisher, worst ({since_death})"
    return [
        Promise(what, max(after_return_ms), GOP_S * 1e3, "ms"),
        Promise("players lost", scene.lost, 0),
    ]


def _stopped(worker: str) -> Promise:
    with servers.fanlight() as server:
        time.sleep(1.0)
        stopped = worker_pids(server)[worker]
        began_s = time.monotonic()
        os.kill(stopped, signal.SIGSTOP)
        wait_for_successor(server, worker, stopped)
        return Promise(f"{worker} stopped: replaced after", time.monotonic() - began_s, REPLACED_S, "s")
