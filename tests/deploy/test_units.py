"""The systemd files: rated by systemd itself, readable to it, and right about the engine they start."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from engine.config import Config
from tests.deploy.units import FOLDER, SERVICE, SOCKETS, read_unit, seconds, service
from workers.fanout.srt_port import BUFFER_BYTES as CALLER_BUFFER_BYTES
from workers.supervisor.descriptors import needed
from workers.supervisor.limits import BACKLOG, DATAGRAM_BUFFER_BYTES, KILL_PATIENCE_S
from workers.supervisor.listeners import STREAM_KINDS

WORST_EXPOSURE: Final = 2.0
RECOVERY_S: Final = 30.0
READY_S: Final = 2.0  # 0.84 s is measured
MANY_WORKERS: Final = 256  # the most that workers.fanout may be
CANNOT_CREATE: Final = 73  # sysexits(3): not root, so not allowed to give files away
SYSUSERS: Final = FOLDER / "sysusers.d" / "fanlight.conf"
TMPFILES: Final = FOLDER / "tmpfiles.d" / "fanlight.conf"
SYSCTL: Final = FOLDER.parent / "sysctl.d" / "60-fanlight.conf"


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of systemd's tools, both its outputs in one."""
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
    )


def test_systemd_rates_the_sandbox_at_two_or_better() -> None:
    rated = ran("systemd-analyze", "security", "--offline=true", "--no-pager", SERVICE)
    found = re.search(r"Overall exposure level for fanlight\.service: ([\d.]+)", rated.stdout)
    assert found, rated.stdout
    assert float(found[1]) <= WORST_EXPOSURE, rated.stdout


def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("fanlight")
    for path in (SERVICE, *SOCKETS):
        text = path.read_text().replace("/opt/fanlight/bin/fanlight", str(program))
        (tmp_path / path.name).write_text(text)
    verified = ran("systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir()))
    ours = [line for line in verified.stdout.splitlines() if "fanlight" in line]
    assert (verified.returncode, ours) == (0, [])


def test_systemd_makes_the_user_and_the_folders_that_the_unit_needs(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    made = ran("systemd-sysusers", f"--root={tmp_path}", SYSUSERS)
    assert made.returncode == 0, made.stdout
    (user,) = (tmp_path / "etc" / "passwd").read_text().splitlines()
    assert user.split(":")[0] == service("User") == service("Group")
    assert user.endswith(":/usr/sbin/nologin")
    made = ran("systemd-tmpfiles", f"--root={tmp_path}", "--create", TMPFILES)
    assert made.returncode == (0 if os.geteuid() == 0 else CANNOT_CREATE), made.stdout
    assert (tmp_path / "etc" / "fanlight" / "tls").is_dir()


def test_the_configuration_can_be_written_by_root_alone_and_read_by_the_engine_too() -> None:
    rows = [line.split() for line in TMPFILES.read_text().splitlines() if not line.startswith("#")]
    assert {(row[2], row[3], row[4]) for row in rows} == {
        ("0750", "root", service("Group")),
        ("0640", "root", service("Group")),
    }


def test_systemd_waits_longer_than_the_engine_drains() -> None:
    assert seconds(service("TimeoutStopSec")) > Config().workers.drain_s + KILL_PATIENCE_S


def test_a_hung_engine_is_back_within_half_a_minute() -> None:
    steps = (seconds(service(key)) for key in ("WatchdogSec", "TimeoutAbortSec", "RestartSec"))
    assert sum(steps) + READY_S <= RECOVERY_S


def test_a_hung_worker_is_replaced_before_the_watchdog_takes_everything() -> None:
    half_s = seconds(service("WatchdogSec")) / 2
    assert Config().workers.heartbeat_timeout_s < half_s * 0.9


def test_there_are_descriptors_for_as_many_players_as_are_let_in() -> None:
    assert int(service("LimitNOFILE")) >= needed(Config(), MANY_WORKERS)


@pytest.mark.parametrize("path", SOCKETS, ids=lambda path: str(path.stem))
def test_a_socket_unit_opens_the_port_that_the_engine_would(path: Path) -> None:
    unit = read_unit(path)["Socket"]
    (kind,) = unit["FileDescriptorName"]
    assert kind in STREAM_KINDS
    assert path.stem == f"fanlight-{kind}"
    config = Config()
    listen = getattr(config.tls, kind) if hasattr(config.tls, kind) else getattr(config, kind).listen
    assert unit["ListenStream"] == [str(listen)]
    assert unit["Service"] == [SERVICE.name]
    assert int(unit["Backlog"][0]) == BACKLOG


def kernel_settings() -> dict[str, str]:
    lines = SYSCTL.read_text().splitlines()
    rows = (line.partition(" = ") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in rows}


def test_the_kernel_gives_the_buffers_and_queues_that_the_engine_asks_for() -> None:
    kernel = kernel_settings()
    assert int(kernel["net.core.somaxconn"]) >= BACKLOG
    assert int(kernel["net.core.rmem_max"]) >= max(DATAGRAM_BUFFER_BYTES, CALLER_BUFFER_BYTES)
    assert int(kernel["net.core.wmem_max"]) >= max(
        DATAGRAM_BUFFER_BYTES, CALLER_BUFFER_BYTES, Config().fanout.send_buffer_bytes
    )


def test_every_kernel_setting_has_its_reason_directly_above() -> None:
    lines = SYSCTL.read_text().splitlines()
    settings = [number for number, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    assert settings
    assert [lines[number] for number in settings if not lines[number - 1].startswith("# ")] == []


def test_every_kernel_setting_is_one_that_linux_has() -> None:
    """Those of a network namespace are there in every one; the bounds of buffers are the machine's alone."""
    of_the_machine = {"net.core.rmem_max", "net.core.wmem_max", "net.core.netdev_max_backlog"}
    paths = [Path("/proc/sys", *name.split(".")) for name in kernel_settings().keys() - of_the_machine]
    assert [str(path) for path in paths if not path.exists()] == []
