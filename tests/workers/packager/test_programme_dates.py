"""Renditions of one programme, packaged: the same moment has the same date in all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from engine.config import load
from shm.directory import StreamStats
from tests.workers.packager.rack_stage import CONFIG, RackStage, until
from workers.packager import packages

PROGRAMME = load(
    """[hls]
segment_s = 1.0
delete_after_s = 0.0
programmes = {"live/final" = ["live/large", "live/small"]}""",
    {},
)


@pytest.fixture(autouse=True)
def at_every_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "LOOK_S", 0.0)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[RackStage]:
    stage = RackStage(tmp_path, PROGRAMME)
    yield stage
    stage.close()


def dates_ms(stage: RackStage, name: str) -> list[int]:
    """Of all segments of its playlist."""
    reader = stage.window(name)
    return [each.began_us // 1000 for each in reader.window.segments] if reader else []


async def test_a_rendition_that_takes_longer_to_encode_has_the_same_dates(
    stage: RackStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    rack = stage.new_rack(nursery)
    for stream in (stage.publish("live/large", late_s=1.5), stage.publish("live/small")):
        stream.ask()
        stream.send(4)
    await until(rack, lambda: len(dates_ms(stage, "live/small")) == len(dates_ms(stage, "live/large")) == 3)
    assert dates_ms(stage, "live/small") == dates_ms(stage, "live/large")
    nursery.cancel_scope.cancel()


async def test_streams_that_are_no_renditions_are_dated_each_by_its_arrival(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    stage = RackStage(tmp_path, CONFIG)
    rack = stage.new_rack(nursery)
    for stream in (stage.publish("live/large", late_s=1.5), stage.publish("live/small")):
        stream.ask()
        stream.send(4)
    await until(rack, lambda: len(dates_ms(stage, "live/small")) == len(dates_ms(stage, "live/large")) == 3)
    assert dates_ms(stage, "live/large")[0] - dates_ms(stage, "live/small")[0] >= 1_000
    nursery.cancel_scope.cancel()
    stage.close()


@pytest.mark.parametrize("noticed", ["while it is packaged", "before it is packaged"])
async def test_a_rendition_that_came_back_is_dated_by_its_arrival(
    noticed: str, stage: RackStage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    rack = stage.new_rack(nursery)
    large, small = stage.publish("live/large"), stage.publish("live/small", late_s=1.5)
    large.ask()
    large.send(4)
    await until(rack, lambda: len(dates_ms(stage, "live/large")) == 3)
    if noticed == "while it is packaged":
        small.ask()
        small.send(2)
        await until(rack, lambda: len(dates_ms(stage, "live/small")) == 1)
        small.come_back(late_s=4.0)
    else:
        stage.publishing.set_stats(small.slot, StreamStats(reconnects=1))
        small.ask()
    small.send(4)
    await until(rack, lambda: len(dates_ms(stage, "live/small")) >= 3)
    zero_ms = dates_ms(stage, "live/large")[0]
    newest = dates_ms(stage, "live/small")[-1]
    place = 4 if noticed == "while it is packaged" else 2  # in the stream, in seconds
    assert newest - zero_ms - place * 1_000 >= 1_000
    nursery.cancel_scope.cancel()
