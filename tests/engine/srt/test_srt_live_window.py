"""A sender that fills the receiver's buffer: the window closes, and opens again, whatever is lost."""

import os
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.protocols.srt.control import Ack, DropReq, LightAck, decode_control
from engine.protocols.srt.numbers import SEQ_MASK
from engine.protocols.srt.packets import is_control
from tests.engine.srt.live_wire import MS, Fates, LiveRun, Weather, steady

NIGHTLY = "NIGHTLY" in os.environ
pytestmark = pytest.mark.hard_timeout(1_800 if NIGHTLY else 120)

LATENCY_MS = 250
WINDOW_PACKETS = 100
FAST_US, SLOW_US = 400, 5 * MS
"""At 400 us a round trip's worth is 150 packets, at 5 ms a latency's worth is 50."""
SETTLED = 300
"""Packets at the slow pace after which everything has to be as it was: 1.5 s, of which the sender needs one
to drop what it still has of the fast ones."""
MEASURED = 100


def run_of(
    there: Fates = steady,
    back: Fates = steady,
    *,
    window_packets: int = WINDOW_PACKETS,
    latency_ms: int = LATENCY_MS,
) -> LiveRun:
    return LiveRun(there, back, interval_us=FAST_US, latency_ms=latency_ms, window_packets=window_packets)


def check_recovery(run: LiveRun) -> None:
    """Publish at a pace that fits: after a while all of it arrives. And the books of before balance."""
    run.interval_us = SLOW_US
    run.publish(SETTLED)
    began = len(run.sent_us)
    run.publish(MEASURED)
    run.finish()
    indexes = [each.index for each in run.delivered]
    assert run.player.closed is run.publisher.closed is None
    assert indexes[-MEASURED:] == list(range(began, began + MEASURED))
    assert all(earlier < later for earlier, later in pairwise(indexes))
    used = run.publisher.sender.unsent - run.publisher.negotiated.initial_seq - SEQ_MASK - 1
    assert len(indexes) + sum(gap.packets for gap in run.gaps) == used
    assert run.player.receiver.counts.beyond == 0
    assert run.player.tallies.refused == run.publisher.tallies.refused == 0


class Censor:
    """A way that passes everything but what it is told to lose, once each."""

    def __init__(self, *lost: type) -> None:
        self._lost = list(lost)
        self.passed: list[object] = []
        self.full_at: list[int] = []

    def __call__(self, datagram: bytes, now_us: int) -> list[int]:
        if not is_control(datagram):
            return [30 * MS]
        body = decode_control(datagram).body
        if self._is_lost(body):
            self._lost.remove(type(body))
            return []
        self.passed.append(body)
        return [30 * MS]

    def _is_lost(self, body: object) -> bool:
        return type(body) in self._lost


class AcksWhileClosed(Censor):
    """Loses the ACKs that open a window again after one has closed it."""

    def _is_lost(self, body: object) -> bool:
        if not isinstance(body, Ack):
            return False
        if body.free_packets == 0:
            self.full_at.append(body.seq)
        return bool(self.full_at) and body.free_packets > 0 and super()._is_lost(body)


def test_a_window_that_fills_on_a_steady_link_holds_the_sender_back_and_no_more() -> None:
    run = run_of()
    run.publish(8_000)
    assert run.publisher.sender.counts.dropped > 0
    check_recovery(run)


def test_the_acks_that_open_a_window_may_be_lost() -> None:
    back = AcksWhileClosed(*[Ack] * 3)
    run = run_of(back=back)
    run.publish(WINDOW_PACKETS + 50)
    run.run_until(run.now_us + LATENCY_MS * MS + 500 * MS)
    assert back.full_at
    assert run.publisher.sender.flight == run.publisher.sender.held == 0, "all that waited has been sent"
    check_recovery(run)


def test_a_dropreq_may_be_lost_while_the_window_is_closed() -> None:
    """A window's worth is lost and dropped. Nothing else can tell the receiver, and no packet may."""

    def outage(datagram: bytes, now_us: int) -> list[int]:
        return [] if now_us < until_us else censor(datagram, now_us)

    censor = Censor(DropReq, DropReq)
    run = run_of(outage)
    until_us = run.now_us + 1_100 * MS
    run.publish(4_000)
    check_recovery(run)
    assert DropReq in map(type, censor.passed)


def test_a_dropped_end_of_a_stream_takes_up_no_room() -> None:
    """All that the window lets through is lost and dropped, and what is said of it at once is lost as well:
    no packet is held that would be played."""
    run = run_of(lambda _datagram, now_us: [] if now_us < until_us else [30 * MS])
    until_us = run.now_us + 1_100 * MS
    run.publish(WINDOW_PACKETS)
    run.run_until(run.now_us + 1_500 * MS)
    assert sum(gap.packets for gap in run.gaps) == WINDOW_PACKETS
    assert run.publisher.sender.window == WINDOW_PACKETS
    check_recovery(run)


def test_the_last_packets_of_a_full_window_are_missed_before_they_are_dropped() -> None:
    """No packet may be sent behind them, so no gap shows; the sender has to show it."""
    chance = iter([False] * 90 + [True] * 10)

    def tail_loss(datagram: bytes, _now_us: int) -> list[int]:
        return [] if not is_control(datagram) and next(chance, False) else [30 * MS]

    run = run_of(tail_loss, latency_ms=800)
    run.publish(WINDOW_PACKETS + 20)
    run.finish()
    assert [each.index for each in run.delivered] == list(range(WINDOW_PACKETS + 20))
    assert run.gaps == []


@settings(max_examples=3_000 if NIGHTLY else 30)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from((0.0, 0.02, 0.2, 0.5)),
    jitter_us=st.sampled_from((0, 15_000)),
    reorder=st.sampled_from((0.0, 0.25)),
    duplicate=st.sampled_from((0.0, 0.1)),
    window_packets=st.sampled_from((60, 100, 200)),
    outages=st.lists(st.tuples(st.integers(0, 500), st.integers(50, 1_500)), max_size=2),
    deaf=st.booleans(),
)
def test_whatever_happens_while_the_window_is_full_the_stream_goes_on(
    seed: int,
    loss: float,
    jitter_us: int,
    reorder: float,
    duplicate: float,
    window_packets: int,
    outages: list[tuple[int, int]],
    deaf: bool,
) -> None:
    weather = [
        Weather(seed + way, loss=loss, jitter_us=jitter_us, reorder=reorder, duplicate=duplicate)
        for way in range(2)
    ]
    calm = Weather(seed)

    def fates(way: int) -> Fates:
        def decide(datagram: bytes, now_us: int) -> list[int]:
            at_ms = (now_us - began_us) // MS
            if at_ms > 800:
                return calm(datagram, now_us)
            out = any(begin <= at_ms < begin + length for begin, length in outages)
            return [] if out and (way or not deaf) else weather[way](datagram, now_us)

        return decide

    run = run_of(fates(0), fates(1), window_packets=window_packets)
    began_us = run.now_us
    run.publish(2_000)
    check_recovery(run)


def test_light_acks_come_every_64_packets_between_two_full_ones() -> None:
    back = Censor()
    run = LiveRun(back=back, interval_us=50, latency_ms=LATENCY_MS)
    run.publish(2_000)
    run.finish()
    kinds = [type(body) for body in back.passed if isinstance(body, Ack | LightAck)]
    assert kinds.count(LightAck) == run.player.stats(run.now_us).pktSentLightACKTotal
    # 200 packets in 10 ms: three light ones to each full one, as long as the stream lasts.
    assert kinds[:12] == [Ack, LightAck, LightAck, LightAck] * 3
    assert [each.index for each in run.delivered] == list(range(2_000))
    assert run.gaps == []


def test_light_acks_free_the_senders_buffer_and_do_not_widen_its_window() -> None:
    run = LiveRun(interval_us=50, latency_ms=LATENCY_MS)
    run.publish(1_900)
    sender, receiver = run.publisher.sender, run.player.receiver
    assert sender.first + sender.window <= receiver.limit
    # A round trip's packets, and what 64 of them take.
    assert sender.held <= 60 * MS // 50 + 64 + 10


def test_where_all_full_acks_are_lost_light_ones_keep_the_stream_going_as_far_as_there_is_room() -> None:
    def only_light(datagram: bytes, _now_us: int) -> list[int]:
        return [] if isinstance(decode_control(datagram).body, Ack) else [30 * MS]

    run = LiveRun(back=only_light, interval_us=50, latency_ms=LATENCY_MS)
    run.publish(2_000)
    run.run_until(run.now_us + 100 * MS)
    assert run.publisher.tallies.acks_received == 0
    assert run.publisher.sender.held < 200
