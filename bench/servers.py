"""The servers that are compared, each started on free ports of loopback in a directory of its own."""

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Self

from bench.dialogue import HTTP_FLV, RTMP, WEBSOCKET
from bench.programs import end

HOST = "127.0.0.1"
SRT = "srt"
READY_S = 20.0

#: For runs that kill workers in a row: none of the deaths is taken for a crash loop.
NO_BRAKE = "workers.restart_intensity = 100\nworkers.restart_window_s = 1\n"
STOP_S = 15.0


class ServerFailed(Exception):
    """A server did not become ready; the message ends with what it logged."""


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def free_udp_port() -> int:
    """The same for UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A running server. `ports` says where each protocol is played; RTMP is also where it is published."""

    def __init__(self, label: str, ports: dict[str, int]) -> None:
        self.label = label
        self.ports = ports
        self.ready_s = 0.0
        self.folder = Path(tempfile.mkdtemp(prefix="fanlight-bench-"))
        self._log = (self.folder / "log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text(errors="replace")

    def start(self, command: list[str], is_ready: Callable[[], bool]) -> Self:
        """Start it and wait until it is ready; `ready_s` is how long that took."""
        began_s = time.monotonic()
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > began_s + READY_S:
                self.stop()
                raise ServerFailed(f"{self.label} did not become ready:\n{self.log[-2000:]}")
            time.sleep(0.01)
        self.ready_s = time.monotonic() - began_s
        return self

    def stop(self) -> None:
        """End it politely, then not."""
        if self._process is None or self._process.poll() is not None:
            return
        end(self._process, STOP_S)

    def forget(self) -> None:
        """Remove its directory; it stays where something went wrong."""
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._log.close()


def fanlight(
    *, tick_ms: tuple[int, int] | None = None, workers: int = 2, label: str = "", extra: str = ""
) -> Server:
    """Fanlight from this tree; `tick_ms` fixes the bounds of its tick, None leaves it adaptive.

    `extra` is more TOML, for tables that are not written here.
    """
    http, metrics = free_port(), free_port()
    ports = {RTMP: free_port(), HTTP_FLV: http, WEBSOCKET: http, "metrics": metrics, "api": free_port()}
    ports[SRT] = free_udp_port()
    server = Server(label or "fanlight", ports)
    config = server.folder / "fanlight.toml"
    config.write_text(_fanlight_config(ports, tick_ms, workers) + extra)
    command = [*fanlight_command(), "serve", "--config", str(config)]
    return server.start(command, lambda: _answers_200(f"http://{HOST}:{metrics}/readyz"))


def fanlight_command() -> list[str]:
    """The command beside this interpreter; FANLIGHT_COMMAND names another, of an older checkout perhaps."""
    given = os.environ.get("FANLIGHT_COMMAND")
    return shlex.split(given) if given else [str(Path(sys.executable).with_name("fanlight"))]


def _fanlight_config(ports: dict[str, int], tick_ms: tuple[int, int] | None, workers: int) -> str:
    lines = [
        f'rtmp.listen = "{HOST}:{ports[RTMP]}"',
        f'http.listen = "{HOST}:{ports[HTTP_FLV]}"',
        f'api.listen = "{HOST}:{ports["api"]}"',
        f'metrics.listen = "{HOST}:{ports["metrics"]}"',
        f"workers.fanout = {workers}",
    ]
    if "FANLIGHT_COMMAND" not in os.environ:  # an older checkout may not know the section
        lines.append(f'srt.listen = "{HOST}:{ports[SRT]}"')
    if tick_ms is not None:
        lines += [f"fanout.min_coalesce_ms = {tick_ms[0]}", f"fanout.max_coalesce_ms = {tick_ms[1]}"]
    return "\n".join(lines) + "\n"


def floor(*, tick_ms: int, bitrate_bps: int, senders: int, label: str = "") -> Server:
    """The floor: processes that do nothing but `send`. It needs no publisher."""
    port = free_port()
    server = Server(label or f"floor {tick_ms} ms", {HTTP_FLV: port})
    arguments = ["--port", str(port), "--tick-ms", str(tick_ms), "--bitrate", str(bitrate_bps)]
    arguments += ["--processes", str(senders)]
    return server.start([sys.executable, "-m", "bench.floor", *arguments], lambda: _accepts(port))


def accepts(port: int) -> Callable[[], bool]:
    """Whether somebody listens on `port`."""
    return lambda: _accepts(port)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _answers_200(url: str) -> bool:
    with (
        contextlib.suppress(urllib.error.URLError, OSError),
        urllib.request.urlopen(url, timeout=1) as answer,
    ):
        return bool(answer.status == 200)
    return False


def environment() -> dict[str, str]:
    """What a table of figures needs to be read later."""
    cpu = next(
        (line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        ":",
    )
    return {
        "processors": str(os.cpu_count()),
        "processor": cpu.partition(":")[2].strip(),
        "kernel": os.uname().release,
        "python": sys.version.split()[0],
    }
