"""Fanlight's workers as its API shows them: their processes, and when one has taken another's place."""

import json
import time
import urllib.request
from typing import Any

from bench.servers import HOST, Server

LOOK_S = 0.01
PATIENCE_S = 30.0


def worker_pids(server: Server) -> dict[str, int]:
    """The process of each worker, by the worker's name."""
    return {worker["name"]: worker["pid"] for worker in _workers(server)}


def wait_for_successor(server: Server, name: str, pid: int) -> None:
    """Return once another process than `pid` is ready as this worker."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not any(_is_successor(worker, name, pid) for worker in _workers(server)):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"nobody has taken the place of {name}")
        time.sleep(LOOK_S)


def _is_successor(worker: dict[str, Any], name: str, pid: int) -> bool:
    return worker["name"] == name and worker["state"] == "ready" and worker["pid"] not in (None, pid)


def _workers(server: Server) -> list[dict[str, Any]]:
    url = f"http://{HOST}:{server.ports['api']}/api/v1/workers"
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        workers: list[dict[str, Any]] = json.loads(answer.read())["workers"]
    return workers
