"""A worker that can do no more: it sends players away, in their protocols' words, and never its streams."""

from functools import partial
from typing import Final

import pytest
import trio

from tests.e2e.clients import Player, url_of
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import scrape, wait_for_figures
from tests.e2e.hostile.strangers import codes, exchange, http_request, rtmp_request, status_of, stranger
from tests.e2e.numbered_publisher import NumberedPublisher
from tests.e2e.srt_client import SrtClient, call
from tests.e2e.wires import HTTP

NAME: Final = "live/steady"
FULL_AT_PERCENT: Final = 20.0  # of a core: little enough for any machine to reach
HAMMERS: Final = 8
PATIENCE_S: Final = 60.0
OVERLOAD: Final = 1402


async def hammer(engine: RunningEngine) -> None:
    """Ask for a page again and again, until cancelled."""
    async with stranger(engine, "http") as client:
        while True:
            await client.say(http_request(b"/"))
            await client.sock.recv(65_536)


async def told(engine: RunningEngine, level: str) -> None:
    """Wait until a worker has said that it stands there."""
    wait = partial(
        engine.log.wait_for, "overload", timeout_s=PATIENCE_S, where=lambda line: line["step"] == level
    )
    await trio.to_thread.run_sync(wait)


async def check_refusals(engine: RunningEngine) -> None:
    """Nobody new is let in, whatever he speaks."""
    answer = await exchange(engine, "http", http_request(b"/live/steady.flv"))
    assert (status_of(answer), b"Retry-After: 10\r\n" in answer) == (503, True)
    answer = await exchange(engine, "http", http_request(b"/live/steady.m3u8", b"Connection: close"))
    assert status_of(answer) == 503
    answer = await exchange(engine, "rtmp", rtmp_request("play", "live", "steady"))
    assert codes(answer)[-1] == "NetConnection.Connect.Rejected"
    answer = await exchange(engine, "rtmp", rtmp_request("publish", "live", "another"))
    assert (codes(answer)[-1], b"overloaded" in answer) == ("NetConnection.Connect.Rejected", True)
    for stream_id in (f"read:{NAME}", "publish:live/another"):
        with SrtClient(engine.addresses["srt"], call(stream_id)) as caller:
            assert await trio.to_thread.run_sync(caller.refused_with) == OVERLOAD


@pytest.mark.slow
async def test_an_overloaded_worker_sends_players_away_and_keeps_its_streams(
    start_engine: StartEngine,
) -> None:
    overload: dict[str, object] = {"enabled": True, "max_cpu_percent": FULL_AT_PERCENT}
    engine = start_engine({"overload": overload, "workers": {"fanout": 1, "drain_s": 5.0}})
    publisher = NumberedPublisher(engine.rtmp_url(NAME))
    first, second = (Player(HTTP, url_of(engine, HTTP, NAME)) for _ in range(2))
    async with trio.open_nursery() as nursery:
        await nursery.start(publisher.run)
        await publisher.more(2)
        await nursery.start(first.play)
        await first.until(lambda player: bool(player.numbers))
        async with trio.open_nursery() as hammers:
            for _ in range(HAMMERS):
                hammers.start_soon(hammer, engine)
            await told(engine, "drop_players")
            await first.ended()
            await check_refusals(engine)
            assert scrape(engine).sum("fanlight_worker_overload_level", worker="fanout0") == 4
            hammers.cancel_scope.cancel()
        await told(engine, "calm")
        await nursery.start(second.play)
        await second.until(lambda player: bool(player.numbers))
        assert len(publisher.sessions) == 1
        publisher.finish()
        await second.ended()
        nursery.cancel_scope.cancel()
    figures = wait_for_figures(engine, lambda now: now.sum("fanlight_players") == 0)
    assert figures.sum("fanlight_players_ended_total", reason="overloaded") == 1
    assert figures.sum("fanlight_play_refusals_total", reason="overloaded") >= 4
    assert figures.sum("fanlight_publish_refusals_total", reason="overloaded") == 2
