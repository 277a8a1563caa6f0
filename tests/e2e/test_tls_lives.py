"""What befalls connections over TLS: deaths of workers, draining, a new certificate.

TLS is in a worker's own memory, so a publisher lives as long as the worker that relays it; a plain one, whose
socket ingest has, does not notice.
"""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.certificates import make_pair, write_pair
from tests.e2e.books import check_stayer
from tests.e2e.clients import Player, url_of
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import check_connections, scrape
from tests.e2e.sockets import holder_of
from tests.e2e.studio import Studio, replace_worker, signal_worker, studio, wait_for_successor
from tests.e2e.test_stream_lives import NOT_THERE, check_continuous, check_seen_out
from tests.e2e.test_worker_deaths import check_deaths_counted, check_seams
from tests.e2e.tls import over_tls, tls_section
from tests.e2e.wires import PROTOCOLS, RTMP

pytestmark = pytest.mark.slow

SETTINGS: Final[Settings] = {
    "workers": {"fanout": 2, "drain_s": 5.0, "restart_intensity": 100},
    "publish": {"grace_s": 10.0},
}
FANOUTS: Final = {"fanout0", "fanout1"}
DRAIN_S: Final = 1.0


@pytest.fixture
def engine(start_engine: StartEngine, tmp_path: Path) -> RunningEngine:
    return start_engine({**SETTINGS, "tls": tls_section(tmp_path)})


async def relaying(stage: Studio) -> tuple[str, str]:
    """The worker that relays the publisher, and the other one."""
    local = stage.publisher.session.local
    holder = await trio.to_thread.run_sync(holder_of, stage.engine, "rtmps", local)
    (other,) = FANOUTS - {holder}
    return holder, other


async def test_who_is_with_the_other_worker_does_not_notice_that_a_worker_was_killed(
    engine: RunningEngine,
) -> None:
    async with studio(engine, tls=True) as stage:
        by_worker = await stage.join_every_worker()
        holder, other = await relaying(stage)
        dead = await trio.to_thread.run_sync(signal_worker, engine, other)
        newcomers = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        await trio.to_thread.run_sync(wait_for_successor, engine, other, dead)
        for player in by_worker[other]:
            await player.ended()
            assert player.cut_off  # nobody has told it that this is the end
        check_deaths_counted(engine, by_worker[other])
        await stage.publisher.more(20)
        await stage.end()
        assert len(stage.publisher.sessions) == 1
        for player in by_worker[holder] + newcomers:
            stated = check_stayer(player, stage.ring, engine.log)
            assert (stated.dropped, stated.reason) == (0, "stream_ended")


async def test_publisher_whose_worker_was_killed_comes_back_and_players_go_on(engine: RunningEngine) -> None:
    async with studio(engine, tls=True) as stage:
        by_worker = await stage.join_every_worker()
        holder, other = await relaying(stage)
        await stage.kill(holder)
        await stage.publisher.until_session(2)
        await stage.publisher.more(20)
        assert stage.publisher.sessions[0].lost
        stream = await stage.stream()
        assert (stream["state"], stream["reconnects"]) == ("live", 1)
        await stage.end()
        for player in by_worker[other]:
            check_stayer(player, stage.ring, engine.log)
            check_seams(player, stage)
            check_continuous(player)


async def test_worker_that_leaves_alone_ends_its_publisher_when_its_time_is_over(
    start_engine: StartEngine, tmp_path: Path
) -> None:
    workers = SETTINGS["workers"] | {"drain_s": DRAIN_S}
    engine = start_engine({**SETTINGS, "workers": workers, "tls": tls_section(tmp_path)})
    async with studio(engine, tls=True) as stage:
        by_worker = await stage.join_every_worker()
        holder, other = await relaying(stage)
        await trio.to_thread.run_sync(replace_worker, engine, holder, signal.SIGTERM)
        for player in by_worker[holder]:
            await player.ended()
            check_seen_out(player, stage)
            assert not player.cut_off
        await stage.publisher.until_session(2)
        await stage.publisher.more(20)
        await stage.end()
        for player in by_worker[other]:
            check_stayer(player, stage.ring, engine.log)
            check_seams(player, stage)


async def test_draining_gives_players_the_rest_and_tells_everybody_that_this_is_the_end(
    engine: RunningEngine,
) -> None:
    async with studio(engine, tls=True) as stage:
        by_worker = await stage.join_every_worker()
        urls = {protocol: url_of(engine, protocol, "live/later") for protocol in PROTOCOLS}
        early = [Player(protocol, over_tls(engine, url)) for protocol, url in urls.items()]
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
            assert not player.cut_off
        await trio.to_thread.run_sync(engine.stop)
        for player in early:
            await player.ended()
            assert player.farewell == NOT_THERE[player.protocol]
            assert not player.cut_off
    assert not [line for line in engine.log.lines if line.get("event") == "drain_cut_short"]


async def test_connections_that_stand_outlive_the_certificate_they_began_with(
    engine: RunningEngine, tmp_path: Path
) -> None:
    async with studio(engine, tls=True) as stage:
        by_worker = await stage.join_every_worker()
        write_pair(tmp_path, make_pair(name="renewed.test"))
        os.kill(engine.process.pid, signal.SIGHUP)
        for worker in FANOUTS:
            await trio.to_thread.run_sync(wait_for_renewal, engine, worker)
        newcomers = [await stage.join_playing(protocol) for protocol in PROTOCOLS]
        over_rtmp = sum(player.protocol == RTMP for player in stage.players)
        over_http = len(stage.players) - over_rtmp
        await trio.to_thread.run_sync(
            partial(
                check_connections, engine, rtmp=over_rtmp + 1, http=over_http
            )  # relayed, and counted once
        )
        await stage.publisher.more(20)
        await stage.end()
        assert len(stage.publisher.sessions) == 1
        for player in by_worker["fanout0"] + by_worker["fanout1"] + newcomers:
            assert check_stayer(player, stage.ring, engine.log).dropped == 0
        reloads = scrape(engine).sum("fanlight_tls_certificate_reloads_total", result="applied")
        assert reloads == len(FANOUTS)


def wait_for_renewal(engine: RunningEngine, worker: str) -> None:
    engine.log.wait_for(
        "certificate_loaded",
        where=lambda line: line["worker"] == worker and "renewed.test" in str(line["names"]),
    )
