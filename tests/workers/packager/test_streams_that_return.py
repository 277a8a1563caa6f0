"""A stream that is over and comes back: in the same playlist where players may wait for it, else in a new
one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from engine.config import load
from engine.protocols.hls import Window, media_playlist
from tests.workers.packager.rack_stage import RackStage, segments, until, window_of
from workers.packager.packages import PackageRack

WAITS = "[hls]\nsegment_s = 1.0\ndelete_after_s = 0.0\nend_list = false\nreturn_s = {return_s}\n"

MakeStage = Callable[[str], RackStage]


@pytest.fixture
def make_stage(tmp_path: Path) -> Iterator[MakeStage]:
    stages: list[RackStage] = []

    def make(config: str) -> RackStage:
        stages.append(RackStage(tmp_path, load(config, {})))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


async def play_to_the_end(stage: RackStage, rack: PackageRack) -> Window:
    """A stream of three seconds, packaged and over; its last window."""
    stream = stage.publish("live/cam")
    stream.ask()
    stream.send(3)
    await until(rack, lambda: segments(stage, "live/cam") >= 2)
    last = window_of(stage, "live/cam")

    def is_over() -> bool:
        nonlocal last
        reader = stage.window("live/cam")
        last = reader.window if reader else last
        return reader is None or last.ended

    stream.end()
    await until(rack, is_over)
    await trio.sleep(0.1)
    return last


async def come_back(stage: RackStage, rack: PackageRack, before: Window, *, same: bool) -> Window:
    """Publish and package it again; the window once there are new segments in it, in the same playlist or in
    another."""
    stream = stage.publish("live/cam")
    stream.ask()

    def is_there() -> bool:
        stream.send(1)
        reader = stage.window("live/cam")
        if reader is None or not reader.window.segments:
            return False
        is_same = reader.window.settings.stamp == before.settings.stamp
        return is_same is same and (not same or reader.window.segments[-1].msn >= before.next_msn)

    await until(rack, is_there)
    return window_of(stage, "live/cam")


async def test_players_who_waited_find_it_behind_a_discontinuity(
    make_stage: MakeStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    stage = make_stage(WAITS.format(return_s=60))
    rack = stage.new_rack(nursery)
    before = await play_to_the_end(stage, rack)
    assert "#EXT-X-ENDLIST" not in media_playlist(before)
    after = await come_back(stage, rack, before, same=True)
    fresh = [segment for segment in after.segments if segment.msn >= before.next_msn]
    assert [segment.msn for segment in after.segments] == [
        after.media_sequence + place for place in range(len(after.segments))
    ]
    assert [segment.discontinuity for segment in fresh] == [True, *[False] * (len(fresh) - 1)]
    assert fresh[0].init != before.segments[-1].init  # its decoder may need another one
    nursery.cancel_scope.cancel()


async def test_after_that_time_it_is_another_stream(
    make_stage: MakeStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    stage = make_stage(WAITS.format(return_s=0))
    rack = stage.new_rack(nursery)
    before = await play_to_the_end(stage, rack)
    await until(rack, lambda: stage.packages.directory.find("live/cam") is None)
    after = await come_back(stage, rack, before, same=False)
    assert after.media_sequence == 0
    nursery.cancel_scope.cancel()


async def test_what_has_said_that_it_is_over_is_over(
    make_stage: MakeStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    stage = make_stage("[hls]\nsegment_s = 1.0\ndelete_after_s = 60.0")
    rack = stage.new_rack(nursery)
    before = await play_to_the_end(stage, rack)
    assert "#EXT-X-ENDLIST" in media_playlist(before)
    after = await come_back(stage, rack, before, same=False)
    assert after.media_sequence == 0
    nursery.cancel_scope.cancel()


async def test_a_successor_goes_on_as_its_predecessor_would_have(
    make_stage: MakeStage, autojump_clock: MockClock
) -> None:
    stage = make_stage(WAITS.format(return_s=60))
    async with trio.open_nursery() as first:
        before = await play_to_the_end(stage, stage.new_rack(first))
        first.cancel_scope.cancel()
    async with trio.open_nursery() as second:
        after = await come_back(stage, stage.new_rack(second), before, same=True)
        second.cancel_scope.cancel()
    assert after.next_msn > before.next_msn


async def test_what_is_cut_in_another_way_now_is_another_stream(
    make_stage: MakeStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    stage = make_stage(WAITS.format(return_s=60))
    rack = stage.new_rack(nursery)
    before = await play_to_the_end(stage, rack)
    stage.reload(load(WAITS.format(return_s=60) + 'variant = "ts"\n', {}))
    after = await come_back(stage, rack, before, same=False)
    assert after.settings.variant == "ts"
    nursery.cancel_scope.cancel()
