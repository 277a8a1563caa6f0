"""The real supervisor and real processes: the dead are replaced, the hung are found, the told leave."""

import os
import signal
from pathlib import Path

import pytest

from tests.workers.supervisor.engines import Engine, all_gone, watched

pytestmark = pytest.mark.slow


def test_engine_says_where_it_listens_and_when_it_is_ready(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        ready = engine.until("ready")
        assert ready["workers"] == 5
        assert engine.pids().keys() == {"ingest0", "fanout0", "fanout1", "packager0", "control0"}
        assert engine.ask("http").startswith("fanout")
        assert engine.ask("rtmp").startswith("fanout")
        assert engine.ask("api").startswith("control0")
        assert engine.ask("metrics").startswith("control0")
        listening = engine.until("listening")
        addresses = (listening["srt"], listening["srt_ports"]["live/mapped"])
        answers = [engine.ask_datagram(address).split() for address in addresses for _ in range(8)]
        assert all(name.startswith("fanout") for name, _, _ in answers)
        assert len({secret for _, _, secret in answers}) == 1
        assert len(answers[0][2]) == 64
        assert engine.stop() == 0
    assert not engine.named("not a log line"), engine.events


def test_killed_worker_is_replaced_and_refuses_nobody(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        engine.until("ready")
        for slot in ("ingest0", "fanout0", "fanout1", "control0"):
            mark = len(engine.events)
            os.kill(engine.pids()[slot], signal.SIGKILL)
            assert engine.ask("http").startswith("fanout")
            died = engine.until("worker_died", since=mark, slot=slot)
            assert (died["reason"], died["signal"], died["restart_in_s"]) == ("killed", "SIGKILL", 0)
            engine.until("worker_ready", since=mark, slot=slot)
        assert engine.stop() == 0


def test_stopped_worker_is_found_by_its_heartbeat(tmp_path: Path) -> None:
    with Engine(tmp_path, heartbeat_timeout_s=1) as engine:
        engine.until("ready")
        stopped = engine.pids()["fanout1"]
        os.kill(stopped, signal.SIGSTOP)
        assert engine.until("worker_hung", slot="fanout1")["pid"] == stopped
        assert engine.until("worker_died", slot="fanout1")["reason"] == "hung"
        engine.until("worker_ready", since=len(engine.events) - 1, slot="fanout1")
        assert engine.stop() == 0


def test_worker_that_dies_at_boot_is_slowed_down_while_the_others_serve(tmp_path: Path) -> None:
    with Engine(tmp_path, roles={"control": "failing"}, restart_intensity=2) as engine:
        engine.until("worker_died", slot="control0", restart_in_s=0.2)
        delays = [each["restart_in_s"] for each in engine.named("worker_died")]
        assert delays == [0, 0, 0.1, 0.2]
        failed = engine.until("worker_failed")
        assert failed["error"] == "RuntimeError: no such device"
        assert "Traceback" in failed["exception"]
        assert engine.named("worker_died")[0]["reason"] == "boot_failed"
        assert engine.named("worker_died")[0]["exit_code"] == 1
        assert engine.ask("http").startswith("fanout")
        assert not engine.named("ready")
        assert engine.stop() == 0


def test_worker_that_leaves_unasked_has_failed(tmp_path: Path) -> None:
    with Engine(tmp_path, roles={"control": "leaving"}) as engine:
        died = engine.until("worker_died", slot="control0")
        assert (died["reason"], died["exit_code"]) == ("exited", 1)
        assert engine.until("worker_failed")["error"] == "RoleReturned: control ended by itself"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_engine_drains_and_ends_with_code_zero(number: signal.Signals, tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        engine.until("ready")
        with watched(engine.pids().values()) as workers:
            engine.signal(number)
            assert engine.process.wait(30) == 0
            assert all_gone(workers, within_s=0)
        engine.read_to_end()
        assert len(engine.named("worker_drained")) == 5
        assert not list(tmp_path.glob("fanlight-metrics-*"))


def test_interrupt_from_a_terminal_meets_the_whole_group_and_still_drains(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        engine.until("ready")
        os.killpg(engine.process.pid, signal.SIGINT)
        assert engine.process.wait(30) == 0
        engine.read_to_end()
        assert len(engine.named("worker_drained")) == 5
        assert not engine.named("not a log line")


def test_worker_that_does_not_leave_is_cancelled_at_its_deadline(tmp_path: Path) -> None:
    with Engine(tmp_path, roles={"ingest": "stubborn"}, drain_s=1) as engine:
        engine.until("ready")
        assert engine.stop() == 0
        assert engine.until("drain_cut_short")["worker"] == "ingest0"
        assert engine.until("worker_gone", slot="ingest0")["exit_code"] == 0


def test_worker_that_hangs_in_its_drain_is_killed(tmp_path: Path) -> None:
    with Engine(tmp_path, roles={"ingest": "deaf"}, drain_s=0.5) as engine:
        engine.until("ready")
        assert engine.stop() == 0
        assert engine.until("worker_gone", slot="ingest0")["signal"] == "SIGKILL"


def test_second_signal_ends_the_engine_at_once(tmp_path: Path) -> None:
    with Engine(tmp_path, roles={"ingest": "stubborn"}, drain_s=600) as engine:
        engine.until("ready")
        engine.signal(signal.SIGINT)
        engine.until("draining", worker="supervisor")
        engine.signal(signal.SIGINT)
        assert engine.process.wait(30) == 0
        engine.read_to_end()
        assert engine.until("worker_gone", slot="ingest0")["signal"] == "SIGKILL"


def test_workers_of_a_killed_supervisor_drain_and_leave(tmp_path: Path) -> None:
    with Engine(tmp_path, roles={"ingest": "stubborn"}, orphan_drain_s=0.5) as engine:
        engine.until("ready")
        with watched(engine.pids().values()) as workers:
            engine.process.kill()
            assert all_gone(workers)
        engine.read_to_end()
        assert engine.until("draining", reason="supervisor_gone")
        assert engine.until("drain_cut_short")["worker"] == "ingest0"
        assert len(engine.named("worker_drained")) == 5


def test_worker_told_to_leave_by_hand_lends_its_listener_and_comes_back(tmp_path: Path) -> None:
    with Engine(tmp_path, roles={"ingest": "stubborn"}) as engine:
        engine.until("ready")
        os.kill(engine.pids()["fanout0"], signal.SIGTERM)
        died = engine.until("worker_died", slot="fanout0")
        assert (died["reason"], died["exit_code"]) == ("exited", 0)
        engine.until("worker_ready", since=engine.events.index(died), slot="fanout0")
