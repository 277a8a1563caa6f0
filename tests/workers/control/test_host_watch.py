"""The machine's figures over time: ratios of what has passed, counters that never fall."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import structlog
import trio
import trio.testing
from structlog.testing import capture_logs

from workers.control.host_watch import LOOK_S, HostWatch, folders_of, grown
from workers.control.machine import Machine, Moved, Pressure, Ticks, Traffic


class ScriptedMachine(Machine):
    """Says what the test lets it say."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ticks: Ticks | None = Ticks(0, 0)
        self.now_traffic: dict[str, Traffic] = {}
        self.now_disks: dict[str, Moved] = {}
        self.now_pressure: dict[tuple[str, str], Pressure] = {}

    def ticks(self) -> Ticks | None:
        return self.now_ticks

    def traffic(self) -> dict[str, Traffic]:
        return self.now_traffic

    def disks(self) -> dict[str, Moved]:
        return self.now_disks

    def pressure(self) -> dict[tuple[str, str], Pressure]:
        return self.now_pressure


class Value:
    """One series."""

    def __init__(self) -> None:
        self.value = 0.0

    def observe(self, amount: float) -> None:
        self.value = amount

    def inc(self, amount: float = 1) -> None:
        assert amount >= 0, "a counter must not fall"
        self.value += amount

    def dec(self, amount: float = 1) -> None:
        self.value -= amount

    def set(self, value: float) -> None:
        self.value = value


class Series:
    """All of them, by name and the values of labels."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], Value] = {}

    def bind(self, name: str, **labels: str) -> Value:
        return self.values.setdefault((name, *labels.values()), Value())

    def __getitem__(self, key: tuple[str, ...]) -> float:
        return self.values[key].value

    def names(self) -> set[str]:
        return {key[0] for key in self.values}


def watch(
    machine: Machine,
    series: Series,
    folders: Callable[[], list[str]] = list,
    pids: Mapping[str, int] | None = None,
) -> HostWatch:
    return HostWatch(series, folders, lambda: pids or {}, structlog.get_logger(), machine)


def test_processors_are_busy_to_the_share_of_what_has_passed() -> None:
    machine, series = ScriptedMachine(), Series()
    host = watch(machine, series)
    machine.now_ticks = Ticks(500, 1000)
    host.look()
    assert "fanlight_host_cpu_ratio" not in series.names()
    machine.now_ticks = Ticks(530, 1100)
    host.look()
    assert series["fanlight_host_cpu_ratio",] == 0.3


def test_traffic_counts_from_the_first_look_on_whichever_interfaces_come_and_go() -> None:
    machine, series = ScriptedMachine(), Series()
    host = watch(machine, series)
    machine.now_traffic = {"eth0": Traffic(1_000_000, 10), "veth1": Traffic(5_000, 5)}
    host.look()
    machine.now_traffic = {"eth0": Traffic(1_000_100, 30, drops_in=2), "veth2": Traffic(7, 7)}
    host.look()
    machine.now_traffic = {"eth0": Traffic(40, 0)}  # it went and came back: it counts anew
    host.look()
    assert series["fanlight_host_network_bytes_total", "in"] == 100 + 7 + 40
    assert series["fanlight_host_network_bytes_total", "out"] == 20 + 7
    assert series["fanlight_host_network_drops_total", "in"] == 2


def test_disks_count_what_they_moved_since_the_first_look() -> None:
    machine, series = ScriptedMachine(), Series()
    host = watch(machine, series)
    machine.now_disks = {"sda": Moved(1000, 2000)}
    host.look()
    machine.now_disks = {"sda": Moved(1512, 2000)}
    host.look()
    assert series["fanlight_host_disk_bytes_total", "read"] == 512
    assert series["fanlight_host_disk_bytes_total", "written"] == 0


def test_pressure_is_told_where_the_kernel_knows_it() -> None:
    machine, series = ScriptedMachine(), Series()
    host = watch(machine, series)
    host.look()
    assert not {name for name in series.names() if "pressure" in name}
    machine.now_pressure = {("io", "some"): Pressure(0.5, 100.0)}
    host.look()
    machine.now_pressure = {("io", "some"): Pressure(0.25, 100.5)}
    host.look()
    assert series["fanlight_host_pressure_ratio", "io", "some"] == 0.25
    assert series["fanlight_host_pressure_seconds_total", "io", "some"] == 0.5


def test_a_disk_is_told_by_the_folder_it_is_used_for_and_only_for_as_long(tmp_path: Path) -> None:
    folders = [str(tmp_path), str(tmp_path / "nowhere")]
    host = watch(ScriptedMachine(), Series(), lambda: folders)
    host.look()
    assert host.disks.keys() == {str(tmp_path)}
    assert 0 <= host.disks[str(tmp_path)] <= 1
    folders[:] = ["/"]
    host.look()
    assert host.disks.keys() == {"/"}


def test_folders_are_those_that_exist_each_once(tmp_path: Path) -> None:
    assert folders_of("/", tmp_path, str(tmp_path), tmp_path / "nowhere", "") == ["/", str(tmp_path)]


def test_a_folder_that_may_not_be_entered_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, **_: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "stat", refuse)
    assert folders_of(tmp_path / "closed") == ["/"]


def test_what_cannot_be_read_is_told_once_and_costs_nothing_beside_it() -> None:
    class StrangeMachine(ScriptedMachine):
        def traffic(self) -> dict[str, Traffic]:
            raise IndexError("a row of another shape")

    machine, series = StrangeMachine(), Series()
    machine.now_pressure = {("io", "some"): Pressure(0.5, 100.0)}
    with capture_logs() as logs:
        host = watch(machine, series)
        host.look()
        host.look()
    assert series["fanlight_host_pressure_ratio", "io", "some"] == 0.5
    assert [(entry["event"], entry["part"]) for entry in logs] == [("host_look_failed", "network")]


def test_growth_is_added_up_and_never_negative() -> None:
    before = {"a": Moved(10, 10), "gone": Moved(99, 99)}
    now = {"a": Moved(15, 4), "new": Moved(1, 2)}
    assert grown(before, now, Moved()) == [5 + 1, 4 + 2]


async def test_it_looks_every_few_seconds_and_at_memory_now_and_then(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    machine, series = ScriptedMachine(), Series()
    host = watch(machine, series, pids={"fanout0": os.getpid()})
    nursery.start_soon(host.run)
    while not host.memory:  # noqa: ASYNC110 - a thread tells nobody
        await trio.sleep(LOOK_S)
    assert host.memory["fanout0"]["heap"] > 0
    machine.now_ticks = Ticks(50, 100)
    while "fanlight_host_cpu_ratio" not in series.names():  # noqa: ASYNC110 - as above
        await trio.sleep(LOOK_S)
    assert series["fanlight_host_cpu_ratio",] == 0.5
