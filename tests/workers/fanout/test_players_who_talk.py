"""What players say while they play: answered between tags, and bounded where nobody reads the answers."""

import msgspec
import pytest
import trio
from trio.testing import MockClock

from engine.config import Config, PathSettings, for_path
from engine.media.gop import StartMode
from engine.protocols.http.limits import MAX_UNASKED_BYTES
from engine.protocols.websocket import ClientFrames, encode_frame, pong
from tests.workers.fanout.stage import Seat, Stage, staged
from workers.fanout.goodbyes import LINGER_S
from workers.fanout.http_input import HttpInput, WebSocketInput
from workers.fanout.player import PlayerState
from workers.fanout.pump import MAX_CONTROL_BYTES
from workers.fanout.wire import FLV, WEBSOCKET_FLV

SMALL_BUFFER_BYTES = 4_096
PING_BYTES = 125


class Report:
    """Counts protocol errors and frames, as the real one does."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.frames: list[tuple[str, str]] = []

    def websocket_heard(self, kind: str) -> None:
        self.frames.append((kind, "in"))

    def websocket_sent(self, kind: str) -> None:
        self.frames.append((kind, "out"))

    def websocket_message_heard(self, size_bytes: int) -> None:
        self.frames.append((f"message of {size_bytes}", "in"))

    def protocol_error(self, protocol: str) -> None:
        self.errors.append(protocol)


def settings(**changes: object) -> PathSettings:
    return msgspec.structs.replace(for_path(Config(), "live/a"), **changes)


def ping_frame() -> bytes:
    return bytes((0x89, 0x80 | PING_BYTES)) + bytes(4) + bytes(PING_BYTES)


def hearing(seat: Seat, report: Report) -> WebSocketInput:
    return WebSocketInput(ClientFrames(), seat.player, report)  # type: ignore[arg-type]


async def test_a_waiting_player_is_answered_at_once(autojump_clock: MockClock) -> None:
    stage = Stage()
    async with staged(stage):
        seat = stage.join(StartMode.LIVE, WEBSOCKET_FLV)
        hearing(seat, Report())(ping_frame())
        assert seat.read().endswith(pong(bytes(PING_BYTES)))
        assert seat.state is PlayerState.WAITING


@pytest.mark.parametrize("mode", [StartMode.LIVE, StartMode.KEYFRAME], ids=["waiting", "behind"])
async def test_who_asks_without_end_and_does_not_listen_is_closed(
    autojump_clock: MockClock, mode: StartMode
) -> None:
    stage = Stage()
    stage.publish(1, size=100_000)
    async with staged(stage):
        seat = stage.join(mode, WEBSOCKET_FLV, buffer_bytes=SMALL_BUFFER_BYTES)
        for _ in range(2 * MAX_CONTROL_BYTES // PING_BYTES):
            seat.player.pump.divert(seat.player, pong(bytes(PING_BYTES)))  # type: ignore[union-attr]
            if seat.player.done:
                break
        assert seat.player.reason == "too_slow"
        assert len(seat.player.control) <= MAX_CONTROL_BYTES + PING_BYTES + 2


async def test_what_a_player_says_and_is_told_is_counted(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(3)
    async with staged(stage):
        seat, report = stage.join(wire=WEBSOCKET_FLV), Report()
        text = b"\x81\x82" + bytes(4) + b"hi"
        pong_frame, close_frame = b"\x8a\x80" + bytes(4), b"\x88\x80" + bytes(4)
        hearing(seat, report)(text + ping_frame() + pong_frame + close_frame)
        await stage.settle()
        assert report.frames == [
            ("message of 2", "in"),
            ("ping", "in"),
            ("pong", "out"),
            ("pong", "in"),
            ("close", "in"),
            ("close", "out"),
        ]


async def test_a_flood_of_pings_is_told_its_fault_behind_whole_frames(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(3)
    async with staged(stage):
        seat, report = stage.join(wire=WEBSOCKET_FLV), Report()
        hearing(seat, report)(ping_frame() * 200)
        await stage.settle()
        assert seat.read().endswith(encode_frame(b"\x03\xf0too many frames in a second", 8))
        assert (seat.player.reason, report.errors) == ("protocol_error", ["ws-flv"])


@pytest.mark.parametrize("mode", [StartMode.LIVE, StartMode.KEYFRAME], ids=["waiting", "behind"])
async def test_who_breaks_the_rules_and_does_not_listen_is_cut_off_soon(
    autojump_clock: MockClock, mode: StartMode
) -> None:
    stage = Stage(settings=settings(max_lag_s=60.0))
    stage.publish(1, size=100_000)
    async with staged(stage):
        seat = stage.join(mode, WEBSOCKET_FLV, buffer_bytes=SMALL_BUFFER_BYTES)
        seat.player.tail += bytes(2 * SMALL_BUFFER_BYTES)
        hearing(seat, Report())(b"\x89\x01not masked")
        await trio.sleep(LINGER_S + 1)
        assert (seat.state, seat.player.reason) == (PlayerState.DONE, "protocol_error")


async def test_who_does_not_take_the_rest_of_a_stream_that_is_over_is_cut_off(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(1, size=100_000)
    async with staged(stage):
        seat = stage.join(buffer_bytes=SMALL_BUFFER_BYTES)
        stage.end()
        await trio.sleep(stage.feed.lag_limits.max_lag_s)
        assert seat.state is PlayerState.BEHIND
        await trio.sleep(LINGER_S + 1)
        assert (seat.state, seat.player.reason) == (PlayerState.DONE, "too_slow")


async def test_a_player_who_goes_on_talking_http_is_sent_away(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(3)
    async with staged(stage):
        seat, report = stage.join(wire=FLV), Report()
        hear = HttpInput(seat.player, report)  # type: ignore[arg-type]
        hear(bytes(MAX_UNASKED_BYTES))
        assert not seat.player.done
        hear(b"x")
        hear(b"x")
        await stage.settle()
        assert seat.numbers() == [0, 1, 2]
        assert seat.at_end()
        assert (seat.player.reason, report.errors) == ("protocol_error", ["http-flv"])
