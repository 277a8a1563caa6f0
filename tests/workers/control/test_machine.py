"""What Linux says of the machine: files as they are, files as a container has them, and none at all."""

from pathlib import Path

import pytest

from workers.control.machine import Machine, Moved, Pressure, Ticks, Traffic, disk_use
from workers.control.process_memory import memory_by_type

STAT = """\
cpu  100 5 50 800 40 3 2 7 60 0
cpu0 50 2 25 400 20 1 1 3 30 0
intr 12345
"""
NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls
    lo: 900 9 0 0 0 0 0 0 900 9 0 0 0 0 0 0
  eth0: 1000 10 0 3 0 0 0 0 2000 20 0 4 0 0 0 0
"""
MEMINFO = "MemTotal:        2048 kB\nMemAvailable:    1024 kB\n"
PRESSURE = """\
some avg10=12.50 avg60=1.00 avg300=0.10 total=2500000
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
"""
DISK = "7 0 100 4 9 0 50 6 0 0 0\n"
ROLLUP = """\
55d0-7ffe ---p 00000000 00:00 0    [rollup]
Rss:               900 kB
Pss:               600 kB
Pss_Anon:          100 kB
Pss_File:          200 kB
Pss_Shmem:         300 kB
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    proc, sysfs = tmp_path / "proc", tmp_path / "sys"
    write(proc / "stat", STAT)
    write(proc / "net" / "dev", NET_DEV)
    write(proc / "meminfo", MEMINFO)
    for resource in ("cpu", "memory", "io"):
        write(proc / "pressure" / resource, PRESSURE)
    write(sysfs / "block" / "sda" / "stat", DISK)
    (sysfs / "block" / "sda" / "device").mkdir()
    write(sysfs / "block" / "loop0" / "stat", DISK)
    return Machine(proc, sysfs)


def test_processors_that_wait_for_a_disk_are_not_busy(machine: Machine) -> None:
    # Guests (60) are among the users already.
    assert machine.ticks() == Ticks(busy=100 + 5 + 50 + 3 + 2 + 7, all=1007)


def test_the_loopback_is_no_network(machine: Machine) -> None:
    assert machine.traffic() == {"eth0": Traffic(bytes_in=1000, bytes_out=2000, drops_in=3, drops_out=4)}


def test_only_disks_that_exist_count(machine: Machine) -> None:
    assert machine.disks() == {"sda": Moved(read=100 * 512, written=50 * 512)}


def test_memory_is_all_that_there_is(machine: Machine) -> None:
    assert machine.memory_bytes() == 2048 * 1024


def test_pressure_is_a_share_and_a_time(machine: Machine) -> None:
    pressure = machine.pressure()
    assert len(pressure) == 6
    assert pressure["io", "some"] == Pressure(ratio=0.125, total_s=2.5)


def test_a_machine_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    mute = Machine(tmp_path / "proc", tmp_path / "sys")
    assert (mute.ticks(), mute.memory_bytes(), mute.traffic(), mute.disks(), mute.pressure()) == (
        None,
        None,
        {},
        {},
        {},
    )


def test_this_machine_tells_something() -> None:
    here = Machine()
    ticks, memory = here.ticks(), here.memory_bytes()
    assert ticks is not None
    assert 0 < ticks.busy < ticks.all
    assert memory is not None
    assert memory > 2**27


def test_a_disk_is_full_to_a_share_and_a_missing_one_is_left_out(tmp_path: Path) -> None:
    used = disk_use(str(tmp_path))
    assert used is not None
    assert 0 <= used <= 1
    assert disk_use(str(tmp_path / "nowhere")) is None


def test_memory_by_type_adds_up_to_what_a_process_has_its_share_of(tmp_path: Path) -> None:
    write(tmp_path / "7" / "smaps_rollup", ROLLUP)
    found = memory_by_type({"fanout0": 7, "gone0": 8}, tmp_path)
    assert found == {"fanout0": {"heap": 100 * 1024, "shared": 300 * 1024, "file": 200 * 1024}}


def test_a_kernel_that_does_not_tell_types_leaves_the_process_out(tmp_path: Path) -> None:
    write(tmp_path / "7" / "smaps_rollup", "Rss: 900 kB\nPss: 600 kB\n")
    assert memory_by_type({"fanout0": 7}, tmp_path) == {}
