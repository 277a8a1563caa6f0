"""A real engine in a process of its own, with small roles, and its log read as events."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

ALL_ROLES: Final = ("ingest", "fanout", "packager", "control")
ROLES: Final = "tests.workers.supervisor.roles."
PATIENCE_S: Final = 30.0  # for an event that must come; a loaded machine of two cores needs a tenth

Event = dict[str, Any]

CONFIG: Final = """
[rtmp]
listen = "127.0.0.1:0"
[http]
listen = "127.0.0.1:0"
[srt]
listen = "127.0.0.1:0"
ports = {{0 = "live/mapped"}}
[api]
listen = "127.0.0.1:0"
[metrics]
listen = "127.0.0.1:0"
[workers]
fanout = 2
drain_s = {drain_s}
orphan_drain_s = {orphan_drain_s}
heartbeat_timeout_s = {heartbeat_timeout_s}
restart_intensity = {restart_intensity}
[ring]
bytes = 16777216
[fanout]
max_lag_bytes = 1048576
max_players = 100
[publish]
max_streams = 2
[play]
wait_s = {wait_s}
[log]
format = "json"
"""
VALUES: Final = {
    "drain_s": 5,
    "orphan_drain_s": 2,
    "heartbeat_timeout_s": 3,
    "restart_intensity": 5,
    "wait_s": 5,
}


class Engine:
    """One engine. `events` has all log lines read so far; it is killed at the end of the `with` block."""

    def __init__(
        self,
        directory: Path,
        *,
        roles: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        command: tuple[str, ...] = (sys.executable,),
        pass_fds: tuple[int, ...] = (),
        **values: float,
    ) -> None:
        self.config = directory / "engine.toml"
        self.events: list[Event] = []
        self._values = {**VALUES, **values}
        self.write_config()
        given = roles or {}
        names = {role: ROLES + given.get(role, "steady") for role in ALL_ROLES}
        module = "tests.workers.supervisor.run_engine"
        self.process = subprocess.Popen(
            [*command, "-W", "error", "-m", module, str(self.config), json.dumps(names)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "RUNTIME_DIRECTORY": str(directory), **(environ or {})},
            pass_fds=pass_fds,
            start_new_session=True,
        )
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.read_to_end()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def write_config(self, **values: float) -> None:
        self._values.update(values)
        self.config.write_text(CONFIG.format(**self._values))

    def until(self, event: str, since: int = 0, **fields: object) -> Event:
        """The first event with these fields among those from index `since` on; reads until it comes."""
        seen = since
        deadline = time.monotonic() + PATIENCE_S
        while True:
            while seen < len(self.events):
                found = self.events[seen]
                seen += 1
                if found.get("event") == event and fields.items() <= found.items():
                    return found
            assert self._read(deadline), f"no {event!r} {fields} in {self.events}"

    def read_to_end(self) -> list[Event]:
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            pass
        return self.events

    def named(self, event: str) -> list[Event]:
        return [each for each in self.events if each.get("event") == event]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        self.read_to_end()
        return code

    def pids(self) -> dict[str, int]:
        """Slot name to the pid of the last process that was ready in it."""
        return {each["slot"]: each["pid"] for each in self.named("worker_ready")}

    def ask(self, kind: str) -> str:
        """Connect, and give back what the worker that accepts has to say."""
        host, port = self.until("listening")[kind].rsplit(":", 1)
        with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
            return connection.recv(100).decode()

    def ask_datagram(self, address: str) -> str:
        """Send a datagram, and give back what the worker that gets it has to say."""
        host, port = address.rsplit(":", 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(PATIENCE_S)
            asking.connect((host, int(port)))
            asking.send(b"who?")
            return asking.recv(100).decode()

    def _read(self, deadline: float) -> bool:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        data = os.read(descriptor, 65536)
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self.events.extend(_parsed(line) for line in lines)
        return bool(data)


def _parsed(line: bytes) -> Event:
    try:
        parsed: Event = json.loads(line)
    except ValueError:
        return {"event": "not a log line", "text": line.decode(errors="replace")}
    return parsed


def descriptors_of(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@contextmanager
def watched(pids: Iterable[int]) -> Iterator[list[int]]:
    """A pidfd for each process, to be asked later whether that very process has ended."""
    pidfds = [os.pidfd_open(pid) for pid in pids]
    try:
        yield pidfds
    finally:
        for pidfd in pidfds:
            os.close(pidfd)


def all_gone(pidfds: Iterable[int], within_s: float = PATIENCE_S) -> bool:
    """Whether all these processes end in time."""
    deadline = time.monotonic() + within_s
    return all(select.select([pidfd], [], [], max(0.0, deadline - time.monotonic()))[0] for pidfd in pidfds)
