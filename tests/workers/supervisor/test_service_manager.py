"""What systemd is told, and what it hands in; what a reload does."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.workers.supervisor.engines import Engine

pytestmark = pytest.mark.slow

# Puts the listening socket on descriptor 3 and names this process, as systemd does between fork and exec.
SYSTEMD: Final = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES=sys.argv[2], LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])
"""


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, directory: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.address = str(directory / "notify")
        self.socket.bind(self.address)
        self.socket.settimeout(30)

    def until(self, line: str) -> list[str]:
        """The lines of the first message that has this one."""
        while True:
            lines = self.socket.recv(4096).decode().split("\n")
            if line in lines:
                return lines


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    with made.socket:
        yield made


def test_service_manager_hears_ready_reloading_and_stopping(tmp_path: Path, manager: Manager) -> None:
    with Engine(tmp_path, environ={"NOTIFY_SOCKET": manager.address}) as engine:
        ready = manager.until("READY=1")
        assert "STATUS=5 of 5 workers ready, 0 streams live" in ready
        assert f"MAINPID={engine.process.pid}" in ready
        engine.signal(signal.SIGHUP)
        assert any(line.startswith("MONOTONIC_USEC=") for line in manager.until("RELOADING=1"))
        manager.until("READY=1")
        assert engine.stop() == 0
        manager.until("STOPPING=1")


def test_watchdog_is_fed_while_every_role_serves_and_starves_otherwise(
    tmp_path: Path, manager: Manager
) -> None:
    watchdog = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "100000"}
    with Engine(tmp_path, environ=watchdog) as engine:
        manager.until("READY=1")
        for _ in range(3):
            manager.until("WATCHDOG=1")
        assert engine.stop() == 0
    manager.socket.setblocking(False)
    _pending(manager.socket)  # what the first one said until its end
    with Engine(tmp_path, environ=watchdog, roles={"control": "failing"}) as engine:
        engine.until("worker_died", restart_in_s=0.4)
        assert "WATCHDOG=1" not in _pending(manager.socket)


def _pending(receiver: socket.socket) -> list[str]:
    lines: list[str] = []
    while True:
        try:
            lines += receiver.recv(4096).decode().split("\n")
        except BlockingIOError:
            return lines[lines.index("STOPPING=1") :] if "STOPPING=1" in lines else lines


def test_listening_socket_from_systemd_is_shared_by_all_fanout_workers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = (sys.executable, "-c", SYSTEMD, str(listener.fileno()), "http", sys.executable)
        with Engine(tmp_path, command=command, pass_fds=(listener.fileno(),)) as engine:
            assert engine.until("listening")["http"] == f"127.0.0.1:{port}"
            engine.until("ready")
            assert engine.ask("http").startswith("fanout")
            assert engine.ask("rtmp").startswith("fanout")
            assert engine.stop() == 0


def test_datagram_socket_from_systemd_is_shared_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
        command = (sys.executable, "-c", SYSTEMD, str(opened.fileno()), "srt", sys.executable)
        with Engine(tmp_path, command=command, pass_fds=(opened.fileno(),)) as engine:
            assert engine.until("listening")["srt"] == f"127.0.0.1:{port}"
            engine.until("ready")
            assert engine.ask_datagram(f"127.0.0.1:{port}").startswith("fanout")
            assert engine.stop() == 0


def test_unknown_socket_from_systemd_is_refused_by_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = (sys.executable, "-c", SYSTEMD, str(listener.fileno()), "htpt", sys.executable)
        with Engine(tmp_path, command=command, pass_fds=(listener.fileno(),)) as engine:
            assert engine.process.wait(30) == 1
            engine.read_to_end()
            assert "htpt" in engine.until("cannot_start")["error"]


def test_port_that_is_taken_is_one_clear_line_and_code_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        environ = {"FANLIGHT_HTTP__LISTEN": f"127.0.0.1:{taken.getsockname()[1]}"}
        with Engine(tmp_path, environ=environ) as engine:
            assert engine.process.wait(30) == 1
            engine.read_to_end()
            assert "is another engine running?" in engine.until("cannot_start")["error"]
            assert len(engine.events) == 1
            assert not list(tmp_path.glob("fanlight-metrics-*"))


def test_reload_applies_what_it_can_and_names_what_needs_a_restart(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        engine.until("ready")
        engine.write_config(wait_s=7)
        engine.config.write_text(engine.config.read_text().replace("fanout = 2", "fanout = 3"))
        engine.signal(signal.SIGHUP)
        reloaded = engine.until("reloaded")
        assert reloaded["applied"] == ["play.wait_s"]
        assert reloaded["needs_restart"] == ["workers.fanout"]
        for worker in engine.pids():
            assert engine.until("role reloaded", worker=worker)["new"] == 7
        engine.signal(signal.SIGHUP)  # unchanged: told again, to whoever missed it
        for worker in engine.pids():
            engine.until("role reloaded", worker=worker, old=7, new=7)
        os.kill(engine.pids()["fanout0"], signal.SIGKILL)  # the successor is born with the new configuration
        died = engine.until("worker_died", slot="fanout0")
        engine.until("worker_ready", since=engine.events.index(died), slot="fanout0")
        assert engine.stop() == 0


def test_an_engine_with_thousands_of_keys_can_be_told_of_others(tmp_path: Path) -> None:
    """They are many times what a packet to a worker holds."""
    keys = "\n".join(f'{"k" * 60}{number:02} = {{allowed_codecs = "h264,aac"}}' for number in range(64))
    tables = "\n".join(f'[paths."live{number}/*".key_limits]\n{keys}' for number in range(40))
    with Engine(tmp_path) as engine:
        engine.until("ready")
        for wait_s in (7, 8):
            engine.write_config(wait_s=wait_s)
            with engine.config.open("a") as file:
                file.write(tables)
            engine.signal(signal.SIGHUP)
            for worker in engine.pids():
                engine.until("role reloaded", worker=worker, new=wait_s)
        assert engine.stop() == 0
        assert not engine.named("order_lost")


def test_bad_configuration_changes_nothing_on_reload(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        engine.until("ready")
        engine.config.write_text("[http]\nlisten = 17\n[wrokers]\n")
        engine.signal(signal.SIGHUP)
        problems = engine.until("reload_refused")["problems"]
        assert any("http.listen" in problem for problem in problems)
        assert any("wrokers" in problem for problem in problems)
        engine.config.unlink()
        engine.signal(signal.SIGHUP)
        engine.until("reload_refused", since=len(engine.events))
        assert not engine.named("role reloaded")
        assert engine.ask("http").startswith("fanout")
        assert engine.stop() == 0
