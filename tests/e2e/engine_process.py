"""A whole engine as a test's subject: the real command, its own configuration, ports chosen by the kernel."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

from tests.e2e.engine_log import EngineLog

READY_TIMEOUT_S: Final = 30.0  # a loaded machine; else it is one
STOP_TIMEOUT_S: Final = 40.0
REQUEST_TIMEOUT_S: Final = 10.0
POLL_S: Final = 0.02
PR_SET_PDEATHSIG: Final = 1

Settings = dict[str, dict[str, object]]

# Short waits, so that a test's end is not the grace of a publisher who will not return.
SETTINGS: Final[Settings] = {
    "rtmp": {"listen": "127.0.0.1:0"},
    "http": {"listen": "127.0.0.1:0"},
    "srt": {"listen": "127.0.0.1:0"},
    "api": {"listen": "127.0.0.1:0"},
    "metrics": {"listen": "127.0.0.1:0"},
    "workers": {"fanout": 2, "drain_s": 5.0},
    "publish": {"grace_s": 1.0},
    "play": {"wait_s": 20.0},
    "overload": {"enabled": False},  # what a loaded machine decides is not for tests to judge
    "log": {"format": "json", "level": "debug"},
}

_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Run in the child: a test run that is killed leaves no engine behind.

    And Ctrl-C is heard however the tests were begun: a shell's background jobs ignore it, and hand that on.
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def to_toml(settings: Settings) -> str:
    """Write sections of plain values; JSON's strings, numbers, booleans and lists are TOML's too."""
    sections = []
    for name, values in settings.items():
        rows = "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        sections.append(f"[{name}]\n{rows}")
    return "\n".join(sections)


class RunningEngine:
    """`fanlight serve` from ready to gone.

    As a context manager it stops the engine with SIGTERM at the end and asserts that it left cleanly.
    `settings` are laid over `SETTINGS`, section by section; a section name may be `paths."live/*"`.
    `prefix` is a program that becomes the engine, with its first arguments; `environ` is this process's if
    not given.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings | None = None,
        *,
        prefix: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        extra = settings or {}
        sections = {name: SETTINGS.get(name, {}) | extra.get(name, {}) for name in SETTINGS | extra}
        self.config_path = folder / "fanlight.toml"
        self.config_path.write_text(to_toml(sections))
        self.process = subprocess.Popen(
            [*prefix, Path(sys.executable).with_name("fanlight"), "serve", "--config", self.config_path],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # a crash dump stands among the lines, and one reader is enough
            preexec_fn=die_with_parent,
        )
        assert self.process.stdout is not None
        self.log = EngineLog(self.process.stdout)
        self.addresses: dict[str, str] = {}
        self.srt_ports: dict[str, str] = {}
        """Addresses of SRT ports that stand for a stream, by the stream's name."""

    def __enter__(self) -> Self:
        try:
            self._become_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def _become_ready(self) -> None:
        listening = self.log.wait_for("listening", timeout_s=READY_TIMEOUT_S)
        kinds = ("rtmp", "http", "rtmps", "https", "srt", "api", "metrics")
        self.addresses = {kind: str(listening[kind]) for kind in kinds if kind in listening}
        streams = listening.get("srt_ports")
        self.srt_ports = streams if isinstance(streams, dict) else {}
        self.wait_ready()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
            print(self.log)
        else:
            self.stop()

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return once /readyz answers 200."""
        deadline = time.monotonic() + timeout_s
        while self.status(f"http://{self.addresses['metrics']}/readyz") != 200:
            assert self.process.poll() is None, f"the engine ended with {self.process.returncode}\n{self.log}"
            assert time.monotonic() < deadline, f"not ready within {timeout_s} s\n{self.log}"
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ask the engine to end, and assert that every process of it did, with exit code 0."""
        self.process.terminate()
        assert self.process.wait(STOP_TIMEOUT_S) == 0, f"exit code {self.process.returncode}\n{self.log}"
        self.log.close()

    def kill(self) -> None:
        """End it at any price: for a test that has failed already."""
        for pid in [self.process.pid, *self.children()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def rtmp_url(self, name: str) -> str:
        return f"rtmp://{self.addresses['rtmp']}/{name}"

    def http_url(self, name: str) -> str:
        return f"http://{self.addresses['http']}/{name}.flv"

    def ws_url(self, name: str) -> str:
        return f"ws://{self.addresses['http']}/{name}.flv"

    def srt_url(self, name: str, mode: str = "publish", **options: object) -> str:
        """Say where to publish (`mode` "publish") or play ("request"); `options` are libsrt's in a URL."""
        query = {"streamid": f"#!::r={name},m={mode}", **options}
        return f"srt://{self.addresses['srt']}?{urlencode(query)}"

    def api_url(self, path: str) -> str:
        return f"http://{self.addresses['api']}/api/v1/{path}"

    def api(self, path: str, *, method: str = "GET") -> dict[str, Any]:
        """Ask the API for `path` below /api/v1/; gives the JSON answer, {} where there is none."""
        request = urllib.request.Request(self.api_url(path), method=method)
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:
            body = answer.read()
        answer_of: dict[str, Any] = json.loads(body or "{}")
        return answer_of

    def metrics(self) -> str:
        """Fetch the text of /metrics."""
        url = f"http://{self.addresses['metrics']}/metrics"
        with urllib.request.urlopen(url, timeout=REQUEST_TIMEOUT_S) as answer:
            return bytes(answer.read()).decode()

    def status(self, url: str) -> int | None:
        """Ask for a URL; gives the status of the answer, None if nobody answered."""
        try:
            with urllib.request.urlopen(url, timeout=REQUEST_TIMEOUT_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return refusal.code
        except OSError:
            return None

    def wait_for_stream(self, name: str, *, tags: int, timeout_s: float = 20.0) -> dict[str, Any]:
        """Give what the API says of a stream once it has taken in so many tags."""
        deadline = time.monotonic() + timeout_s
        while (stream := self._stream(name)).get("tags_in", 0) < tags:
            assert time.monotonic() < deadline, (
                f"{name} has not had {tags} tags within {timeout_s} s: {stream}"
            )
            time.sleep(POLL_S)
        return stream

    def wait_until_told(self, timeout_s: float = 20.0) -> dict[str, Any]:
        """Give what the API says of hooks once every event has been told: a service has an event before its
        sender has the answer."""
        deadline = time.monotonic() + timeout_s
        while (hooks := self.api("hooks"))["queued"]:
            assert time.monotonic() < deadline, f"not told within {timeout_s} s: {hooks}"
            time.sleep(POLL_S)
        return hooks

    def _stream(self, name: str) -> dict[str, Any]:
        streams = self.api("streams")["streams"]
        return next((stream for stream in streams if stream["name"] == name), {})

    def children(self) -> list[int]:
        """Give the processes that the supervisor has now, in no promised order."""
        pid = self.process.pid
        try:
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    def pids(self) -> dict[str, int]:
        """Give the process of each worker by the worker's name ("fanout0"), as the API tells it."""
        return {str(worker["name"]): int(worker["pid"]) for worker in self.api("workers")["workers"]}
