"""What befalls a stream by intent: takeover, absence and return, a clean end, draining, with a head or
without.
"""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.e2e.books import account_of, check_stayer, statement_about
from tests.e2e.clients import PATIENCE_S, Player, url_of
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import Counters, scrape, wait_for_figures
from tests.e2e.numbered_publisher import NumberedPublisher
from tests.e2e.studio import STREAM, Studio, studio
from tests.e2e.wires import HTTP, PROTOCOLS, RTMP, WEBSOCKET

pytestmark = pytest.mark.slow

SETTINGS: Final[Settings] = {"workers": {"fanout": 2, "drain_s": 5.0, "orphan_drain_s": 2.0}}
FAREWELLS: Final = {HTTP: "", WEBSOCKET: "1001", RTMP: "StreamEOF"}
NOT_THERE: Final = {HTTP: "404", WEBSOCKET: "404", RTMP: "NetStream.Play.StreamNotFound"}
KILLS: Final = 12
WORKERS: Final = ("ingest0", "fanout0", "fanout1", "control0")
ANOTHER: Final = 100_000  # where the second publisher begins to count


async def test_second_publisher_takes_over_and_players_stay(start_engine: StartEngine) -> None:
    engine = start_engine({**SETTINGS, "publish": {"grace_s": 10.0}})
    async with studio(engine) as stage:
        players = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        first = stage.publisher
        first.returns = False
        await first.hold()  # a ghost: connected, silent
        second = NumberedPublisher(engine.rtmp_url(STREAM), first=ANOTHER)
        await stage.nursery.start(second.run)
        await first.ended()
        assert first.session.lost
        assert first.session.statuses[-1] == "NetStream.Publish.BadName"
        stage.publisher = second
        await second.more(30)
        stream = await stage.stream()
        assert (stream["state"], stream["takeovers"], stream["reconnects"]) == ("live", 1, 0)
        await stage.end()
        for player in players:
            check_stayer(player, stage.ring, engine.log)
            check_continuous(player)
            assert set(first.session.numbers) & set(player.numbers)
            assert [number for number in player.numbers if number >= ANOTHER] == second.session.numbers


def check_continuous(player: Player) -> None:
    """A player's time never goes back, and never leaps over more than a frame or two."""
    times = [tag.timestamp_ms for tag in player.tags if tag.kind != 18]
    assert all(0 <= after - before <= 100 for before, after in pairwise(times))


async def test_publisher_that_returns_within_its_grace_goes_on_in_the_same_stream(
    start_engine: StartEngine,
) -> None:
    engine = start_engine({**SETTINGS, "publish": {"grace_s": 10.0}})
    async with studio(engine) as stage:
        players = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        gone = stage.publisher
        gone.vanish()
        await gone.ended()
        await stage.until_state("grace")
        waiting = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        stage.publisher = NumberedPublisher(engine.rtmp_url(STREAM), first=ANOTHER)
        await stage.nursery.start(stage.publisher.run)
        await stage.publisher.more(30)
        stream = await stage.stream()
        assert (stream["state"], stream["reconnects"]) == ("live", 1)
        await stage.end()
        for player in players + waiting:
            check_stayer(player, stage.ring, engine.log)
            check_continuous(player)
            assert player.numbers[-1] == stage.publisher.session.numbers[-1]


async def test_players_are_seen_out_when_a_publisher_stays_away(start_engine: StartEngine) -> None:
    engine = start_engine({**SETTINGS, "publish": {"grace_s": 0.5}})
    async with studio(engine) as stage:
        players = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        await stage.hold()
        stage.publisher.vanish()
        for player in players:
            await player.ended()
            assert player.numbers[-1] == stage.publisher.next_number - 1
            assert player.farewell == FAREWELLS[player.protocol]
            assert check_stayer(player, stage.ring, engine.log).reason == "stream_ended"


async def test_a_clean_end_reaches_everybody_at_once(start_engine: StartEngine) -> None:
    engine = start_engine({**SETTINGS, "publish": {"grace_s": 3600.0}})
    async with studio(engine) as stage:
        players = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        await stage.end()
        for player in players:
            assert player.numbers[-1] == stage.publisher.next_number - 1
            assert player.farewell == FAREWELLS[player.protocol]


async def test_draining_gives_players_the_rest_and_a_farewell(start_engine: StartEngine) -> None:
    engine = start_engine(SETTINGS)
    async with studio(engine) as stage:
        by_worker = await stage.join_every_worker()
        early = [Player(protocol, url_of(engine, protocol, "live/later")) for protocol in PROTOCOLS]
        for player in early:
            await stage.nursery.start(player.play)
        await stage.until_connected(len(stage.players) + len(early))
        stage.publisher.returns = False
        engine.process.terminate()
        await stage.publisher.ended()
        assert stage.publisher.session.statuses[-1] == "NetConnection.Connect.AppShutdown"
        for player in by_worker["fanout0"] + by_worker["fanout1"]:
            await player.ended()
            check_seen_out(player, stage)
        await trio.to_thread.run_sync(engine.stop)
        for player in early:
            await player.ended()
            assert player.farewell == NOT_THERE[player.protocol]
    assert not [line for line in engine.log.lines if line.get("event") == "drain_cut_short"]


def check_seen_out(player: Player, stage: Studio) -> None:
    """This player got everything from its first picture to some moment, and a farewell then."""
    stage.ring.read()
    account = account_of(player, stage.ring)
    assert account.missing == 0
    assert player.farewell == FAREWELLS[player.protocol]
    stated = statement_about(player, stage.engine.log)
    assert stated.delivered == account.delivered
    assert stated.reason in {"drained", "stream_ended"}  # its worker left, or ingest before it


async def test_workers_drain_and_leave_when_the_supervisor_is_killed(headless: RunningEngine) -> None:
    async with studio(headless) as stage:
        by_worker = await stage.join_every_worker()
        stage.publisher.returns = False
        pidfds = [os.pidfd_open(pid) for pid in headless.pids().values()]
        headless.process.kill()
        for player in by_worker["fanout0"] + by_worker["fanout1"]:
            await player.ended()
            check_seen_out(player, stage)
        await stage.publisher.ended()
        for pidfd in pidfds:
            with trio.fail_after(PATIENCE_S):
                await trio.lowlevel.wait_readable(pidfd)
            os.close(pidfd)


@pytest.fixture
def headless(tmp_path: Path) -> Iterator[RunningEngine]:
    """An engine whose supervisor the test kills."""
    engine = RunningEngine(tmp_path, SETTINGS).__enter__()
    yield engine
    engine.kill()


async def test_counters_never_fall_while_workers_are_killed(start_engine: StartEngine) -> None:
    engine = start_engine({**SETTINGS, "workers": {"fanout": 2, "restart_intensity": 100}})
    async with studio(engine) as stage:
        before = (await trio.to_thread.run_sync(scrape, engine)).counters()
        for kill in range(KILLS):
            await stage.join_playing(PROTOCOLS[kill % 3])
            await stage.publisher.more(20)
            if WORKERS[kill % 4] == "fanout0":
                await trio.to_thread.run_sync(wait_until_handed_on, engine, before)
            await stage.kill(WORKERS[kill % 4])
            now = (await trio.to_thread.run_sync(scrape, engine)).counters()
            fallen = {key: (value, now.get(key)) for key, value in before.items() if now.get(key, 0) < value}
            assert fallen == {}
            before = now


def wait_until_handed_on(engine: RunningEngine, before: Counters) -> None:
    """Wait until the board has what was sent since; workers write it there once a second."""
    key = ("fanlight_stream_bytes_total", (("direction", "out"), ("stream", STREAM)))
    known = before.get(key, 0)
    figures = wait_for_figures(engine, lambda figures: figures.counters().get(key, 0) > known)
    assert figures.counters()[key] > known
