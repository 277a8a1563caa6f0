"""Limits as ingest holds publishers to them: real streams, what is told, and what the API's reader finds."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from engine.config import load
from engine.policy.publisher_limits import Breach
from engine.protocols.rtmp import Media
from tests.workers.control.house import CountingMetrics, Lines
from tests.workers.ingest.test_published_streams import CONFIG_TAG, House, Somebody, frame, keyframe
from workers.ingest.overseer import Overseer, rtmp_status, srt_reason
from workers.ingest.report import Report
from workers.ingest.stream import PublishedStream
from workers.ingest.streams import Streams

AAC_CONFIG = Media(8, 0, b"\xaf\x00" + bytes.fromhex("1210"))


class Desk:
    """One publisher's session under an overseer, with limits of the test's choice."""

    def __init__(self, limits: str) -> None:
        self.house = House(load(f"[limits]\n{limits}", {}))
        self.streams: Streams = self.house.ingest()
        self.metrics, self.lines = CountingMetrics(), Lines()
        self.now_ns = 0

    def publish(self) -> tuple[PublishedStream, Overseer]:
        stream = self.streams.open("live/a", Somebody())
        report = Report(cast("Any", self.metrics))
        overseer = Overseer(stream, None, "ingest0-1", "rtmp", self.lines.logger(), report)
        return stream, overseer

    def counted(self, reason: str) -> float:
        child = self.metrics.bind("fanlight_limits_broken_total", reason=reason)
        return sum(child.values)

    @property
    def shown(self) -> int:
        record = self.house.directory.find("live/a")
        assert record is not None
        return record.stats.broken_limits


@pytest.fixture
def desks() -> Iterator[list[Desk]]:
    opened: list[Desk] = []
    yield opened
    for desk in opened:
        desk.house.doorbell.close()
        desk.house.arena.close()


def desk_with(desks: list[Desk], limits: str) -> Desk:
    desks.append(Desk(limits))
    return desks[-1]


async def test_a_codec_is_judged_by_its_header_before_any_frame(desks: list[Desk]) -> None:
    desk = desk_with(desks, 'allowed_codecs = "hevc,aac"')
    stream, overseer = desk.publish()
    assert not overseer.headers_changed()
    stream.take([CONFIG_TAG], 1)
    assert overseer.headers_changed()
    breach = overseer.look()
    assert breach is not None
    assert (breach.reason, breach.text) == ("codec", "avc1 is not allowed, only hvc1, mp4a")
    assert desk.counted("codec") == 1
    (line,) = desk.lines.lines
    assert (line["event"], line["limit"], line["stream"], line["ends"]) == (
        "limit_broken",
        "codec",
        "live/a",
        True,
    )


async def test_who_only_warns_says_so_once_and_the_api_shows_it(
    desks: list[Desk], autojump_clock: MockClock
) -> None:
    desk = desk_with(desks, 'allowed_codecs = "aac"\nmax_session_s = 60\nover_limit = "warn"')
    stream, overseer = desk.publish()
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    for _ in range(200):
        assert overseer.look() is None
        await trio.sleep(0.5)
    assert [line["limit"] for line in desk.lines.lines] == ["codec", "session_length"]
    stream.report(1)
    assert desk.shown == 0b110000


async def test_a_bitrate_that_is_too_high_for_long_ends_the_session(
    desks: list[Desk], autojump_clock: MockClock
) -> None:
    desk = desk_with(desks, "max_bitrate_bps = 80000\nlimit_window_s = 2")
    stream, overseer = desk.publish()
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    breach: Breach | None = None
    while breach is None and trio.current_time() < 60:
        ms = int(trio.current_time() * 1000)
        stream.take([Media(9, ms, b"\x27\x01\x00\x00\x00".ljust(10_000, b"."))], 1)  # twice as much
        await trio.sleep(0.5)
        breach = overseer.look()
    assert breach is not None
    assert (breach.reason, desk.counted("bitrate")) == ("bitrate", 1)
    assert 1.5 <= trio.current_time() <= 3


async def test_a_publisher_who_comes_after_one_that_broke_limits_begins_clean(
    desks: list[Desk], autojump_clock: MockClock
) -> None:
    desk = desk_with(desks, 'allowed_codecs = "hevc,aac"')
    stream, overseer = desk.publish()
    stream.take([CONFIG_TAG, keyframe(0), frame(40)], 1)
    assert overseer.look() is not None
    stream, overseer = desk.publish()
    stream.take([AAC_CONFIG], 1)
    assert overseer.look() is None
    stream.report(1)
    assert desk.shown == 0


async def test_limits_that_are_loaded_anew_hold_at_once(desks: list[Desk], autojump_clock: MockClock) -> None:
    desk = desk_with(desks, "max_session_s = 0")
    stream, overseer = desk.publish()
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    await trio.sleep(100)
    assert overseer.look() is None
    shorter = load("[limits]\nmax_session_s = 50", {})
    desk.streams.reconfigure(desk.house.worker.config, shorter)
    breach = overseer.look()
    assert breach is not None
    assert breach.reason == "session_length"


def test_each_protocol_has_its_words_for_it() -> None:
    time_is_up, codec, size = Breach("session_length", ""), Breach("codec", ""), Breach("resolution", "")
    assert [rtmp_status(one) for one in (time_is_up, codec, size)] == [
        "NetStream.Unpublish.Success",
        "NetStream.Publish.Rejected",
        "NetStream.Publish.Rejected",
    ]
    assert [srt_reason(one) for one in (time_is_up, codec, size)] == [1403, 1415, 1406]
