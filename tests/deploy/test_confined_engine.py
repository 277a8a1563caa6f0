"""The unit's command under the unit's sandbox: it starts, serves, heals, reloads and ends there.

One engine for all: each test finds it serving and leaves it so.
"""

import json
import os
import shlex
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.deploy import confinement
from tests.deploy.sandbox import RUN_BY_ROOT, Sandbox, may_look_everywhere, sandbox
from tests.deploy.units import seconds, service
from tests.e2e.children import ended, start
from tests.e2e.engine_process import RunningEngine, Settings

pytestmark = pytest.mark.slow

PATIENCE_S: Final = 30.0
LOOK_S: Final = 0.1
NOBODY_ANSWERS: Final = "http://127.0.0.1:9/hook"  # the discard port

SETTINGS: Final[Settings] = {
    # Events that wait for a service that never answers: the spool is what goes into the state folder.
    "hooks": {"url": NOBODY_ANSWERS, "publish_unanswered": "allow", "timeout_s": 0.5},
    "outgoing": {"allow": ["127.0.0.1/32"]},
    "hls": {"segment_s": 1},
}
LOG_NAME: Final = "fanlight.log"
FILM: Final = (
    *("-f", "lavfi", "-i", "testsrc=size=128x96:rate=10", "-f", "lavfi", "-i", "sine"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-c:a", "aac", "-f", "flv"),
)


class Confined:
    """The engine in its sandbox, and the service manager that it reports to."""

    def __init__(self, engine: RunningEngine, home: Sandbox, manager: socket.socket) -> None:
        self.engine = engine
        self.home = home
        self._manager = manager

    def until(self, line: str) -> list[str]:
        """The lines of the next message that has this one."""
        while True:
            lines = self._manager.recv(4096).decode().split("\n")
            if line in lines:
                return lines

    def status_of(self, pid: int) -> dict[str, str]:
        """What proc(5) tells of a process, by field."""
        rows = (row.partition(":") for row in Path(f"/proc/{pid}/status").read_text().splitlines())
        return {name: value.strip() for name, _, value in rows}


@pytest.fixture(scope="module")
def confined() -> Iterator[Confined]:
    with sandbox() as home, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # the kernel chooses an abstract name, which no file system can hide
        manager.settimeout(PATIENCE_S)
        service_manager = {
            "NOTIFY_SOCKET": "@" + manager.getsockname()[1:].decode(),
            "WATCHDOG_USEC": str(round(seconds(service("WatchdogSec")) * 1e6)),
        }
        environ = home.environ | service_manager
        settings = SETTINGS | {"log": {"file": str(home.logs / LOG_NAME)}}
        with RunningEngine(home.folder, settings, prefix=home.prefix, environ=environ) as engine:
            yield Confined(engine, home, manager)


def test_the_command_that_is_tried_here_is_the_units() -> None:
    program, *arguments = shlex.split(service("ExecStart"))
    assert program == "/opt/fanlight/bin/fanlight"
    assert arguments == ["serve", "--config", "/etc/fanlight/fanlight.toml"]


def test_the_service_manager_hears_that_it_is_ready_and_well(confined: Confined) -> None:
    ready = confined.until("READY=1")
    assert f"MAINPID={confined.engine.process.pid}" in ready
    confined.until("WATCHDOG=1")


def test_every_process_is_another_user_without_rights_behind_the_filter(confined: Confined) -> None:
    may_look = 1 << confinement.DAC_READ_SEARCH if may_look_everywhere() else 0
    for pid in (confined.engine.process.pid, *confined.engine.children()):
        status = confined.status_of(pid)
        assert status["Uid"].split() == [str(confined.home.uid)] * 4
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == may_look
        assert (status["NoNewPrivs"], status["Seccomp"], status["Umask"]) == ("1", "2", service("UMask"))
        assert not RUN_BY_ROOT or status["Groups"] == ""


def test_it_keeps_to_the_units_limits(confined: Confined) -> None:
    rows = Path(f"/proc/{confined.engine.process.pid}/limits").read_text().splitlines()
    limits = {row[:26].strip(): row[26:].split()[:2] for row in rows}
    assert limits["Max core file size"] == ["0", "0"]
    # Where the machine has less to give, the machine's.
    assert int(limits["Max open files"][1]) <= int(service("LimitNOFILE"))


def test_a_film_goes_in_and_comes_out_over_http_and_hls(confined: Confined, ffmpeg: Path) -> None:
    engine = confined.engine
    publisher = start([ffmpeg, "-loglevel", "error", "-re", *FILM, engine.rtmp_url("live/film")])
    with ended(publisher):
        with urllib.request.urlopen(engine.http_url("live/film"), timeout=PATIENCE_S) as played:
            assert played.read(10_000).startswith(b"FLV\x01")
        playlist = f"http://{engine.addresses['http']}/live/film.m3u8"
        deadline = time.monotonic() + PATIENCE_S
        while engine.status(playlist) != 200:
            assert time.monotonic() < deadline, engine.log
            time.sleep(LOOK_S)
    assert [path.name for path in confined.home.state.iterdir()] == ["hooks"]
    assert any(path.is_file() for path in confined.home.state.rglob("*"))


def test_every_process_writes_the_log_into_the_units_folder_where_a_group_may_read_it(
    confined: Confined,
) -> None:
    path = confined.home.logs / LOG_NAME
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    ready = {str(line["slot"]) for line in lines if line["event"] == "worker_ready"}
    assert {"fanout0", "ingest0", "control0"} <= ready
    roles = {line["worker"].rstrip("0123456789") for line in lines}
    assert roles >= {"supervisor", "fanout", "ingest", "control"}
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_killed_worker_is_replaced_in_there(confined: Confined) -> None:
    victim = confined.engine.pids()["fanout1"]
    os.kill(victim, signal.SIGKILL)
    confined.engine.log.wait_for("worker_died", where=lambda line: line["pid"] == victim)
    replaced = confined.engine.log.wait_for(
        "worker_ready", where=lambda line: line["slot"] == "fanout1" and line["pid"] != victim
    )
    assert confined.status_of(int(str(replaced["pid"])))["Seccomp"] == "2"


def test_a_reload_is_told_and_done(confined: Confined) -> None:
    confined.engine.process.send_signal(signal.SIGHUP)
    assert any(line.startswith("MONOTONIC_USEC=") for line in confined.until("RELOADING=1"))
    confined.until("READY=1")
