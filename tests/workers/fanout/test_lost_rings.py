"""The doorbell is a convenience: with every ring lost, a tag is a poll late and none is missing."""

import random

import pytest
import trio
from trio.testing import MockClock

from engine.media.gop import StartMode
from tests.workers.fanout.stage import Seat, Stage, staged
from workers.fanout.feed import SAFETY_POLL_S
from workers.fanout.wire import FLV, RTMP, WEBSOCKET_FLV, Wire

STEP_S = 0.001
TURNS = 60


async def arrival_of_news(seat: Seat) -> float:
    """How long it takes, seconds, until something more has arrived."""
    began_s, had = trio.current_time(), len(seat.read())
    while len(seat.read()) == had:  # noqa: ASYNC110 - the clock is a mock
        await trio.sleep(STEP_S)
    return trio.current_time() - began_s


@pytest.mark.parametrize("wire", [FLV, WEBSOCKET_FLV, RTMP], ids=lambda wire: wire.name)
async def test_without_any_ring_tags_are_a_poll_late_and_none_is_missing(
    autojump_clock: MockClock, wire: Wire
) -> None:
    moments = random.Random(16)
    stage = Stage()
    published = stage.publish(1)
    async with staged(stage):
        seat = stage.join(wire=wire)
        waiting = stage.join(StartMode.LIVE, wire)
        late_s = []
        for _ in range(TURNS):
            await trio.sleep(moments.random() * 0.1)
            published += stage.publish(moments.randrange(1, 4))
            late_s.append(await arrival_of_news(seat))
        assert max(late_s) <= SAFETY_POLL_S + 2 * STEP_S
        assert max(late_s) > 2 * STEP_S  # else something did ring
        assert seat.read().endswith(b"".join(wire.encode(tag) for tag in published))
        assert waiting.read().endswith(b"".join(wire.encode(tag) for tag in published[stage.gop :]))


async def test_without_any_ring_a_new_epoch_is_found_too(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        seat = stage.join()
        stage.begin_epoch()
        stage.publish(10)
        await arrival_of_news(seat)
        assert seat.numbers() == [*range(5), *range(10, 15)]
