"""Where SRT players begin, what they are owed then, and the figures of it."""

import pytest
from trio.testing import MockClock

from engine.config import PathSettings, load
from engine.config.path_settings import for_path
from engine.media.gop import StartMode
from tests.workers.fanout.srt_stage import SrtSeat, film
from tests.workers.fanout.stage import MS_PER_TAG
from workers.fanout.player import PlayerState
from workers.fanout.srt_player import PAID_PER_TURN
from workers.runtime.circle import now_us

LATE_US = 1_100_000
"""After so long a sender drops what its peer does not acknowledge."""


def gops(number: int) -> PathSettings:
    return for_path(load(f"[gop]\nmax_gops = {number}\nmax_duration_s = 60", {}), "live/a")


def pay(seat: SrtSeat) -> int:
    """Let the circle come round until nothing is owed; how many turns that took."""
    turns = 0
    while seat.player.state is PlayerState.BEHIND:
        seat.player.serve(now_us())
        seat.read()
        turns += 1
        assert turns < 1_000
    return turns


def close_window(seat: SrtSeat) -> None:
    """As if the peer had told that its buffer is full."""
    sender = seat.player.link.connection.sender
    sender.acknowledge(sender.unsent & 0x7FFF_FFFF, free_packets=0)


async def test_live_is_the_next_keyframe_although_the_log_has_one(autojump_clock: MockClock) -> None:
    async with film(12) as stage:
        first = stage.join_srt()
        await stage.play_on(3)
        live = stage.join_srt(StartMode.LIVE)
        await stage.play_on(4)
        assert (live.player.state, live.numbers()) == (PlayerState.WAITING, [])
        await stage.play_on(4)
        assert live.numbers() == [20, 21, 22]
        assert first.numbers() == list(range(10, 23))
        assert live.player.dropped == 5
        assert stage.pump.take_figures().tags_dropped == {"waited": 5}
        assert stage.pump.totals(live.player)[1] == 3


async def test_live_is_the_next_keyframe_for_the_first_player_too(autojump_clock: MockClock) -> None:
    async with film(15) as stage:
        live = stage.join_srt(StartMode.LIVE)
        await stage.play_on(4)
        assert live.numbers() == []
        await stage.play_on(3)
        assert live.numbers() == [20, 21]


async def test_burst_goes_back_as_far_as_the_limits_let_it(autojump_clock: MockClock) -> None:
    async with film(45, settings=gops(3)) as stage:
        first = stage.join_srt(StartMode.BURST)
        await stage.settle()
        assert first.numbers() == list(range(20, 45))
        await stage.play_on(10)
        seats = [stage.join_srt(mode) for mode in (StartMode.BURST, StartMode.KEYFRAME)]
        await stage.play_on(1)
        assert [seat.numbers()[0] for seat in seats] == [30, 50]
        assert {seat.numbers()[-1] for seat in (first, *seats)} == {55}
        assert [stage.pump.totals(seat.player)[1] for seat in seats] == [26, 6]


async def test_burst_goes_back_no_farther_than_the_log(autojump_clock: MockClock) -> None:
    async with film(35, settings=gops(5)) as stage:
        stage.join_srt()  # the log begins with it, at 30
        await stage.play_on(10)
        burst = stage.join_srt(StartMode.BURST)
        await stage.settle()
        assert burst.numbers() == list(range(30, 45))
        assert burst.player.dropped == 0


async def test_the_log_holds_what_players_may_begin_at_and_no_more(autojump_clock: MockClock) -> None:
    async with film(5, settings=gops(2)) as stage:
        stage.join_srt()
        for _ in range(10):
            await stage.play_on(10)
        assert [gop.first_seq for gop in stage.pump._log._gops] == [90, 100]


async def test_a_start_that_is_newer_than_the_log_is_waited_for(autojump_clock: MockClock) -> None:
    async with film(8) as stage:
        stage.join_srt()
        await stage.settle()
        stage.publish(3)  # 10 is a keyframe, and no pass has seen it
        late = stage.join_srt()
        assert late.player.state is PlayerState.WAITING
        await stage.settle()
        assert late.numbers() == [10]
        assert (late.player.state, late.player.dropped) == (PlayerState.IN_STEP, 0)


async def test_a_debt_is_paid_in_turns_and_what_comes_meanwhile_goes_behind_it(
    autojump_clock: MockClock,
) -> None:
    async with film(250, gop=300, size=1_500) as stage:
        first = stage.join_srt()
        await stage.settle()
        pay(first)
        late = stage.join_srt()
        assert late.player.link.connection.sender.counts.unique == PAID_PER_TURN
        assert stage.pump.sample_lags_s()[0] > 0
        assert late.player.serve(now_us()) <= now_us()
        await stage.play_on(3)
        assert pay(late) > 2
        assert late.numbers() == first.numbers() == list(range(253))
        assert late.player.state is PlayerState.IN_STEP


async def test_lag_is_the_media_time_that_has_not_been_sent(autojump_clock: MockClock) -> None:
    async with film(250, gop=300, size=1_500) as stage:
        seat = stage.join_srt()
        await stage.settle()
        pump = stage.pump
        behind = pump.lag_us(seat.player) // (MS_PER_TAG * 1000)
        assert seat.numbers()[-1] == 250 - 1 - behind - 1
        assert pump.sample_lags_s() == [behind * MS_PER_TAG / 1000]
        pay(seat)
        assert pump.lag_us(seat.player) == 0
        assert pump.sample_lags_s() == [0.0]


async def test_nobody_has_no_lag_and_who_waits_has_none(autojump_clock: MockClock) -> None:
    async with film(3, keyframes=False) as stage:
        seat = stage.join_srt()
        await stage.settle()
        assert stage.pump.sample_lags_s() == []
        assert stage.pump.take_figures().joins_s == []
        assert seat.player.state is PlayerState.WAITING


async def test_a_join_lasts_until_the_first_media_has_gone_out(autojump_clock: MockClock) -> None:
    async with film(9) as stage:
        seat = stage.join_srt(StartMode.LIVE)
        seat.player.joined_ns = 1_000
        await stage.settle()
        assert stage.pump.take_figures().joins_s == []
        await stage.play_on(2)
        await stage.play_on(2)
        (join_s,) = stage.pump.take_figures().joins_s
        assert join_s == pytest.approx((now_us() - 1) * 1e-6, abs=60)


async def test_what_a_closed_window_holds_back_is_lag_and_then_dropped(autojump_clock: MockClock) -> None:
    async with film(5) as stage:
        stuck, good = stage.join_srt(), stage.join_srt()
        await stage.settle()
        pump = stage.pump
        assert pump.take_figures().tags_sent == 10
        close_window(stuck)
        for _ in range(4):
            await stage.play_on(5)
        assert stuck.player.state is PlayerState.BEHIND
        assert pump.lag_us(stuck.player) == 19 * MS_PER_TAG * 1000  # from the sixth to the newest
        assert pump.totals(stuck.player)[1] == 5
        assert pump.take_figures().tags_sent == 20
        stuck.player.serve(now_us() + LATE_US)
        figures = pump.take_figures()
        assert figures.tags_dropped == {"too_slow": 20}
        assert (figures.tags_sent, stuck.player.dropped) == (0, 20)
        assert pump.totals(stuck.player)[1] + stuck.player.dropped == 25
        assert pump.lag_us(stuck.player) == 0
        assert good.numbers() == list(range(25))


async def test_what_was_never_sent_when_a_player_left_is_dropped(autojump_clock: MockClock) -> None:
    async with film(5) as stage:
        seat = stage.join_srt()
        await stage.settle()
        close_window(seat)
        await stage.play_on(5)
        stage.feed.leave(seat.player, "closed")
        figures = stage.pump.take_figures()
        assert figures.tags_dropped == {"left": 5}
        assert (figures.tags_sent, seat.player.delivered, seat.player.dropped) == (5, 5, 5)
        assert figures.bytes_sent == seat.player.bytes_sent == len(seat.read())
