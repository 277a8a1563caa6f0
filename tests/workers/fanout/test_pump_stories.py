"""What players receive, whatever happens to them: whole tags, in order, each accounted for."""

import itertools

import msgspec
import pytest
import trio
from trio.testing import MockClock

from engine.config import Config, PathSettings, for_path
from engine.media.gop import StartMode
from engine.media.tags import encode_tag
from engine.protocols.rtmp import encode_message
from engine.protocols.websocket import encode_frame
from tests.workers.fanout.stage import HEADERS, MS_PER_TAG, Stage, flv_tags, staged
from workers.fanout.player import PlayerState
from workers.fanout.wire import FLV, RTMP, WEBSOCKET_FLV, Wire


def settings(**changes: object) -> PathSettings:
    return msgspec.structs.replace(for_path(Config(), "live/a"), **changes)


async def test_player_joins_at_the_newest_keyframe_with_headers_of_its_time(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(25)
    async with staged(stage):
        seat = stage.join()
        assert seat.numbers() == [20, 21, 22, 23, 24]
        first = seat.tags()[0]
        assert (first.body, first.timestamp_ms) == (b"\x17\x00\x00\x00\x00config", 20 * MS_PER_TAG)
        assert seat.state is PlayerState.IN_STEP


@pytest.mark.parametrize("wire", [FLV, WEBSOCKET_FLV, RTMP], ids=lambda wire: wire.name)
async def test_player_that_joins_between_a_keyframe_and_its_pass_gets_it_with_that_pass(
    autojump_clock: MockClock, wire: Wire
) -> None:
    stage = Stage()
    stage.publish(8)
    async with staged(stage):
        stage.join(wire=wire)
        stage.publish(1)
        await stage.settle()
        published = stage.publish(3)[1:]  # 9, the keyframe 10, 11: the pump has not seen them
        seat = stage.join(wire=wire)
        await stage.settle()
        assert seat.state is PlayerState.IN_STEP
        assert seat.read().endswith(b"".join(wire.encode(tag) for tag in published))
        assert seat.player.pump is not None
        assert seat.player.pump.totals(seat.player)[1] == len(published)
        assert seat.player.dropped == 0


async def test_burst_goes_back_as_far_as_the_limits_allow(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(45)
    async with staged(stage):
        assert stage.join(StartMode.BURST).numbers()[0] == 30


async def test_live_player_waits_for_the_next_keyframe(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(15)
    async with staged(stage):
        seat = stage.join(StartMode.LIVE)
        await stage.settle()
        assert seat.numbers() == []
        stage.publish(10)
        await stage.settle()
        assert seat.numbers() == [20, 21, 22, 23, 24]
        assert seat.player.dropped == 5


@pytest.mark.parametrize("wire", [FLV, WEBSOCKET_FLV, RTMP], ids=lambda wire: wire.name)
async def test_each_wire_carries_exactly_the_published_tags(autojump_clock: MockClock, wire: Wire) -> None:
    stage = Stage()
    published = stage.publish(3)
    async with staged(stage):
        seat = stage.join(wire=wire)
        for _ in range(40):
            published += stage.publish(7, size=9_000)  # more than two laps of the ring in all
            await stage.settle()
            seat.read()
        opening = wire.opening(True, True) + b"".join(wire.encode(tag) for tag in split(HEADERS))
        assert seat.read() == opening + b"".join(wire.encode(tag) for tag in published)
        assert seat.state is PlayerState.IN_STEP


def split(blob: bytes) -> list[bytes]:
    return [
        encode_tag(tag.kind, tag.timestamp_ms, tag.body) for tag in flv_tags(FLV.opening(True, True) + blob)
    ]


def test_wires_are_functions_of_the_tag_alone() -> None:
    tag = encode_tag(9, 0x01020304, b"body")
    assert RTMP.encode(tag) == encode_message(9, 0x01020304, b"body")
    assert WEBSOCKET_FLV.encode(tag) == encode_frame(tag)


async def test_slow_player_jumps_to_a_keyframe_and_its_books_balance(autojump_clock: MockClock) -> None:
    stage = Stage(settings=settings(max_lag_s=1.0))
    stage.publish(1)
    async with staged(stage):
        seat = stage.join(buffer_bytes=20_000)
        for _ in range(8):
            stage.publish(10, size=3_000)
            await stage.settle()
        while seat.state is not PlayerState.IN_STEP:
            seat.read()
            await stage.settle()
        numbers = seat.numbers()
        assert numbers == sorted(numbers)
        gaps = [(a, b) for a, b in itertools.pairwise(numbers) if b != a + 1]
        assert gaps
        assert all(after % stage.gop == 0 for _, after in gaps)
        assert seat.player.dropped == sum(b - a - 1 for a, b in gaps)
        assert seat.player.delivered == len(numbers)


async def test_slow_player_is_closed_where_the_policy_says_so(autojump_clock: MockClock) -> None:
    stage = Stage(settings=settings(max_lag_s=1.0, slow_player="disconnect"))
    stage.publish(1)
    async with staged(stage):
        seat = stage.join(buffer_bytes=20_000)
        fast = stage.join()
        for _ in range(6):
            stage.publish(10, size=3_000)
            await stage.settle()
        assert (seat.player.state, seat.player.reason) == (PlayerState.DONE, "too_slow")
        assert fast.numbers() == list(range(61))


async def test_slow_player_waits_for_the_next_keyframe_where_the_policy_says_so(
    autojump_clock: MockClock,
) -> None:
    stage = Stage(settings=settings(max_lag_s=1.0, slow_player="wait"))
    stage.publish(1)
    async with staged(stage):
        seat = stage.join(buffer_bytes=20_000)
        for _ in range(8):
            stage.publish(10, size=3_000, keyframes=False)
            await stage.settle()
        assert seat.state is PlayerState.WAITING
        seat.read()
        stage.publish(12)  # 81..92, with a keyframe at 90
        await stage.settle()
        assert seat.numbers()[-3:] == [90, 91, 92]
        assert len(seat.numbers()) + seat.player.dropped == 93


async def test_players_cross_into_a_new_epoch_at_its_first_start_point(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        seats = [stage.join(wire=wire) for wire in (FLV, FLV)]
        stage.publish(3)
        stage.begin_epoch()
        stage.change_headers()
        stage.publish(4, keyframes=False)  # 8..11: nothing can be entered here
        await stage.settle()
        assert [seat.numbers() for seat in seats] == [list(range(8))] * 2
        stage.number = 20
        stage.publish(5)
        await stage.settle()
        for seat in seats:
            assert seat.numbers() == [*range(8), *range(20, 25)]
            assert seat.player.dropped == 5  # the header in the ring, and four frames
        assert seats[0].tags()[-6].body == b"\xaf\x00config"


async def test_an_epoch_that_ended_before_its_first_start_point_is_passed_over(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        seat = stage.join()
        stage.begin_epoch()
        stage.publish(2, keyframes=False)
        await stage.settle()
        stage.begin_epoch()
        stage.publish(5)  # 7..11, with a keyframe at 10
        await stage.settle()
        assert seat.numbers() == [0, 1, 2, 3, 4, 10, 11]


async def test_player_that_is_behind_crosses_the_seam_too(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(1)
    async with staged(stage):
        seat = stage.join(buffer_bytes=10_000)
        stage.publish(9, size=5_000)
        await stage.settle()
        before = seat.state
        assert before is PlayerState.BEHIND
        stage.begin_epoch()
        stage.change_headers()
        stage.publish(5)
        for _ in range(20):
            await stage.settle()
            seat.read()
        assert seat.numbers() == list(range(15))
        assert seat.state is PlayerState.IN_STEP


async def test_header_change_within_an_epoch_travels_in_band_and_late_joiners_start_behind_it(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        early = stage.join()
        stage.change_headers()
        late = stage.join()
        assert late.state is PlayerState.WAITING
        stage.publish(6)
        await stage.settle()
        assert early.numbers() == list(range(11))
        assert late.numbers() == [10]


async def test_end_of_stream_gives_everybody_the_rest_and_closes(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage):
        prompt, slow = stage.join(), stage.join(buffer_bytes=10_000)
        waiting = stage.join(StartMode.LIVE)
        stage.publish(4, size=9_000)
        stage.end()
        for _ in range(20):
            await stage.settle()
            slow.read()
        assert prompt.numbers() == slow.numbers() == list(range(9))
        assert waiting.tags() == []
        for seat in (prompt, slow, waiting):
            assert seat.at_end()
            assert (seat.player.state, seat.player.reason) == (PlayerState.DONE, "stream_ended")
        assert prompt.player.delivered == slow.player.delivered == 9


async def test_control_frames_go_out_on_frame_boundaries_only(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(1)
    pong = b"\x8a\x00"
    async with staged(stage):
        in_step = stage.join(wire=WEBSOCKET_FLV)
        behind = stage.join(wire=WEBSOCKET_FLV, buffer_bytes=10_000)
        tags = stage.publish(9, size=7_000)
        await stage.settle()
        assert behind.state is PlayerState.BEHIND
        for seat in (in_step, behind):
            assert seat.player.pump is not None
            seat.player.pump.divert(seat.player, pong)
        for _ in range(20):
            await stage.settle()
            behind.read()
        tags += stage.publish(1)
        await stage.settle()
        for seat in (in_step, behind):
            before, after = seat.read().split(pong)
            assert (before + after).endswith(b"".join(encode_frame(tag) for tag in tags))
            assert any(before.endswith(encode_frame(tag)) for tag in tags)


async def test_player_that_says_farewell_gets_ours_and_no_more_media(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(2)
    async with staged(stage):
        seat = stage.join(wire=WEBSOCKET_FLV)
        assert seat.player.pump is not None
        seat.player.pump.part(seat.player, b"\x88\x00", "closed")
        stage.publish(2)
        await stage.settle()
        assert seat.read().endswith(b"\x88\x00")
        assert (seat.player.reason, seat.at_end()) == ("closed", True)


async def test_players_that_come_and_go_during_a_pass_confuse_nobody(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every batch of a pass gives way to the others, who join and leave at exactly those moments."""
    monkeypatch.setattr("workers.fanout.ranks.TURN_S", 0.0)
    monkeypatch.setattr("workers.fanout.ranks.BATCH", 3)
    stage = Stage()
    stage.publish(1)
    async with staged(stage):
        staying = [stage.join() for _ in range(20)]
        leaving = [stage.join() for _ in range(20)]
        late = []

        async def disturb() -> None:
            for seat in leaving:
                assert seat.player.pump is not None
                seat.player.pump.leave(seat.player, "closed")
                late.append(stage.join())
                await trio.lowlevel.checkpoint()

        for _ in range(5):
            stage.publish(2)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(disturb)
                nursery.start_soon(stage.settle)
            leaving = []
        await stage.settle()
        for seat in staying + late:
            assert seat.numbers() == list(range(11))
            assert seat.state is PlayerState.IN_STEP


async def test_worker_that_slept_for_longer_than_a_lap_goes_on_at_a_keyframe(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(1)
    async with staged(stage):
        flv, derived = stage.join(), stage.join(wire=WEBSOCKET_FLV)
        for _ in range(20):
            stage.publish(10, size=9_000)  # nobody runs in between: 1.8 MB through a ring of 1 MiB
        await stage.settle()
        numbers = flv.numbers()
        assert numbers[0] == 0
        assert numbers[1] % stage.gop == 0
        assert numbers[1:] == list(range(numbers[1], 201))
        assert flv.player.dropped == numbers[1] - 1
        assert flv.state is derived.state is PlayerState.IN_STEP
