"""Packages come and go: asked for, forgotten, gone on with, over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.workers.packager.rack_stage import RackStage, segments, until, window_of


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[RackStage]:
    stage = RackStage(tmp_path)
    yield stage
    stage.close()


async def test_who_asks_first_finds_what_the_ring_still_has(
    stage: RackStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    rack, stream = stage.new_rack(nursery), stage.publish("live/cam")
    stream.send(5)
    for _ in range(3):
        rack.look()
        await trio.sleep(0.05)
    assert stage.window("live/cam") is None
    stream.ask()
    await until(rack, lambda: stage.window("live/cam") is not None)
    assert len(window_of(stage, "live/cam").segments) == 4  # the fifth has no end yet
    nursery.cancel_scope.cancel()


async def test_a_rack_says_how_many_streams_it_is_at_work_on(
    stage: RackStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    rack, streams = stage.new_rack(nursery), [stage.publish("live/cam"), stage.publish("live/other")]
    assert rack.packages == 0
    for stream in streams:
        stream.send(3)
        stream.ask()
    await until(rack, lambda: segments(stage, "live/other") >= 2)
    assert rack.packages == 2
    streams[0].end()
    await until(rack, lambda: rack.packages == 1)
    nursery.cancel_scope.cancel()


async def test_parts_have_a_rhythm_once_they_are_made_of_what_comes(
    stage: RackStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    rack, stream = stage.new_rack(nursery), stage.publish("live/cam")
    stream.send(5)
    stream.ask()
    await until(rack, lambda: segments(stage, "live/cam") >= 4)
    assert stage.counts.jitters_s == []  # what was in the ring already is packaged as fast as that goes
    stream.send(3)
    await until(rack, lambda: len(stage.counts.jitters_s) >= 2)
    assert min(stage.counts.jitters_s) >= 0
    nursery.cancel_scope.cancel()


async def test_a_stream_that_is_asked_for_again_goes_on_with_its_numbers(
    stage: RackStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    rack, stream = stage.new_rack(nursery), stage.publish("live/cam")
    stream.ask()
    stream.send(3)
    await until(rack, lambda: segments(stage, "live/cam") >= 2)
    before = window_of(stage, "live/cam")
    stream.forget()
    rack.look()
    await trio.sleep(0.1)
    stream.ask()
    rack.look()
    await trio.sleep(0.1)
    stream.send(3)
    await until(rack, lambda: segments(stage, "live/cam") > before.next_msn + 1)
    after = window_of(stage, "live/cam")
    assert after.settings.stamp == before.settings.stamp
    assert any(segment.discontinuity for segment in after.segments)
    nursery.cancel_scope.cancel()


async def test_a_successor_goes_on_and_the_end_is_told(stage: RackStage, autojump_clock: MockClock) -> None:
    stream = stage.publish("live/cam")
    stream.ask()
    stream.send(3)
    async with trio.open_nursery() as first:
        rack = stage.new_rack(first)
        await until(rack, lambda: segments(stage, "live/cam") >= 2)
        first.cancel_scope.cancel()
    async with trio.open_nursery() as second:
        rack = stage.new_rack(second)
        await trio.sleep(0.1)
        stream.send(3)
        await until(rack, lambda: segments(stage, "live/cam") >= 5)
        stream.end()
        await until(rack, lambda: stage.packages.directory.find("live/cam") is None)
        second.cancel_scope.cancel()
    assert not [path for path in stage.packages.folder.rglob("*") if path.is_file()]


async def test_all_that_waits_in_the_ring_is_packaged_before_the_end(
    stage: RackStage, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.packager.remains.Remains.is_due", lambda remains, now_s: False)
    stream = stage.publish("live/cam")
    stream.ask()
    stream.send(2)
    async with trio.open_nursery() as nursery:
        rack = stage.new_rack(nursery)
        await until(rack, lambda: segments(stage, "live/cam") >= 1)
        stream.send(4)  # a hundred tags, more than a pass takes
        stream.end()
        await until(rack, lambda: window_of(stage, "live/cam").ended)
        nursery.cancel_scope.cancel()
    whole_us = sum(each.duration_us for each in window_of(stage, "live/cam").segments)
    assert whole_us == pytest.approx(6e6, abs=5e4)


async def test_a_packager_that_drains_begins_nothing_and_leaves_what_lives(
    stage: RackStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    rack, stream = stage.new_rack(nursery), stage.publish("live/cam")
    stream.ask()
    stream.send(3)
    await until(rack, lambda: segments(stage, "live/cam") >= 2)
    rack.end_all()
    stage.publish("live/other").ask()
    await trio.sleep(0.5)
    rack.look()
    assert stage.packages.directory.find("live/other") is None
    assert not window_of(stage, "live/cam").ended
    assert len(nursery.child_tasks) == 0


async def test_streams_named_as_files_are_nobody_elses_trouble(
    stage: RackStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    rack, stream = stage.new_rack(nursery), stage.publish("live/cam")
    stream.ask()
    stream.send(2)
    await until(rack, lambda: segments(stage, "live/cam") >= 1)
    stamp = window_of(stage, "live/cam").settings.stamp
    for name in (f"live/cam/{stamp}-0.mp4", f"live/cam/{stamp}-2.m4s"):
        hostile = stage.publish(name)
        hostile.ask()
        hostile.send(2)
    stream.send(3)
    await until(rack, lambda: segments(stage, "live/cam") >= 4)
    assert stage.counts.failures == []
    assert not any(segment.gap for segment in window_of(stage, "live/cam").segments)
    nursery.cancel_scope.cancel()
