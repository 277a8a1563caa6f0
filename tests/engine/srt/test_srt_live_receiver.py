"""The receiving half, datagram by datagram: what it asks for, acknowledges, refuses and counts."""

import pytest

from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.control import (
    Ack,
    AckAck,
    Body,
    DropReq,
    LightAck,
    Nak,
    Shutdown,
    decode_control,
    encode_control,
)
from engine.protocols.srt.live_events import Closed, CloseReason, Gap
from engine.protocols.srt.numbers import SEQ_MASK, TS_MASK
from engine.protocols.srt.packets import HEADER, KEY_EVEN, is_control, marks_of
from tests.engine.srt.live_wire import MS, PLAYER_ID, SECOND, START_US, negotiated

FIRST = 1_000
INTERVAL_US = 2 * MS


class Bench:
    """A receiver, and somebody who writes datagrams by hand. One way takes no time here."""

    def __init__(self, latency_ms: int = 120) -> None:
        self.connection = SrtConnection(
            negotiated(PLAYER_ID, latency_ms=latency_ms, initial_seq=FIRST, one_way_us=0), START_US
        )
        self.now_us = START_US

    def data(
        self, number: int, *, resent: bool = False, key: int = 0, timestamp_us: int | None = None
    ) -> bytes:
        if timestamp_us is None:
            timestamp_us = number * INTERVAL_US
        marks = marks_of(number + 1, retransmitted=resent, key=key)
        header = HEADER.pack((FIRST + number) & SEQ_MASK, marks, timestamp_us & TS_MASK, PLAYER_ID)
        return header + number.to_bytes(4)

    def hear(self, *datagrams: bytes) -> list[Body]:
        """What it says to these."""
        self.connection.receive_many(datagrams, self.now_us)
        return self.say()

    def tell(self, body: Body) -> list[Body]:
        return self.hear(encode_control(body, (self.now_us - START_US) & TS_MASK, PLAYER_ID))

    def say(self) -> list[Body]:
        datagrams = [header + bytes(payload) for header, payload in self.connection.poll(self.now_us)]
        assert all(is_control(datagram) for datagram in datagrams)
        return [decode_control(datagram).body for datagram in datagrams]

    def wait(self, time_us: int) -> list[Body]:
        self.now_us += time_us
        return self.say()

    def play(self) -> list[int]:
        return [int.from_bytes(payload) for payload in self.connection.deliver(self.now_us)]

    def know_round_trip(self, rtt_us: int) -> None:
        """Let it measure a steady round trip."""
        for _ in range(40):
            self.connection.rtt.sample(rtt_us)
        self.connection.receiver.retime(self.connection._spans())


def naks(bodies: list[Body]) -> list[tuple[int, int]]:
    """The gaps that are asked for, as packet numbers."""
    return [
        (first - FIRST, last - FIRST)
        for body in bodies
        if isinstance(body, Nak)
        for first, last in body.losses
    ]


def test_a_gap_is_asked_for_at_once() -> None:
    bench = Bench()
    assert naks(bench.hear(bench.data(0), bench.data(1))) == []
    assert naks(bench.hear(bench.data(5))) == [(2, 4)]
    assert naks(bench.hear(bench.data(6), bench.data(8))) == [(7, 7)]


def test_a_nak_is_insured_once_and_repeated_after_a_round_trip() -> None:
    bench = Bench(latency_ms=400)
    bench.know_round_trip(60 * MS)
    asked_ms = []
    for ms in range(200):
        said = bench.hear(bench.data(0), bench.data(2)) if ms == 0 else bench.wait(MS)
        asked_ms += [ms] * len(naks(said))
    assert asked_ms == [0, 30, 61, 91, 122, 152, 183]


def test_what_would_come_too_late_is_not_asked_for() -> None:
    bench = Bench(latency_ms=120)
    bench.know_round_trip(60 * MS)
    asked_ms = []
    for ms in range(122):
        said = bench.hear(bench.data(0), bench.data(2)) if ms == 0 else bench.wait(MS)
        asked_ms += [ms] * len(naks(said))
    assert asked_ms == [0, 30, 61]


def restless(rtt_us: int, var_us: int, latency_ms: int) -> list[int]:
    """When a packet is asked for, milliseconds after it was missed, until it is given up."""
    bench = Bench(latency_ms=latency_ms)
    bench.connection.rtt.told(rtt_us, var_us, both_ways=False)
    bench.connection.receiver.retime(bench.connection._spans())
    asked_ms = []
    for ms in range(latency_ms):
        said = bench.hear(bench.data(0), bench.data(2)) if ms == 0 else bench.wait(MS)
        asked_ms += [ms] * len(naks(said))
    return asked_ms


def test_where_patience_would_cost_a_chance_the_time_left_is_shared_out() -> None:
    """Three deviations more than the round trip are 106 ms, and 212 would be too late; 84 and 167 are not."""
    assert restless(70 * MS, 12 * MS, latency_ms=250) == [0, 11, 84, 95, 167, 178]
    assert restless(70 * MS, 12 * MS, latency_ms=1_000)[:4] == [0, 11, 106, 117]


def test_the_last_chance_is_insured_on_any_link() -> None:
    """With a deviation of 20 ms there is no insurance otherwise: the answer may be here before it leaves."""
    assert restless(70 * MS, 20 * MS, latency_ms=150) == [0, 30, 130]
    assert restless(70 * MS, 20 * MS, latency_ms=1_000)[:3] == [0, 130, 260]


def test_a_peer_that_answers_every_nak_gets_no_insurance() -> None:
    bench = Bench(latency_ms=400)
    bench.know_round_trip(60 * MS)
    bench.connection.receiver.spans = bench.connection.receiver.spans._replace(insurance_us=0)
    asked_ms = []
    for ms in range(150):
        said = bench.hear(bench.data(0), bench.data(2)) if ms == 0 else bench.wait(MS)
        asked_ms += [ms] * len(naks(said))
    assert asked_ms == [0, 61, 122]


def test_payloads_come_in_order_and_at_their_time() -> None:
    bench = Bench(latency_ms=120)
    bench.hear(bench.data(2), bench.data(0), bench.data(1))
    bench.now_us += 120 * MS - 1
    assert bench.play() == []
    bench.now_us += 1
    assert bench.play() == [0]
    bench.now_us += 4 * MS
    assert bench.play() == [1, 2]


def test_a_gap_is_declared_when_the_packet_behind_it_is_due_and_not_before() -> None:
    bench = Bench(latency_ms=120)
    bench.hear(bench.data(0), bench.data(4))
    bench.now_us += 127 * MS
    assert bench.play() == [0]
    assert bench.connection.take_events() == []
    bench.now_us += 1 * MS
    assert bench.play() == [4]
    assert bench.connection.take_events() == [Gap(FIRST + 1, 3, after=1)]


def test_a_packet_that_comes_after_its_gap_was_declared_is_counted_and_left_out() -> None:
    bench = Bench(latency_ms=120)
    bench.hear(bench.data(0), bench.data(2))
    bench.now_us += 124 * MS
    assert bench.play() == [0, 2]
    bench.hear(bench.data(1, resent=True), bench.data(2, resent=True))
    assert bench.play() == []
    counts = bench.connection.receiver.counts
    assert (counts.late, counts.repeated, counts.duplicates) == (1, 1, 0)
    assert bench.connection.stats(bench.now_us).pktRcvBelated == 2


def test_a_packet_that_is_late_but_has_not_been_overtaken_is_played() -> None:
    bench = Bench(latency_ms=120)
    bench.hear(bench.data(0))
    bench.now_us += 500 * MS
    assert bench.play() == [0]
    bench.hear(bench.data(1), bench.data(2))
    assert bench.play() == [1, 2]


def test_copies_are_counted_and_left_out() -> None:
    bench = Bench()
    bench.hear(bench.data(0), bench.data(0), bench.data(1), bench.data(0, resent=True))
    counts = bench.connection.receiver.counts
    assert (counts.unique, counts.duplicates, counts.retransmitted) == (2, 2, 1)


def test_reordering_is_learnt_and_forgotten() -> None:
    bench = Bench()
    said = bench.hear(bench.data(0), bench.data(4), bench.data(1), bench.data(2), bench.data(3))
    assert naks(said) == [(1, 3)]
    assert bench.connection.receiver.tolerance.packets == 3
    said = bench.hear(bench.data(6), bench.data(7), bench.data(8), bench.data(5), bench.data(9))
    assert naks(said) == []
    said = bench.hear(bench.data(11), bench.data(12), bench.data(13))
    assert naks(said) == []
    assert naks(bench.hear(bench.data(14))) == [(10, 10)]
    bench.hear(*(bench.data(number) for number in range(15, 200)))
    assert naks(bench.hear(bench.data(201))) == [(200, 200)]
    stats = bench.connection.stats(bench.now_us)
    assert (stats.pktReorderTolerance, stats.pktReorderDistance, stats.pktRcvReordered) == (0, 3, 4)


def test_a_loss_within_the_tolerance_is_asked_for_in_time_all_the_same() -> None:
    bench = Bench()
    bench.know_round_trip(30 * MS)
    bench.hear(bench.data(0), bench.data(4), bench.data(1), bench.data(2), bench.data(3))
    assert naks(bench.hear(bench.data(6))) == []
    assert naks(bench.wait(19 * MS)) == []
    assert naks(bench.wait(1 * MS)) == [(5, 5)]


def test_an_ack_says_what_is_missing_first_and_is_confirmed_once() -> None:
    bench = Bench()
    (ack,) = bench.hear(bench.data(0), bench.data(1))
    assert isinstance(ack, Ack)
    assert (ack.number, ack.seq, ack.rates is not None) == (1, FIRST + 2, True)
    assert bench.hear(bench.data(2)) == []
    bench.now_us += 5 * MS
    assert bench.hear(bench.data(3), bench.data(5)) == [Nak(((FIRST + 4, FIRST + 4),))]
    (ack,) = bench.wait(5 * MS)
    assert isinstance(ack, Ack)
    assert (ack.number, ack.seq) == (2, FIRST + 4)
    bench.now_us += 30 * MS
    bench.tell(AckAck(2))
    assert bench.connection.rtt.rtt_us == 30 * MS
    (ack,) = bench.hear(bench.data(4, resent=True))
    assert isinstance(ack, Ack)
    assert ack.seq == FIRST + 6
    bench.tell(AckAck(3))
    assert bench.wait(900 * MS) == []


def test_an_ack_that_nobody_confirms_is_repeated_after_a_round_trip() -> None:
    bench = Bench()
    bench.know_round_trip(60 * MS)
    bench.hear(bench.data(0))
    acks_ms = [ms for ms in range(1, 150) if any(isinstance(body, Ack) for body in bench.wait(MS))]
    assert acks_ms == [60, 120]


def test_a_fast_stream_is_acknowledged_in_between() -> None:
    bench = Bench()
    said = bench.hear(bench.data(0))
    said = bench.hear(*(bench.data(number) for number in range(1, 65)))
    assert said == [LightAck(FIRST + 65)]
    assert bench.hear(bench.data(65)) == []
    assert bench.hear(*(bench.data(number) for number in range(66, 260))) == [LightAck(FIRST + 260)]


def test_an_ackack_that_was_not_asked_for_changes_nothing() -> None:
    bench = Bench()
    bench.hear(bench.data(0))
    bench.tell(AckAck(77))
    bench.tell(AckAck(0))
    assert bench.connection.rtt.rtt_us == 100 * MS


def test_a_round_trip_ends_when_its_ackack_arrived_and_not_when_it_was_read() -> None:
    bench = Bench()
    (ack,) = bench.hear(bench.data(0))
    assert isinstance(ack, Ack)
    bench.now_us += 67 * MS
    said = encode_control(AckAck(ack.number), bench.now_us - 7 * MS - START_US, PLAYER_ID)
    bench.connection.receive_many((said,), bench.now_us, (bench.now_us - 7 * MS,))
    assert bench.connection.rtt.rtt_us == 60 * MS


def test_packets_that_the_sender_dropped_are_not_asked_for_and_still_make_a_gap() -> None:
    bench = Bench()
    bench.know_round_trip(20 * MS)
    bench.hear(bench.data(0), bench.data(10))
    bench.tell(DropReq(0, FIRST + 1, FIRST + 4))
    assert naks(bench.wait(21 * MS)) == [(5, 9)]
    bench.tell(DropReq(0, FIRST + 5, FIRST + 9))
    (ack,) = (body for body in bench.wait(10 * MS) if isinstance(body, Ack))
    assert ack.seq == FIRST + 11
    bench.now_us = START_US + 140 * MS
    assert bench.play() == [0, 10]
    assert bench.connection.take_events() == [Gap(FIRST + 1, 9, after=1)]


def test_a_dropreq_ahead_of_the_stream_moves_it_on() -> None:
    bench = Bench()
    bench.hear(bench.data(0))
    bench.tell(DropReq(0, FIRST + 1, FIRST + 3))
    assert naks(bench.hear(bench.data(4))) == []
    bench.now_us += 130 * MS
    assert bench.play() == [0, 4]
    assert bench.connection.take_events() == [Gap(FIRST + 1, 3, after=1)]


@pytest.mark.parametrize("span", [(1, 100_000), (0, SEQ_MASK // 3), (-20, 9_000)])
def test_a_dropreq_for_what_is_not_the_senders_to_drop_is_refused(span: tuple[int, int]) -> None:
    bench = Bench()
    bench.hear(bench.data(0), bench.data(3))
    bench.tell(DropReq(0, FIRST + span[0], FIRST + span[1]))
    assert bench.connection.tallies.refused == 1
    bench.hear(bench.data(1), bench.data(2))
    bench.now_us += 130 * MS
    assert bench.play() == [0, 1, 2, 3]


def test_a_dropreq_that_follows_a_lost_one_changes_nothing() -> None:
    bench = Bench()
    bench.hear(bench.data(0))
    bench.tell(DropReq(0, FIRST + 5, FIRST + 6))
    assert bench.connection.tallies.refused == 0
    assert naks(bench.hear(bench.data(8))) == [(1, 7)]


def test_a_packet_from_far_in_the_future_is_refused() -> None:
    bench = Bench()
    bench.hear(bench.data(0), bench.data(1, timestamp_us=11 * SECOND), bench.data(1), bench.data(2))
    bench.now_us += 130 * MS
    assert bench.play() == [0, 1, 2]
    assert bench.connection.stats(bench.now_us).pktRcvRefused == 1


def test_packets_beyond_the_buffer_are_refused_and_end_the_connection_if_no_others_come() -> None:
    bench = Bench()
    bench.hear(bench.data(0), bench.data(9_000, timestamp_us=0))
    assert bench.connection.receiver.counts.beyond == 1
    bench.now_us += 130 * MS
    assert bench.play() == [0]
    for number in range(63):
        bench.hear(bench.data(10_000 + number, timestamp_us=0))
    assert bench.connection.closed is None
    events = bench.connection.receive(bench.data(10_100, timestamp_us=0), bench.now_us)
    assert events == [Closed(CloseReason.OUT_OF_RANGE)]


def test_a_full_buffer_says_so_and_says_when_it_is_not_any_more() -> None:
    bench = Bench()
    (ack,) = bench.hear(*(bench.data(number, timestamp_us=number) for number in range(8_192)))
    assert isinstance(ack, Ack)
    assert ack.free_packets == 0
    bench.tell(AckAck(ack.number))
    assert not any(isinstance(body, Ack) for body in bench.wait(20 * MS))
    bench.now_us += 120 * MS
    assert len(bench.play()) == 8_192
    (ack,) = (body for body in bench.say() if isinstance(body, Ack))
    assert ack.free_packets == 8_192


def test_an_encrypted_packet_on_a_plain_connection_is_left_out() -> None:
    bench = Bench()
    bench.hear(bench.data(0), bench.data(1, key=KEY_EVEN))
    assert bench.connection.stats(bench.now_us).pktRcvUndecryptTotal == 1
    assert bench.connection.receiver.counts.unique == 1


def test_the_links_capacity_is_what_packet_pairs_show() -> None:
    bench = Bench()
    packets = [bench.data(number) + bytes(1_312) for number in range(3_000)]
    for number, packet in enumerate(packets):
        second = (FIRST + number) % 16 == 1
        arrived_us = bench.now_us - INTERVAL_US + 100 if second else bench.now_us
        bench.connection.receive_many((packet,), bench.now_us, (arrived_us,))
        bench.now_us += INTERVAL_US
        bench.play()
    (ack,) = (body for body in bench.say() if isinstance(body, Ack))
    assert ack.rates is not None
    assert ack.rates.link_packets_per_s == pytest.approx(1_000_000 / (100 * 1_456 / 1_316), rel=0.02)
    assert bench.connection.stats(bench.now_us).mbpsBandwidth == pytest.approx(105, rel=0.02)


def test_a_pair_that_came_at_one_moment_says_nothing_about_the_link() -> None:
    bench = Bench()
    packets = [bench.data(number, timestamp_us=0) + bytes(1_312) for number in range(1_600)]
    bench.connection.receive_many(packets, bench.now_us)
    assert bench.connection.receiver.arrivals.capacity == 1_000


def test_the_rates_in_an_ack_are_those_of_the_stream() -> None:
    bench = Bench()
    acks = []
    for number in range(500):
        acks += [body for body in bench.hear(bench.data(number)) if isinstance(body, Ack)]
        bench.now_us += INTERVAL_US
    assert acks[-1].rates is not None
    assert acks[-1].rates.packets_per_s == pytest.approx(500, rel=0.05)
    assert acks[-1].rates.bytes_per_s == pytest.approx(2_000, rel=0.05)


def test_what_is_left_can_be_had_after_the_end() -> None:
    bench = Bench()
    bench.hear(bench.data(0), bench.data(2))
    assert bench.tell(Shutdown()) == []
    assert bench.connection.take_events() == []
    assert bench.connection.closed is CloseReason.SHUTDOWN
    assert [int.from_bytes(payload) for payload in bench.connection.drain()] == [0, 2]
    assert bench.connection.take_events() == [Gap(FIRST + 1, 1, after=1)]
