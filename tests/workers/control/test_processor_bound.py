"""A control group's share of the processors that it may have, whatever the machine's others do."""

from pathlib import Path

import pytest
import structlog

from tests.workers.control.test_host_watch import ScriptedMachine, Series
from workers.control.host_watch import HostWatch
from workers.control.processor_bound import ProcessorBound

TWO_CORES = "200000 100000\n"


class Group:
    """Files of a control group, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = 100.0
        self.says(TWO_CORES, 7_000_000)

    def says(self, cpu_max: str, used_us: int) -> None:
        (self.folder / "cpu.max").write_text(cpu_max)
        (self.folder / "cpu.stat").write_text(f"usage_usec {used_us}\nuser_usec 1\nsystem_usec 2\n")

    def bound(self) -> ProcessorBound:
        return ProcessorBound(self.folder, lambda: self.now_s)


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return Group(tmp_path)


def test_what_has_passed_is_a_share_of_the_bound(group: Group) -> None:
    bound = group.bound()
    assert bound.take_use() is None
    group.now_s += 5
    group.says(TWO_CORES, 7_000_000 + 9_000_000)
    assert bound.take_use() == pytest.approx(0.9)
    group.now_s += 5
    assert bound.take_use() == 0


@pytest.mark.parametrize("cpu_max", ["max 100000\n", "", "0 0 0\n", "much\n"])
def test_without_a_bound_there_is_no_share(group: Group, cpu_max: str) -> None:
    bound = group.bound()
    bound.take_use()
    group.now_s += 5
    group.says(cpu_max, 8_000_000)
    assert bound.take_use() is None


def test_without_a_group_or_its_files_there_is_none_either(group: Group) -> None:
    assert ProcessorBound(None).take_use() is None
    (group.folder / "cpu.stat").unlink()
    assert group.bound().take_use() is None


def test_a_group_that_counts_anew_has_used_nothing(group: Group) -> None:
    bound = group.bound()
    bound.take_use()
    group.now_s += 5
    group.says(TWO_CORES, 0)
    assert bound.take_use() == 0


def test_a_bounded_engine_tells_it_beside_the_machines(group: Group) -> None:
    series, machine = Series(), ScriptedMachine()
    host = HostWatch(series, list, dict, structlog.get_logger(), machine, group.bound())
    host.look()
    assert "fanlight_cgroup_cpu_ratio" not in series.names()
    group.now_s += 10
    group.says(TWO_CORES, 7_000_000 + 5_000_000)
    host.look()
    assert series["fanlight_cgroup_cpu_ratio",] == pytest.approx(0.25)
