"""Debian's Prometheus and Alertmanager on ports of their own, with the committed files in quick motion.

Everything that lasts in rules and routes (intervals, windows, `for`) is divided by `QUICKER`, so that what
takes minutes there takes seconds here, and is the same otherwise.
"""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from tests.e2e.children import ended, start
from tests.monitoring.committed import ALERTMANAGER, PROMETHEUS, RULE_FILES

QUICKER: Final = 20
SCRAPE_S: Final = 1
READY_TIMEOUT_S: Final = 30.0
LOOK_S: Final = 0.05
TRIES: Final = 5  # a port that was free a moment ago may be taken by the time it is bound

_LASTING: Final = re.compile(r"(?<=\[)\d+[smhd](?=\])|(?<=offset )\d+[smhd]")
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TIMES: Final = ("interval", "for", "group_wait", "group_interval", "repeat_interval", "resolve_timeout")


def quicker(duration: str) -> str:
    """A duration in quick motion, at least one scrape of it."""
    milliseconds = int(duration[:-1]) * _UNIT_S[duration[-1]] * 1000 // QUICKER
    return f"{max(SCRAPE_S * 1000, milliseconds)}ms"


def quickened(words: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """The same configuration or rules in quick motion: whatever lasts, wherever it stands."""
    if isinstance(words, list):
        return [quickened(word) for word in words]
    if not isinstance(words, dict):
        return words
    return {key: _quickened_value(key, value) for key, value in words.items()}


def _quickened_value(key: str, value: Any) -> Any:  # noqa: ANN401 - the same
    if key in _TIMES and isinstance(value, str):
        return quicker(value)
    if key == "expr":
        return _LASTING.sub(lambda found: quicker(found[0]), value)
    return quickened(value)


def write_rules(folder: Path) -> None:
    """The committed rules in quick motion; groups that have no interval take Prometheus's."""
    for file in RULE_FILES:
        words = yaml.safe_load(file.read_text())
        (folder / file.name).write_text(yaml.safe_dump(quickened(words), sort_keys=False))


class Server:
    """One of the two, on a free port."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Ask its API; raises AssertionError with what it says where it refuses."""
        url = f"http://{self.address}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=READY_TIMEOUT_S) as answer:
                answer_of: dict[str, Any] = json.loads(answer.read())
                return answer_of
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{query}: {refusal.read().decode()}") from None

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Evaluate an expression now; gives the series of the answer."""
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=expr)["data"]["result"]
        return result

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=READY_TIMEOUT_S):
                return True
        except OSError:
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def served(*command: str | Path) -> Iterator[Server]:
    """Run a server until the block ends; it is ready when the block begins."""
    said = b""
    for _ in range(TRIES):
        server = Server(free_port())
        child = start([*command, f"--web.listen-address={server.address}", "--log.level=error"])
        if wait_until_ready(server, child):
            with ended(child):
                yield server
            return
        _, said = child.communicate()
    raise AssertionError(f"{command[0]} has ended: {said.decode()}")


def wait_until_ready(server: Server, child: subprocess.Popen[bytes]) -> bool:
    """Whether it answers. Where it has ended, who answers is another one that was quicker at the port."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while child.poll() is None:
        if server.is_ready():
            return child.poll() is None
        assert time.monotonic() < deadline, "it neither answers nor ends"
        time.sleep(LOOK_S)
    return False


@contextmanager
def prometheus(folder: Path, engine: str, alertmanager: str | None = None) -> Iterator[Server]:
    """A Prometheus with the committed configuration that scrapes this engine, address and port."""
    (folder / "rules").mkdir(parents=True)
    (folder / "targets").mkdir()
    words = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    interval = f"{SCRAPE_S}s"
    words["global"] = {
        "scrape_interval": interval,
        "scrape_timeout": interval,
        "evaluation_interval": interval,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(words))
    write_rules(folder / "rules")
    write_targets(folder / "targets" / "fanlight.yml", [engine])
    write_targets(folder / "targets" / "alertmanager.yml", [alertmanager] if alertmanager else [])
    config = f"--config.file={folder / 'prometheus.yml'}"
    with served("prometheus", config, f"--storage.tsdb.path={folder / 'data'}") as server:
        yield server


def write_targets(path: Path, addresses: list[str]) -> None:
    path.write_text(yaml.safe_dump([{"targets": addresses}]))


@contextmanager
def alertmanager(folder: Path, receiver_url: str) -> Iterator[Server]:
    """An Alertmanager with the committed routes; each receiver is a webhook, `receiver_url`/NAME."""
    folder.mkdir()
    shutil.copytree(ALERTMANAGER / "templates", folder / "templates")
    words = quickened(yaml.safe_load((ALERTMANAGER / "alertmanager.yml").read_text()))
    words["global"] = {}
    words["receivers"] = [
        {
            "name": receiver["name"],
            "webhook_configs": [{"url": f"{receiver_url}/{receiver['name']}", "send_resolved": True}],
        }
        for receiver in words["receivers"]
    ]
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(words))
    command = (
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        "--cluster.listen-address=",
    )
    with served(*command) as server:
        yield server
