"""The library with several renditions of one programme: what is asked for together, and what each says of
the others."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from engine.config import load
from engine.protocols.hls import Directives, Report
from tests.workers.packager.rack_stage import FANOUT, Publication, RackStage
from workers.fanout import library
from workers.fanout.library import COMPANY_S, Library
from workers.fanout.locations import media_uri
from workers.packager import packages
from workers.packager.packages import PackageRack

CONFIG = load(
    """[hls]
segment_s = 1.0
programmes = {"live/final" = ["live/large", "live/small", "studio/sound"]}""",
    {},
)


@pytest.fixture(autouse=True)
def at_every_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "LOOK_S", 0.0)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[RackStage]:
    stage = RackStage(tmp_path, CONFIG)
    yield stage
    stage.close()


class House:
    """A packager and a fanout worker's library, on one stage."""

    def __init__(self, stage: RackStage, nursery: trio.Nursery) -> None:
        self.stage = stage
        self.rack: PackageRack = stage.new_rack(nursery)
        listener = cast("Any", SimpleNamespace(sleepers={}))
        self.library = Library(cast("Any", stage.worker_in(FANOUT)), nursery, listener)

    def publish(self, name: str, seconds: int = 4) -> Publication:
        stream = self.stage.publish(name)
        stream.send(seconds)
        return stream

    async def until(self, true: Callable[[], bool]) -> None:
        for _ in range(200):
            self.rack.look()
            if true():
                return
            await trio.sleep(0.05)
        raise AssertionError("it never was")

    def ask_for(self, *names: str) -> None:
        for name in names:
            record = self.stage.streams_directory.find(name)
            assert record is not None
            self.library.ask_for(record)

    def packaged(self, name: str) -> int:
        """How many segments there are or have begun, asked past the library."""
        reader = self.stage.window(name)
        return reader.window.next_msn if reader else 0

    def is_ready(self, name: str) -> bool:
        shelf = self.library.find(name)
        return shelf is not None and shelf.window.ready


@pytest.fixture
async def house(stage: RackStage, nursery: trio.Nursery, autojump_clock: MockClock) -> House:
    return House(stage, nursery)


def reports_in(text: bytes) -> list[str]:
    return [line for line in text.decode().splitlines() if line.startswith("#EXT-X-RENDITION-REPORT")]


async def test_a_playlist_says_where_the_others_stand_and_keeps_them_packaged(
    house: House, nursery: trio.Nursery
) -> None:
    large = house.publish("live/large")
    for name in ("live/small", "studio/sound"):
        house.publish(name)
    house.ask_for("live/large")
    await house.until(lambda: house.is_ready("live/large"))
    shelf = house.library.find("live/large")
    assert shelf is not None
    assert reports_in(shelf.playlist(Directives()).plain) == []  # nobody had asked for the others
    await house.until(lambda: house.is_ready("live/small") and house.is_ready("studio/sound"))
    large.send(1)
    await house.until(lambda: shelf.window.next_msn == 5)
    assert reports_in(shelf.playlist(Directives()).plain) == [
        '#EXT-X-RENDITION-REPORT:URI="../small/media.m3u8",LAST-MSN=3,LAST-PART=0',
        '#EXT-X-RENDITION-REPORT:URI="../../studio/sound/media.m3u8",LAST-MSN=3,LAST-PART=0',
    ]
    nursery.cancel_scope.cancel()


async def test_reports_are_of_the_moment_although_nobody_has_woken_the_others(
    house: House, nursery: trio.Nursery
) -> None:
    large, small = house.publish("live/large"), house.publish("live/small")
    house.ask_for("live/large", "live/small")
    await house.until(lambda: house.is_ready("live/large") and house.is_ready("live/small"))
    small.send(2)
    large.send(1)
    await house.until(lambda: house.packaged("live/small") == 6)
    (report,) = house.library.look_around("live/large")
    assert report == Report("../small/media.m3u8", 5, 0)
    nursery.cancel_scope.cancel()


async def test_a_stream_by_itself_says_nothing_of_others(house: House, nursery: trio.Nursery) -> None:
    house.publish("live/alone")
    house.ask_for("live/alone")
    await house.until(lambda: house.is_ready("live/alone"))
    assert house.library.look_around("live/alone") == []
    nursery.cancel_scope.cancel()


async def test_the_first_to_have_a_segment_waits_for_the_others(house: House, nursery: trio.Nursery) -> None:
    large = house.publish("live/large", seconds=0)
    found: list[str] = []

    async def gather() -> None:
        shelves = await house.library.gather(("live/large", "live/small", "studio/sound"), 10.0)
        found.extend(shelf.record.name for shelf in shelves)

    nursery.start_soon(gather)
    await trio.sleep(0.1)
    small = house.publish("live/small", seconds=0)  # its encoder was a moment later
    large.send(4)
    await house.until(lambda: house.is_ready("live/large"))
    await trio.sleep(0.1)
    assert found == []
    small.send(4)
    await house.until(lambda: bool(found))
    assert found == ["live/large", "live/small"]
    nursery.cancel_scope.cancel()


async def test_but_not_for_long_and_only_once(house: House, nursery: trio.Nursery) -> None:
    house.publish("live/large")
    house.publish("live/small", seconds=0)
    house.ask_for("live/large", "live/small")
    await house.until(lambda: house.is_ready("live/large"))
    began_s = trio.current_time()
    for _ in range(3):
        (shelf,) = await house.library.gather(("live/large", "live/small"), 10.0)
        assert shelf.record.name == "live/large"
    assert trio.current_time() - began_s <= COMPANY_S + library.LOOK_S
    nursery.cancel_scope.cancel()


async def test_none_of_them_is_there(house: House, nursery: trio.Nursery) -> None:
    assert await house.library.gather(("live/large", "live/small"), 1.0) == []
    house.library.close()
    assert await house.library.gather(("live/large",), 1_000.0) == []
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("path", "stream", "uri"),
    [
        ("/live/final.m3u8", "live/final_480", "final_480/media.m3u8"),
        ("/live/final/index.m3u8", "live/final_480", "../final_480/media.m3u8"),
        ("/live/final/index.m3u8", "live/final", "media.m3u8"),
        ("/final.m3u8", "live/final", "live/final/media.m3u8"),
        ("/live/final.m3u8", "studio/a/b", "../studio/a/b/media.m3u8"),
        ("/live/final/", "live/final_480", "../final_480/media.m3u8"),
    ],
)
def test_uris_are_relative_to_where_they_stand(path: str, stream: str, uri: str) -> None:
    assert media_uri(path, stream) == uri
