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
from workers.ingest.overseer import Overseen, Overseer, rtmp_status, srt_reason
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
        self.tracks: list[PublishedStream] = []
        self.padding_bytes = 0

    def publish(self, key_id: str = "", max_bitrate_bps: int = 0) -> tuple[PublishedStream, Overseer]:
        stream = self.streams.open("live/a", Somebody())
        report = Report(cast("Any", self.metrics))
        overseen = Overseen("ingest0-1", "rtmp", key_id, max_bitrate_bps)
        self.stream = stream
        received = self.received_bytes
        return stream, Overseer(stream, self.tracks, received, overseen, self.lines.logger(), report)

    def received_bytes(self) -> int:
        return self.stream.measured().bytes_in + self.padding_bytes

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


async def seconds_at_twice_80_kbps(stream: PublishedStream, overseer: Overseer, most_s: float = 60) -> float:
    """Send for so long, or until the session has to end; how long that was."""
    began_s, breach = trio.current_time(), None
    while breach is None and trio.current_time() - began_s < most_s:
        ms = int(trio.current_time() * 1000)
        stream.take([Media(9, ms, b"\x27\x01\x00\x00\x00".ljust(10_000, b"."))], 1)
        await trio.sleep(0.5)
        breach = overseer.look()
    assert breach is None or breach.reason == "bitrate"
    return trio.current_time() - began_s


@pytest.mark.parametrize(
    ("limits", "key_id", "max_bitrate_bps"),
    [
        ("max_bitrate_bps = 80000", "van", 1_000_000),
        ("max_bitrate_bps = 1000000", "van", 80_000),
        ("key_limits = {van = {max_bitrate_bps = 80000}}", "van", 0),
        ("max_bitrate_bps = 1000000\nkey_limits = {van = {max_bitrate_bps = 80000}}", "van", 1_000_000),
    ],
)
async def test_the_lowest_bitrate_counts_whoever_has_set_it(
    limits: str, key_id: str, max_bitrate_bps: int, desks: list[Desk], autojump_clock: MockClock
) -> None:
    desk = desk_with(desks, f"limit_window_s = 2\n{limits}")
    stream, overseer = desk.publish(key_id, max_bitrate_bps)
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    assert 1.5 <= await seconds_at_twice_80_kbps(stream, overseer) <= 3
    (line,) = desk.lines.lines
    assert (line["limit"], line["key"], line["ends"]) == ("bitrate", "van", True)
    assert desk.counted("bitrate") == 1


async def test_the_limits_of_one_key_are_nobody_elses(desks: list[Desk], autojump_clock: MockClock) -> None:
    desk = desk_with(desks, "limit_window_s = 2\nkey_limits = {van = {max_bitrate_bps = 80000}}")
    for key_id in ("studio", ""):
        stream, overseer = desk.publish(key_id)
        stream.take([CONFIG_TAG, keyframe(0)], 1)
        assert await seconds_at_twice_80_kbps(stream, overseer, 20) >= 20


async def test_a_services_bitrate_is_warned_about_where_the_path_says_so(
    desks: list[Desk], autojump_clock: MockClock
) -> None:
    desk = desk_with(desks, 'limit_window_s = 2\nover_limit = "warn"')
    stream, overseer = desk.publish(max_bitrate_bps=80_000)
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    assert await seconds_at_twice_80_kbps(stream, overseer, 20) >= 20
    assert [(line["limit"], line["ends"]) for line in desk.lines.lines] == [("bitrate", False)]


async def test_what_makes_no_media_counts_as_well(desks: list[Desk], autojump_clock: MockClock) -> None:
    desk = desk_with(desks, "limit_window_s = 2\nmax_bitrate_bps = 80000")
    stream, overseer = desk.publish()
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    breach = None
    for _ in range(8):
        assert breach is None
        await trio.sleep(0.5)
        desk.padding_bytes += 10_000
        breach = overseer.look()
        if breach is not None:
            break
    assert breach is not None
    assert breach.reason == "bitrate"


async def test_a_session_whose_size_or_keyframes_never_come_is_over_its_limits(
    desks: list[Desk], autojump_clock: MockClock
) -> None:
    desk = desk_with(desks, 'max_width = 640\nmax_keyframe_interval_s = 4\nover_limit = "warn"')
    stream, overseer = desk.publish()
    for number in range(12):
        stream.take([frame(500 * number)], 1)
        overseer.look()
        await trio.sleep(0.5)
    assert [line["limit"] for line in desk.lines.lines] == ["resolution", "keyframe_interval"]


async def test_who_returns_without_a_header_has_not_told_its_size(
    desks: list[Desk], autojump_clock: MockClock
) -> None:
    desk = desk_with(desks, "max_width = 640")
    stream, overseer = desk.publish()
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    await trio.sleep(5)
    assert overseer.look() is None
    stream, overseer = desk.publish()
    stream.take([keyframe(0)], 1)
    assert overseer.look() is None
    await trio.sleep(1)
    breach = overseer.look()
    assert breach is not None
    assert breach.text == "the size of the picture is not known, and it is limited"


async def test_a_further_track_is_held_to_the_frame_rate_too(
    desks: list[Desk], autojump_clock: MockClock
) -> None:
    desk = desk_with(desks, "limit_window_s = 1\nmax_frame_rate = 30")
    stream, overseer = desk.publish()
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    assert overseer.look() is None
    track = desk.streams.open("live/a_2", Somebody())
    desk.tracks.append(track)
    breaches = list[Breach | None]()
    for number in range(6):
        track.take([frame(500 * number + ms) for ms in range(0, 500, 10)], 1)
        breaches.append(overseer.look())
        await trio.sleep(0.5)
    assert [breach.reason for breach in breaches if breach] == ["frame_rate"]


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
