"""Who comes in: by address, by ban, by how much this worker can still do."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.access.bans import Ban, BanKind
from engine.config import Config, load
from engine.policy.overload import Level, Load
from tests.workers.control.house import Lines
from workers.fanout.audience import Audience, Full
from workers.fanout.guard import Guard
from workers.fanout.player import Player, PlayerState
from workers.fanout.turning_away import to_ban, to_drop
from workers.fanout.visits import Visit
from workers.runtime.bans import write_bans
from workers.runtime.slots import WorkerSlot
from workers.runtime.worker import Worker

HOST = "192.0.2.7"


def ban(kind: BanKind, value: str, seconds: float = 60.0) -> Ban:
    now_s = time.time()
    return Ban(id="1", kind=kind, value=value, reason="", since_s=now_s, until_s=now_s + seconds)


class Stage:
    """A guard of one of two fanout workers, and a load that the test makes up."""

    def __init__(self, folder: Path, text: str = "") -> None:
        self.lines, self.load = Lines(), Load()
        self.reload: list[Any] = []
        self.worker = SimpleNamespace(
            config=load(text, {}),
            slots=(WorkerSlot(0, "fanout", 0), WorkerSlot(1, "fanout", 1), WorkerSlot(2, "control", 0)),
            metrics=SimpleNamespace(directory=folder),
            on_reload=self.reload.append,
            vitals=SimpleNamespace(take_load=lambda max_loop_lag_s, max_cpu: self.load),
            cell=SimpleNamespace(overload=0),
            log=self.lines.logger(),
        )
        self.guard = Guard.of(cast("Worker", self.worker))

    def seconds(self, count: int, **load: float) -> Level:
        """So many seconds under this load."""
        self.load = Load(**load)
        for _ in range(count):
            self.guard.take_load()
        return self.guard.level


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, "[addresses]\nmax_connections = 4\nmax_handshakes_per_s = 0\n")


async def test_each_worker_holds_its_share_of_what_an_address_may_have(stage: Stage) -> None:
    refused = [stage.guard.enter(HOST).refused for _ in range(6)]
    assert refused == ["", "", "", "", "address_connections", "address_connections"]  # 2, and 2 by chance
    stage.reload[0](None, load("[addresses]\nmax_connections = 0\n", {}))
    assert stage.guard.enter(HOST).refused == ""


async def test_loopback_has_no_limit_by_default(stage: Stage) -> None:
    assert {stage.guard.enter("127.0.0.1").refused for _ in range(50)} == {""}


async def test_a_ban_holds_from_the_moment_it_is_written(stage: Stage, tmp_path: Path) -> None:
    assert stage.guard.enter(HOST).refused == ""
    write_bans(tmp_path, [ban("address", "192.0.2.0/24"), ban("stream", "live/a"), ban("key", "van")])
    assert stage.guard.enter(HOST).refused == "banned"
    assert stage.guard.enter("198.51.100.1").refused == ""
    why = stage.guard.why_no_publisher
    assert why("live/a", is_there=True) == "banned"
    assert why("live/b", is_there=True) == ""
    assert [stage.guard.is_key_banned(key_id) for key_id in ("van", "studio", "")] == [True, False, False]
    assert stage.guard.bans_changed()
    assert not stage.guard.bans_changed()


async def test_who_connected_before_the_ban_is_refused_when_it_asks(stage: Stage, tmp_path: Path) -> None:
    worker = SimpleNamespace(config=Config(), log=None, slot=SimpleNamespace(name="fanout0"))
    hub = SimpleNamespace(settings_for=None)
    audience = Audience(cast("Worker", worker), cast("Any", hub), cast("Any", None), guard=stage.guard)
    audience.check_room(HOST, "van")
    for one in (ban("address", f"{HOST}/32"), ban("key", "van")):
        write_bans(tmp_path, [one])
        with pytest.raises(Full) as full:
            audience.check_room(HOST, "van")
        assert full.value.reason == "banned"


def test_each_step_of_the_ladder_is_one_line_and_stands_on_the_board(stage: Stage) -> None:
    assert stage.seconds(3, cpu=0.93) is Level.NO_PLAYERS
    assert stage.seconds(3, loop_lag=2.0) is Level.DROP_PLAYERS
    assert stage.worker.cell.overload == 4
    assert stage.seconds(10) is Level.CALM
    assert stage.worker.cell.overload == 0
    told = [(line["event"], line["step"], line["scarcest"]) for line in stage.lines.lines]
    assert told == [
        ("overload", "no_players", "cpu"),
        ("overload", "drop_players", "loop_lag"),
        ("overload", "calm", "loop_lag"),
    ]


def test_an_overloaded_worker_takes_no_players_and_then_no_new_streams(stage: Stage) -> None:
    why = stage.guard.why_no_publisher
    stage.seconds(3, memory=0.93)
    assert not stage.guard.takes_players
    assert why("live/a", is_there=False) == ""
    stage.seconds(3, memory=0.96)
    assert why("live/a", is_there=False) == "overloaded"
    assert why("live/a", is_there=True) == ""


def test_a_ladder_that_is_switched_off_is_left(stage: Stage) -> None:
    stage.seconds(3, descriptors=1.0)
    stage.worker.config = load("[overload]\nenabled = false\n", {})
    stage.reload[0](None, stage.worker.config)
    assert stage.seconds(5, descriptors=1.0) is Level.CALM
    assert stage.worker.cell.overload == 0


def player(number: int, state: PlayerState, remote: str = "198.51.100.1:4000") -> Player:
    made = Player(f"fanout0-{number:012x}", cast("Any", None), "http-flv", remote)
    made.state, made.joined_ns = state, number
    return made


def test_one_in_a_hundred_goes_the_slow_first_and_then_the_newest() -> None:
    crowd = [player(number, PlayerState.IN_STEP) for number in range(250)]
    slow = player(1000, PlayerState.BEHIND)
    gone = player(2000, PlayerState.DONE)
    dropped = to_drop([slow, gone, *crowd])
    assert [one.client_id for one in dropped] == [one.client_id for one in (slow, crowd[249], crowd[248])]
    assert to_drop([crowd[0]]) == [crowd[0]]
    assert to_drop([]) == []


def test_players_of_a_banned_address_are_found_however_they_came(stage: Stage, tmp_path: Path) -> None:
    write_bans(tmp_path, [ban("address", "192.0.2.0/24"), ban("address", "2001:db8::/64")])
    directly, through_a_proxy = ("192.0.2.9:1", "[2001:db8::9]:1"), ("192.0.2.9", "2001:db8::9")
    theirs = [player(1, PlayerState.IN_STEP, remote) for remote in (*directly, *through_a_proxy)]
    others = [player(2, PlayerState.IN_STEP), player(3, PlayerState.IN_STEP, "2001:db8:0:1::9")]
    assert to_ban([*theirs, *others], stage.guard.bans) == theirs


async def test_players_who_came_with_a_banned_key_are_found(stage: Stage, tmp_path: Path) -> None:
    write_bans(tmp_path, [ban("key", "van")])
    theirs, others, open_to_all = (player(number, PlayerState.IN_STEP) for number in range(3))
    theirs.visit, others.visit = Visit("live/a", key_id="van"), Visit("live/a", key_id="studio")
    open_to_all.visit = Visit("live/a")
    assert to_ban([theirs, others, open_to_all], stage.guard.bans) == [theirs]
