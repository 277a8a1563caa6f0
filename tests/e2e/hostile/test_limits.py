"""Full houses, and tags too large for the ring: refused by name, counted, and nobody else's trouble."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Final, Literal

import pytest
import trio

from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import scrape, wait_for_figures
from tests.e2e.hostile.counting import counted
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import (
    Stranger,
    codes,
    exchange,
    http_request,
    rtmp_request,
    status_of,
    stranger,
    upgrade_request,
)
from tests.e2e.hostile.vitals import MIB
from tests.engine.rtmp.wire import command, message, set_chunk_size
from workers.fanout.accept import MAX_STRANGERS

pytestmark = pytest.mark.slow

STREAMS: Final = 2
PLAYERS: Final = 3
RING_BYTES: Final = MIB  # the smallest there is; a quarter of it is the largest tag
WAIT_S: Final = 0.2

SETTINGS: Final[Settings] = {
    "rtmp": {"handshake_timeout_s": 20.0},
    "workers": {"fanout": 1, "drain_s": 5.0},
    "ring": {"bytes": RING_BYTES},
    "gop": {"max_bytes": 262_144},
    "fanout": {"max_players": PLAYERS, "max_lag_bytes": 262_144, "max_lag_s": 30.0},
    "publish": {"max_streams": STREAMS, "grace_s": 0.0},
    "play": {"wait_s": WAIT_S},
}

GOODBYE: Final = command("deleteStream", 4, None, 1.0)
BIG_CHUNKS: Final = set_chunk_size(65_536)


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with hardly any room."""
    with RunningEngine(tmp_path_factory.mktemp("tight"), SETTINGS) as engine:
        before = engine.pids()
        yield engine
        assert engine.pids() == before, f"a worker died\n{engine.log}"
    assert not [line for line in engine.log.lines if line.get("event") == "connection_failed"]


@pytest.fixture(autouse=True)
def emptied(tight: RunningEngine) -> Iterator[None]:
    """There is room for three players: those of one test must have left before the next begins."""
    yield
    assert wait_for_figures(tight, lambda now: now.sum("fanlight_players") == 0).sum("fanlight_players") == 0


Verb = Literal["publish", "play"]


async def join(stack: AsyncExitStack, engine: RunningEngine, verb: Verb, name: str) -> Stranger:
    """Publish or play until the stack unwinds."""
    client = await stack.enter_async_context(stranger(engine, "rtmp"))
    await client.say(rtmp_request(verb, "live", name))
    await client.hear(b"NetStream.Publish.Start" if verb == "publish" else b"NetStream.Play.Start")
    return client


async def watch(stack: AsyncExitStack, engine: RunningEngine, request: bytes) -> Stranger:
    """Play over the media port until the stack unwinds."""
    client = await stack.enter_async_context(stranger(engine, "http"))
    await client.say(request)
    await client.hear(b"\r\n\r\n")
    return client


async def test_a_stream_too_many_is_refused_until_one_ends(tight: RunningEngine) -> None:
    before = scrape(tight)
    async with AsyncExitStack() as stack:
        publishers = [await join(stack, tight, "publish", f"cam{number}") for number in range(STREAMS)]
        answer = await exchange(tight, "rtmp", rtmp_request("publish", "live", "third"))
        assert codes(answer)[-1] == "NetStream.Publish.BadName"
        assert b"2 streams are published already" in answer
        assert counted(before, tight, "fanlight_publish_refusals_total", "too_many_streams", 1)
        await publishers[0].say(GOODBYE)
        await publishers[0].hear()
        await join(stack, tight, "publish", "third")


async def test_a_player_too_many_is_refused_until_one_leaves(tight: RunningEngine) -> None:
    before, path = scrape(tight), b"/live/cam.flv"
    async with AsyncExitStack() as stack:
        await join(stack, tight, "publish", "cam")
        leaver = await watch(stack, tight, http_request(path))
        await watch(stack, tight, upgrade_request(path))
        await join(stack, tight, "play", "cam")
        for request in (http_request(path), upgrade_request(path)):
            assert status_of(await exchange(tight, "http", request)) == 503
        answer = await exchange(tight, "rtmp", rtmp_request("play", "live", "cam"))
        assert codes(answer)[-1] == "NetStream.Play.StreamNotFound"
        assert b"as many players as it may have" in answer
        assert counted(before, tight, "fanlight_play_refusals_total", "too_many_players", 3)
        leaver.reset()
        now = wait_for_figures(tight, lambda now: now.sum("fanlight_players") == PLAYERS - 1)
        assert now.sum("fanlight_players") == PLAYERS - 1
        assert status_of((await watch(stack, tight, http_request(path))).answer) == 200


async def test_a_flood_of_strangers_ends_at_the_door(tight: RunningEngine) -> None:
    async with steady_stream(tight, of_each=1):
        before = scrape(tight)
        async with AsyncExitStack() as stack:
            for _ in range(MAX_STRANGERS + 1):  # the players' places are taken
                await stack.enter_async_context(stranger(tight, "rtmp"))
            # Which one was too many is chance: those accepted together begin in any order.
            assert counted(before, tight, "fanlight_handshake_failures_total", "too_many_connections", 1)
            assert await exchange(tight, "rtmp", b"") == b""
            assert await exchange(tight, "http", b"") == b""
        assert counted(before, tight, "fanlight_handshake_failures_total", "too_many_connections", 3)


async def test_a_stream_that_is_not_there_is_waited_for_and_then_refused(tight: RunningEngine) -> None:
    before, began_s = scrape(tight), trio.current_time()
    for request in (http_request(b"/live/nobody.flv"), upgrade_request(b"/live/nobody.flv")):
        assert status_of(await exchange(tight, "http", request)) == 404
    answer = await exchange(tight, "rtmp", rtmp_request("play", "live", "nobody"))
    assert codes(answer)[-1] == "NetStream.Play.StreamNotFound"
    assert trio.current_time() - began_s >= 3 * WAIT_S
    assert counted(before, tight, "fanlight_play_refusals_total", "not_found", 3)


def keyframe(size: int) -> bytes:
    return message(6, 9, b"\x17\x01\x00\x00\x00".ljust(size, b"k"), stream=1, chunk=65_536)


# What else is in the same bytes as the tag that does not fit.
BEHIND: Final = {
    "nothing": b"",
    "a goodbye": GOODBYE,
    "bytes that are no RTMP": b"\xff" * 100,
    "the next frame": keyframe(1_000),
}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND.keys())
async def test_a_tag_too_large_for_the_ring_ends_its_publisher_alone(
    behind: bytes, tight: RunningEngine
) -> None:
    before = scrape(tight)
    async with steady_stream(tight, of_each=1):
        publish = rtmp_request("publish", "live", "large") + BIG_CHUNKS + keyframe(1_000)
        answer = await exchange(tight, "rtmp", publish + keyframe(RING_BYTES // 4) + behind)
        assert "NetStream.Publish.Start" in codes(answer)
        assert counted(before, tight, "fanlight_ring_failures_total", "tag_too_large", 1)
        assert counted(before, tight, "fanlight_publishes_ended_total", "error", 1)
    said = tight.log.wait_for("ring_failed")
    assert said["stream"] == "live/large"
    assert "this ring takes 262144" in str(said["why"])


async def test_a_publisher_of_the_largest_tags_that_fit_is_served(tight: RunningEngine) -> None:
    publish = rtmp_request("publish", "live", "large") + BIG_CHUNKS
    frames = keyframe(RING_BYTES // 4 - 15) * 10
    answer = await exchange(tight, "rtmp", publish + frames + GOODBYE)
    assert codes(answer)[-1] == "NetStream.Unpublish.Success"
    ended = tight.log.wait_for("unpublished", where=lambda line: line["tags"] == 10)
    assert ended["reason"] == "finished"
