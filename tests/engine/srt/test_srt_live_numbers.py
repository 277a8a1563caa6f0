"""Streams that live longer than their numbers, and clocks that do not agree."""

import os

import pytest

from engine.protocols.srt.numbers import MSGNO_MASK, SEQ_MASK
from engine.protocols.srt.pacing import Bandwidth
from engine.protocols.srt.packets import decode_data
from engine.protocols.srt.rtt import Rtt
from engine.protocols.srt.sender import SendBuffer
from tests.engine.srt.live_model import check_books
from tests.engine.srt.live_wire import MS, SECOND, LiveRun, Weather

NIGHTLY = "NIGHTLY" in os.environ


@pytest.mark.parametrize("before", [0, 1, 17, 400])
def test_sequence_numbers_turn_over_in_the_middle_of_a_lossy_stream(before: int) -> None:
    run = LiveRun(Weather(3, loss=0.1), Weather(4, loss=0.1), initial_seq=SEQ_MASK - before)
    run.publish(1_000)
    run.finish()
    check_books(run, tolerance_us=run.interval_us)
    assert len(run.delivered) > 990
    assert run.player.tallies.refused == run.publisher.tallies.refused == 0


def test_timestamps_turn_over_in_the_middle_of_a_lossy_stream() -> None:
    run = LiveRun(Weather(5, loss=0.1), Weather(6, loss=0.1), publisher_age_us=(1 << 32) - SECOND)
    run.publish(1_000)
    run.finish()
    check_books(run, tolerance_us=run.interval_us)
    assert len(run.delivered) > 990


def test_message_numbers_turn_over_without_a_zero() -> None:
    buffer = SendBuffer(5, 1, 0, 0, 8192, Rtt(), Bandwidth())
    buffer._initial -= MSGNO_MASK - 2
    for index in range(5):
        buffer.push(b"payload", index)
    out: list[tuple[bytes, bytes]] = []
    buffer.emit(10, out)  # type: ignore[arg-type]
    packets = [decode_data(header + payload) for header, payload in out]
    assert [packet.msgno for packet in packets] == [MSGNO_MASK - 1, MSGNO_MASK, 1, 2, 3]
    first = packets[0].seq
    buffer.ask_again([((first + 1) & SEQ_MASK, (first + 2) & SEQ_MASK)])
    again: list[tuple[bytes, bytes]] = []
    buffer.emit(20, again)  # type: ignore[arg-type]
    packets = [decode_data(header + payload) for header, payload in again]
    assert [(packet.msgno, packet.retransmitted) for packet in packets] == [(MSGNO_MASK, True), (1, True)]


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_clock_that_runs_wrong_is_traced(ppm: int) -> None:
    run = LiveRun(interval_us=10 * MS, publisher_ppm=ppm)
    minutes = 60 if NIGHTLY else 2
    run.publish(minutes * 6_000)
    run.finish()
    assert len(run.delivered) == minutes * 6_000
    wanted_us = run.one_way_us + run.latency_us
    errors_us = [each.at_us - run.sent_us[each.index] - wanted_us for each in run.delivered]
    assert max(map(abs, errors_us)) <= 5 * MS
    assert abs(run.player.receiver.clock.drift_us) <= 5 * MS
    base_us = run.player.receiver.clock.base_us + run.player.receiver.clock.drift_us
    moved_us = base_us - run.player.negotiated.peer_start_us
    assert moved_us == pytest.approx(-minutes * 60 * ppm, abs=5 * MS)


def test_a_growing_way_is_not_taken_for_a_slow_clock() -> None:
    """The round trip grows by 40 ms after a while, half of it each way."""

    def longer(_datagram: bytes, now_us: int) -> list[int]:
        return [30 * MS if now_us < later_us else 50 * MS]

    run = LiveRun(longer, longer, interval_us=10 * MS)
    later_us = run.now_us + 10 * SECOND
    run.publish(6_000)
    run.finish()
    assert abs(run.player.receiver.clock.drift_us) < 1 * MS
    assert len(run.delivered) == 6_000
