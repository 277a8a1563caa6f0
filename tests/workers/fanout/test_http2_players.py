"""HTTP-FLV on a stream of a connection that carries other things too: the same pump, the same books."""

import pytest
import trio
from trio.testing import MockClock

from engine.media.tags import flv_header
from engine.protocols.http2 import ErrorCode
from tests.engine.http2.talk import request
from tests.workers.fanout.http2_stage import Http2Stage, connected
from tests.workers.fanout.stage import Stage, flv_tags, staged
from workers.fanout.player import Player, PlayerState

FLV_REQUEST = request(b"/live/a.flv")
SMALL_BYTES = 4_096


def numbers(play: Http2Stage, stream_id: int) -> list[int]:
    """The numbers of the media tags that arrived on a stream."""
    tags = flv_tags(play.browser.bodies.get(stream_id, b""))
    return [int.from_bytes(tag.body[5:9], "big") for tag in tags if b"config" not in tag.body]


async def joined(play: Http2Stage) -> tuple[int, Player]:
    """A new player: its stream, and what the pump knows of it."""
    before = set(play.audience)
    stream_id = play.browser.ask(FLV_REQUEST)
    await play.browser.until(lambda: stream_id in play.browser.heads)
    (player,) = set(play.audience) - before
    return stream_id, player


async def test_a_player_gets_every_tag_in_step_with_the_others(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        seat = stage.join()
        stream_id, player = await joined(play)
        for _ in range(10):
            stage.publish(3)
            await stage.settle()
        await play.browser.until(lambda: len(numbers(play, stream_id)) == 35)
        assert player.state is PlayerState.IN_STEP
        assert play.browser.heads[stream_id]["content-type"] == "video/x-flv"
        body = play.browser.bodies[stream_id]
        assert body == seat.read()
        assert body.startswith(flv_header(video=True, audio=True))
        assert player.pump is not None
        assert player.pump.totals(player) == (len(body), 35)
        assert play.told("request", "GET", "/{stream}.flv", 200) == 1


async def test_two_players_and_a_page_share_a_connection(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        first, second = (await joined(play))[0], (await joined(play))[0]
        stage.publish(5)
        await stage.settle()
        assert (await play.browser.get(request(b"/player.js")))[0] == 200
        await play.browser.until(lambda: numbers(play, first) == numbers(play, second) == list(range(10)))


async def test_a_stream_that_is_over_ends_the_answer_and_not_the_connection(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        stream_id, player = await joined(play)
        stage.end()
        await play.browser.until(lambda: stream_id in play.browser.ended)
        assert numbers(play, stream_id) == [0, 1, 2, 3, 4]
        assert player.reason == "stream_ended"
        assert (await play.browser.get(request(b"/")))[0] == 200
        assert len(play.audience) == 0


async def test_who_takes_the_request_back_has_left(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        stream_id, player = await joined(play)
        play.browser.h2.reset_stream(stream_id, ErrorCode.CANCEL)
        play.browser.speak()
        assert (await play.browser.get(request(b"/")))[0] == 200
        await stage.settle()
        assert (player.state, player.reason) == (PlayerState.DONE, "closed")
        assert len(play.audience) == 0


async def test_who_loses_the_connection_has_left(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        _, player = await joined(play)
        play.browser.sock.close()
        await play.over.wait()
        assert player.done
        assert len(play.audience) == 0


async def test_who_is_kicked_sees_a_reset(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        stream_id, player = await joined(play)
        assert play.audience.kick(player.client_id, "kicked")
        await play.browser.until(lambda: stream_id in play.browser.resets)
        assert stream_id not in play.browser.ended
        assert player.reason == "kicked"


async def test_who_gives_little_room_falls_behind_and_catches_up(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage, window_bytes=2_000) as play:
        play.browser.takes_more = False
        stream_id, player = await joined(play)
        stage.publish(20, size=500)
        await stage.settle()
        assert player.state.name == "BEHIND"
        play.browser.takes_more = True
        play.browser.h2.increment_flow_control_window(40_000)
        play.browser.h2.increment_flow_control_window(40_000, stream_id)
        play.browser.speak()
        await play.browser.until(lambda: len(numbers(play, stream_id)) == 25)
        await stage.settle()
        assert player.state.name == "IN_STEP"
        assert player.dropped == 0


async def test_who_reads_nothing_is_judged_like_any_slow_player(autojump_clock: MockClock) -> None:
    stage = Stage()
    async with staged(stage), connected(stage, buffer_bytes=SMALL_BYTES) as play:
        _, player = await joined(play)
        for _ in range(100):
            stage.publish(10, size=5_000)
            await trio.sleep(0.4)
            stage.feed.wake()
            if player.done:
                break
        assert player.reason in ("too_slow", "too_many_jumps")


async def test_a_worker_that_leaves_lets_players_take_what_is_theirs(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        stream_id, _ = await joined(play)
        play.drain()
        stage.feed.end("drained")
        await play.browser.until(lambda: stream_id in play.browser.ended)
        assert numbers(play, stream_id) == [0, 1, 2, 3, 4]
        await play.browser.until(lambda: False)
        assert play.browser.goodbye == ErrorCode.NO_ERROR


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [(b"HEAD", b"/live/a.flv", 200), (b"GET", b"/live/a.mp4", 404), (b"GET", b"/live/b.flv", 404)],
)
async def test_what_plays_nothing_is_an_answer(
    autojump_clock: MockClock, method: bytes, path: bytes, status: int
) -> None:
    stage = Stage()
    async with staged(stage), connected(stage) as play:
        found, head, _ = await play.browser.get(request(path, method))
        assert found == status
        assert head["x-request-id"]
        assert len(play.audience) == 0
