"""A feed beside its players: its row on the board, its settings, what it knows of its stream."""

import msgspec
from trio.testing import MockClock

from engine.config import Config, PathSettings, for_path
from shm.directory import StreamStats
from tests.workers.fanout.stage import Stage, closing, staged


async def test_player_that_lingers_does_not_write_into_the_row_of_the_slots_next_stream(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(1)
    async with staged(stage):
        seat = stage.join()
        stage.end()
        await stage.settle()
        row = stage.feed.row
        row.lease, row.players_http = row.lease + 1, 7  # another feed has the slot by now
        stage.feed.leave(seat.player, "closed")
        assert row.players_http == 7


async def test_reloaded_settings_do_not_count_a_feeds_passes_twice() -> None:
    stage = Stage()
    with closing(stage):
        settings = msgspec.structs.replace(stage.feed.settings, min_coalesce_ms=0, max_coalesce_ms=100)
        for _ in range(20):
            stage.feed.reconfigure(settings)
            stage.feed.pacer.note(0.0003)
        assert stage.feed.pacer.tick_s == 0  # one cheap pass, however often it was configured


async def test_low_water_follows_what_the_stream_measures_now() -> None:
    stage = Stage()
    with closing(stage):
        floor_bytes = stage.feed.low_water_bytes()
        stage.directory.set_stats(stage.slot, StreamStats(bitrate_bps=80_000_000))
        tick_bytes = 80_000_000 // 8 * stage.feed.settings.max_coalesce_ms // 1000
        assert stage.feed.low_water_bytes() == 2 * tick_bytes > floor_bytes


async def test_slow_player_is_judged_by_reloaded_limits(autojump_clock: MockClock) -> None:
    stage = Stage(settings=patient())
    stage.publish(1)
    async with staged(stage):
        seat = stage.join(buffer_bytes=20_000)
        for _ in range(6):
            stage.publish(10, size=3_000)
            await stage.settle()
        assert seat.player.slow is not None
        assert seat.player.jumps == 0
        stage.feed.reconfigure(
            msgspec.structs.replace(stage.feed.settings, max_lag_s=1.0, slow_player="disconnect")
        )
        await stage.settle()
        assert seat.player.reason == "too_slow"


def patient() -> PathSettings:
    return msgspec.structs.replace(for_path(Config(), "live/a"), max_lag_s=60.0)
