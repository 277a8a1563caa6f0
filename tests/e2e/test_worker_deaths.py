"""Workers die by the signal, and whoever did not depend on the dead one notices nothing."""

import os
import random
import signal
import time
from collections import Counter
from itertools import pairwise
from typing import Final, NamedTuple

import pytest
import trio

from tests.e2e.books import check_stayer
from tests.e2e.clients import PATIENCE_S, Player
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import scrape
from tests.e2e.shared_memory import arena_of
from tests.e2e.studio import LOOK_S, STREAM, Studio, signal_worker, studio, wait_for_successor
from tests.e2e.wires import PROTOCOLS
from workers.supervisor.private_folder import METRICS_PREFIX, SHARED_MEMORY

pytestmark = pytest.mark.slow

SETTINGS: Final[Settings] = {
    "workers": {
        "fanout": 2,
        "drain_s": 5.0,
        "heartbeat_timeout_s": 1,
        "restart_intensity": 100,
        "restart_window_s": 1,
    },
    "publish": {"grace_s": 10.0},
}
# Nobody is killed but by us, however slow the machine.
PATIENT: Final[Settings] = {**SETTINGS, "workers": {**SETTINGS["workers"], "heartbeat_timeout_s": 60}}
INGEST_KILLS: Final = 100 if "NIGHTLY" in os.environ else 5
KILL_ROUNDS: Final = 75 if "NIGHTLY" in os.environ else 6
NEWCOMERS: Final = 12
STREAM_REMAINS_BYTES: Final = 8192  # pages of a slot's codec headers, once it has had any
WORKERS: Final = ("ingest0", "fanout0", "fanout1", "packager0", "control0")


async def test_players_of_the_other_worker_do_not_notice_that_a_fanout_worker_was_killed(
    start_engine: StartEngine,
) -> None:
    engine = start_engine(SETTINGS)
    async with studio(engine) as stage:
        by_worker = await stage.join_every_worker()
        dead = await trio.to_thread.run_sync(signal_worker, engine, "fanout1")
        newcomers = [await stage.join_playing(PROTOCOLS[number % 3]) for number in range(NEWCOMERS)]
        await trio.to_thread.run_sync(wait_for_successor, engine, "fanout1", dead)
        for player in by_worker["fanout1"]:
            await player.ended()
        await stage.publisher.more(20)
        alive = by_worker["fanout0"] + newcomers
        await trio.to_thread.run_sync(check_that_the_api_shows, engine, alive)
        check_deaths_counted(engine, by_worker["fanout1"])
        await stage.end()
        for player in alive:
            stated = check_stayer(player, stage.ring, engine.log)
            assert (stated.dropped, stated.reason) == (0, "stream_ended")


def check_that_the_api_shows(engine: RunningEngine, players: list[Player]) -> None:
    """Exactly these players, in the list of clients as in the figures of their stream."""
    clients = engine.api("clients")
    assert clients["missing"] == []
    listed = {
        (client["protocol"], client["remote"]) for client in clients["clients"] if client["role"] == "player"
    }
    assert listed == {(player.protocol, player.local) for player in players}
    counts = Counter(player.protocol for player in players)
    shown = next(stream for stream in engine.api("streams")["streams"] if stream["name"] == STREAM)["players"]
    assert {
        protocol: shown[key] for protocol, key in zip(PROTOCOLS, ("http_flv", "ws_flv", "rtmp"), strict=True)
    } == counts
    assert shown["total"] == len(players)
    generations = {worker["name"]: worker["generation"] for worker in engine.api("workers")["workers"]}
    assert generations["fanout1"] == generations["fanout0"] + 1


def check_deaths_counted(engine: RunningEngine, players: list[Player]) -> None:
    for protocol, count in Counter(player.protocol for player in players).items():
        labels = {"protocol": protocol, "reason": "worker_death"}
        figures = scrape(engine)
        assert figures.sum("fanlight_players_ended_total", **labels) == count
    assert figures.sum("fanlight_worker_restarts_total", role="fanout", reason="killed") == 1


@pytest.mark.hard_timeout(900)
async def test_players_stay_and_go_on_at_a_keyframe_when_ingest_is_killed(start_engine: StartEngine) -> None:
    engine = start_engine(SETTINGS)
    moments = random.Random(2)
    async with studio(engine) as stage:
        players = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        for kill in range(INGEST_KILLS):
            await stage.publisher.more(moments.randrange(10, 50))
            await stage.kill("ingest0")
            await stage.publisher.until_session(kill + 2)
        await stage.publisher.more(20)
        stream = await stage.stream()
        assert (stream["state"], stream["reconnects"]) == ("live", INGEST_KILLS)
        await stage.end()
        for player in players:
            check_stayer(player, stage.ring, engine.log)
            check_seams(player, stage)


def check_seams(player: Player, stage: Studio) -> None:
    """Of each session a player got what went into the ring, from its first keyframe on; time only grows."""
    wanted = [number for number in stage.ring.numbers if number >= player.numbers[0]]
    assert player.numbers == wanted
    for session in stage.publisher.sessions:
        sent = set(session.numbers)
        assert next(number for number in player.numbers if number in sent) in session.keyframes
    times = [tag.timestamp_ms for tag in player.tags if tag.kind != 18]
    assert all(before <= after for before, after in pairwise(times))


async def test_stopped_workers_are_found_and_replaced(start_engine: StartEngine) -> None:
    engine = start_engine(SETTINGS)
    async with studio(engine) as stage:
        by_worker = await stage.join_every_worker()
        await stage.kill("fanout1", signal.SIGSTOP)
        newcomers = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        await stage.kill("ingest0", signal.SIGSTOP)
        await stage.publisher.until_session(2)
        await stage.publisher.more(20)
        await stage.end()
        for player in by_worker["fanout0"] + newcomers:
            check_stayer(player, stage.ring, engine.log)
            check_seams(player, stage)
        figures = scrape(engine)
        for role in ("fanout", "ingest"):
            assert figures.sum("fanlight_worker_restarts_total", role=role, reason="hung") == 1


class Remains(NamedTuple):
    """What an engine without streams has, that could grow with every death."""

    supervisor_descriptors: int
    processes: int
    shared_memory_bytes: int


def remains_of(engine: RunningEngine) -> Remains:
    supervisor = engine.process.pid
    with arena_of(supervisor) as arena:
        resident_bytes = arena.resident_bytes
    return Remains(
        len(os.listdir(f"/proc/{supervisor}/fd")),
        len(engine.children()),
        resident_bytes,
    )


def owners_of_metrics_files(engine: RunningEngine) -> set[str]:
    """Whose counts are kept: files are named after kind and slot, so their number cannot grow either."""
    directory = next(SHARED_MEMORY.glob(f"{METRICS_PREFIX}{engine.process.pid}-*"))
    return {file.stem.rpartition("_")[2] for file in directory.iterdir()}


async def live_and_die(engine: RunningEngine, rounds: int) -> None:
    """Publish and play; in each round every worker is killed once. Then the stream ends and is forgotten."""
    async with studio(engine) as stage:
        for round_number in range(rounds):
            players = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
            for worker in WORKERS:
                await stage.kill(worker)
            await stage.publisher.until_session(round_number + 2)
            for player in players:
                await player.ended()
        await stage.end()
    wait_until_forgotten(engine)


def wait_until_forgotten(engine: RunningEngine) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while engine.api("streams")["streams"]:
        assert time.monotonic() < deadline, "the stream is still there"
        time.sleep(LOOK_S)


@pytest.mark.hard_timeout(900)
async def test_kills_of_workers_that_serve_leave_nothing_behind(start_engine: StartEngine) -> None:
    engine = start_engine(PATIENT)
    untouched = remains_of(engine)
    await live_and_die(engine, 1)  # what is opened lazily is open then
    before = remains_of(engine)
    assert before.shared_memory_bytes - untouched.shared_memory_bytes <= STREAM_REMAINS_BYTES, before
    await live_and_die(engine, KILL_ROUNDS)
    assert remains_of(engine) == before
    assert owners_of_metrics_files(engine) == {*WORKERS, "supervisor"}
    deaths = [line for line in engine.log.lines if line.get("event") == "worker_died"]
    assert len(deaths) == len(WORKERS) * (1 + KILL_ROUNDS)
    assert {line["restart_in_s"] for line in deaths} == {0}
    assert engine.status(f"http://{engine.addresses['metrics']}/readyz") == 200
