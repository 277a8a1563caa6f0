"""Publishers who have nothing to say, and clients that close one direction only."""

from typing import Final

import pytest
import trio

from engine.protocols.rtmp.limits import MAX_MEDIA_PER_S
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import scrape
from tests.e2e.hostile.counting import counted
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import codes, http_request, rtmp_request, stranger, upgrade_request
from tests.engine.rtmp.wire import command, head, message

pytestmark = pytest.mark.slow

ENDED: Final = "fanlight_publishes_ended_total"
FRAME_BODY: Final = b"\x17\x01\x00\x00\x00frame"
FRAME: Final = message(6, 9, FRAME_BODY, stream=1)
GOODBYE: Final = command("deleteStream", 4, None, 1.0)
SECOND_S: Final = 1.1  # and a little: the engine's second begins when it likes
HALF_A_FRAME: Final = head(0, 6, 0, 100_000, 9, 1)

# What a publisher says first, what it drips from then on, and what becomes of it.
SILENT: Final = {
    "nothing at all": (b"", b"", "no_first_packet"),
    "bytes that never make a frame": (HALF_A_FRAME, b"x", "no_first_packet"),
    "one frame": (FRAME, b"", "idle"),
}


@pytest.mark.parametrize(("first", "drop", "reason"), SILENT.values(), ids=SILENT.keys())
async def test_a_publisher_with_nothing_to_say_is_told_so_and_closed(
    first: bytes, drop: bytes, reason: str, fortress: RunningEngine
) -> None:
    before = scrape(fortress)
    async with stranger(fortress, "rtmp") as client:
        await client.say(rtmp_request("publish", "silent", "cam"))
        await client.hear(b"NetStream.Publish.Start")
        await client.say(first)
        if drop:
            await client.until_cut_off(drop, 0.1)
        else:
            assert codes(await client.hear())[-1] == "NetStream.Unpublish.Success"
    assert counted(before, fortress, ENDED, reason, 1)


async def test_a_publisher_may_send_more_in_its_life_than_in_one_second(fortress: RunningEngine) -> None:
    async with stranger(fortress, "rtmp") as client:
        await client.say(rtmp_request("publish", "live", "long") + FRAME)
        for _ in range(2):
            await client.say((head(3, 6) + FRAME_BODY) * (MAX_MEDIA_PER_S * 2 // 3))
            await trio.sleep(SECOND_S)
        await client.say(GOODBYE)
        assert codes(await client.hear())[-1] == "NetStream.Unpublish.Success"


@pytest.mark.parametrize(
    "request_bytes",
    [http_request(b"/live/steady.flv"), upgrade_request(b"/live/steady.flv")],
    ids=["HTTP", "WebSocket"],
)
async def test_a_player_that_closes_its_direction_has_left(
    request_bytes: bytes, fortress: RunningEngine
) -> None:
    async with steady_stream(fortress):
        before = scrape(fortress)
        async with stranger(fortress, "http") as client:
            await client.say(request_bytes)
            await client.hear(b"FLV\x01")
            client.half_close()
            await client.hear()
        assert counted(before, fortress, "fanlight_players_ended_total", "closed", 1)


async def test_a_publisher_that_closes_its_direction_has_vanished(fortress: RunningEngine) -> None:
    before = scrape(fortress)
    async with stranger(fortress, "rtmp") as client:
        await client.say(rtmp_request("publish", "live", "half") + FRAME)
        await client.hear(b"NetStream.Publish.Start")
        client.half_close()
        await client.hear()
    assert counted(before, fortress, ENDED, "connection_lost", 1)
