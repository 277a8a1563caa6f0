"""What SRT players receive: one transport stream for all, from a start point on, whatever happens to it."""

from trio.testing import MockClock

from engine.protocols.srt.live_events import CloseReason
from tests.workers.fanout.srt_stage import SrtSeat, film
from workers.fanout.player import PlayerState


async def test_a_player_joins_at_the_newest_keyframe(autojump_clock: MockClock) -> None:
    async with film(25) as stage:
        seat = stage.join_srt()
        await stage.settle()
        await stage.play_on(3)
        assert seat.numbers() == [20, 21, 22, 23, 24, 25, 26, 27]
        first = seat.media()[0]
        assert first.timestamp_ms == 20 * 40
        assert seat.player.state is PlayerState.IN_STEP


async def test_a_player_that_comes_later_begins_at_the_newest_keyframe_that_was_sent(
    autojump_clock: MockClock,
) -> None:
    async with film(25) as stage:
        first = stage.join_srt()
        await stage.play_on(8)
        second = stage.join_srt()
        await stage.play_on(2)
        assert first.numbers() == list(range(20, 35))
        assert second.numbers() == list(range(30, 35))
        assert first.received.endswith(second.received)


async def test_players_hold_the_same_bytes(autojump_clock: MockClock) -> None:
    async with film(5) as stage:
        seats = [stage.join_srt() for _ in range(3)]
        for _ in range(5):
            await stage.play_on(1)
        held = [[payload for payload, _ in seat.player.link.connection.sender._entries] for seat in seats]
        assert len(held[0]) > 5
        for others in held[1:]:
            assert all(one is other for one, other in zip(held[0], others, strict=True))


async def test_without_a_keyframe_a_player_waits_for_one(autojump_clock: MockClock) -> None:
    async with film(3, keyframes=False) as stage:
        seat = stage.join_srt()
        await stage.settle()
        assert (seat.player.state, seat.numbers()) == (PlayerState.WAITING, [])
        await stage.play_on(9)  # 10 is a keyframe
        assert (seat.player.state, seat.numbers()) == (PlayerState.IN_STEP, [10, 11])


async def test_a_new_epoch_begins_at_its_keyframe_and_what_was_before_is_counted(
    autojump_clock: MockClock,
) -> None:
    async with film(11) as stage:
        seat = stage.join_srt()
        await stage.play_on(1)
        stage.begin_epoch()
        await stage.play_on(10)  # 20 is the keyframe
        assert seat.numbers() == [10, 11, 20, 21]
        assert (seat.player.dropped, seat.player.jumps) == (8, 0)
        assert stage.pump.totals(seat.player)[1] == 4
        assert stage.pump.take_figures().tags_dropped == {"new_epoch": 8}


async def test_new_headers_on_the_way_are_sent_and_told_to_newcomers(autojump_clock: MockClock) -> None:
    async with film(9) as stage:
        early = stage.join_srt()
        await stage.play_on(1)
        stage.change_headers()
        waiting = stage.join_srt()
        await stage.play_on(12)
        late = stage.join_srt()
        await stage.settle()
        assert early.numbers() == list(range(22))
        assert late.numbers() == [20, 21]
        assert waiting.numbers()[-2:] == [20, 21]


async def test_a_ring_that_went_round_is_a_jump(autojump_clock: MockClock) -> None:
    async with film(9, ring_bytes=64 * 1024, size=1000) as stage:
        seat = stage.join_srt()
        await stage.play_on(1, size=1000)
        assert seat.numbers() == list(range(10))
        for _ in range(8):
            stage.publish(10, size=1000)
        await stage.settle()
        await stage.play_on(1, size=1000)
        assert seat.numbers() == [*range(10), *range(80, 91)]
        figures = stage.pump.take_figures()
        assert figures.jumps == {"lapped": 1}
        assert seat.player.dropped == 70


async def test_a_player_that_never_answers_harms_nobody(autojump_clock: MockClock) -> None:
    async with film(5) as stage:
        deaf, good = stage.join_srt(), stage.join_srt()
        for _ in range(20):
            await stage.play_on(5)
            good.read()
        assert good.numbers() == list(range(105))
        assert deaf.received == b""


async def test_a_bug_in_one_connection_ends_that_player(autojump_clock: MockClock) -> None:
    async with film(5) as stage:
        bad, good = stage.join_srt(), stage.join_srt()
        await stage.settle()

        def broken(now_us: int) -> None:
            raise ZeroDivisionError("a bug")

        bad.player.link.push = broken  # type: ignore[method-assign]
        await stage.play_on(5)
        assert bad.player.over.is_set()
        assert isinstance(bad.player.fault, ZeroDivisionError)
        assert good.numbers() == list(range(10))


async def test_the_end_of_the_stream_is_srts_goodbye(autojump_clock: MockClock) -> None:
    async with film(5) as stage:
        seat = stage.join_srt()
        await stage.settle()
        stage.publish(2)
        stage.end()
        await stage.settle()
        assert (seat.player.state, seat.player.reason) == (PlayerState.DONE, "stream_ended")
        assert seat.player.over.is_set()
        hang_up(seat)
        assert seat.numbers() == list(range(7))
        assert seat.peer.closed is CloseReason.SHUTDOWN


def hang_up(seat: SrtSeat) -> None:
    """What the session does in the end."""
    seat.player.link.close(0)


async def test_nothing_is_encoded_for_nobody_and_whoever_comes_back_gets_all(
    autojump_clock: MockClock,
) -> None:
    async with film(4) as stage:
        seat = stage.join_srt()
        await stage.play_on(1)
        stage.feed.leave(seat.player, "closed")
        sent = stage.pump.take_figures().tags_sent
        assert sent == 5
        await stage.play_on(10)
        assert stage.pump._log.seq == -1
        again = stage.join_srt()
        await stage.play_on(1)
        assert again.numbers() == list(range(10, 16))


async def test_books_of_a_player_balance(autojump_clock: MockClock) -> None:
    async with film(5) as stage:
        seat = stage.join_srt()
        await stage.play_on(20)
        seat.read()
        sent_bytes, tags = stage.pump.totals(seat.player)
        assert (sent_bytes, tags) == (len(seat.received), 25)
        stage.feed.leave(seat.player, "closed")
        await stage.play_on(5)
        assert stage.pump.totals(seat.player) == (sent_bytes, 25)
        assert seat.player.delivered == 25
