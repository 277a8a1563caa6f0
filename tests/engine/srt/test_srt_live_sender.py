"""The sending half, datagram by datagram: what leaves when, what is sent again, and what is dropped."""

import pytest

from engine.protocols.srt import LocalProtocolError
from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.control import (
    Ack,
    AckAck,
    Body,
    DropReq,
    KeepAlive,
    LightAck,
    Nak,
    Shutdown,
    decode_control,
    encode_control,
)
from engine.protocols.srt.handshake import OUR_FLAGS, Flag
from engine.protocols.srt.live_events import Closed, CloseReason, SendDropped
from engine.protocols.srt.losses import NEVER
from engine.protocols.srt.pacing import Bandwidth
from engine.protocols.srt.packets import POSITION_SOLO, DataPacket, decode_data, is_control
from tests.engine.srt.live_wire import MS, PUBLISHER_ID, SECOND, START_US, negotiated

FIRST = 0x100
WIRE_BYTES = 1_316 + 44
PAYLOAD = bytes(1_316)


class Bench:
    """A sender, and somebody who writes its peer's control packets by hand."""

    def __init__(
        self, bandwidth: Bandwidth | None = None, latency_ms: int = 120, flags: int = int(OUR_FLAGS)
    ) -> None:
        terms = negotiated(PUBLISHER_ID, latency_ms=latency_ms, initial_seq=FIRST, flags=flags)
        self.connection = SrtConnection(terms, START_US, bandwidth=bandwidth)
        self.now_us = START_US
        self.said: list[Body] = []

    def send(self, count: int) -> list[DataPacket]:
        for _ in range(count):
            self.connection.send(PAYLOAD, self.now_us)
        return self.poll()

    def poll(self) -> list[DataPacket]:
        """The data packets that leave; the control packets are in `said`."""
        datagrams = [header + bytes(payload) for header, payload in self.connection.poll(self.now_us)]
        self.said = [decode_control(each).body for each in datagrams if is_control(each)]
        return [decode_data(each) for each in datagrams if not is_control(each)]

    def tell(self, body: Body) -> list[DataPacket]:
        self.connection.receive(encode_control(body, 0, PUBLISHER_ID), self.now_us)
        return self.poll()

    def wait(self, time_us: int) -> list[DataPacket]:
        self.now_us += time_us
        return self.poll()

    def ack(self, number: int, packet: int, free_packets: int = 8_192, rtt_us: int = 60 * MS) -> None:
        """Everything before this packet has arrived, over a steady link."""
        self.tell(Ack(number, FIRST + packet, rtt_us, 1 * MS, free_packets))


def numbers(packets: list[DataPacket]) -> list[int]:
    return [packet.seq - FIRST for packet in packets]


def test_a_payload_leaves_at_once_as_one_message() -> None:
    bench = Bench()
    bench.now_us += 5 * MS
    first, second = bench.send(2)
    assert (first.seq, second.seq) == (FIRST, FIRST + 1)
    assert (first.msgno, second.msgno) == (1, 2)
    assert (first.position, first.in_order, first.key, first.retransmitted) == (
        POSITION_SOLO,
        False,
        0,
        False,
    )
    assert first.timestamp_us == 5 * MS
    assert first.dst_socket_id == bench.connection.negotiated.peer_socket_id


def test_a_packet_sent_again_keeps_its_number_time_and_message() -> None:
    bench = Bench()
    sent = bench.send(3)
    bench.now_us += 40 * MS
    (again,) = bench.tell(Nak(((FIRST + 1, FIRST + 1),)))
    assert again.retransmitted
    assert (again.seq, again.msgno, again.timestamp_us) == (sent[1].seq, sent[1].msgno, sent[1].timestamp_us)


def test_an_origin_in_the_past_is_what_the_timestamp_says() -> None:
    bench = Bench()
    bench.now_us += 50 * MS
    bench.connection.send(PAYLOAD, bench.now_us, origin_us=START_US + 20 * MS)
    (packet,) = bench.poll()
    assert packet.timestamp_us == 20 * MS


def test_payloads_are_shared_not_copied() -> None:
    bench = Bench()
    bench.connection.send(PAYLOAD, bench.now_us)
    ((_, payload),) = bench.connection.poll(bench.now_us)
    assert payload is PAYLOAD


def test_a_nak_is_answered_once_per_round_trip() -> None:
    bench = Bench()
    bench.send(10)
    bench.ack(1, 0)
    nak = Nak(((FIRST + 2, FIRST + 4), (FIRST + 7, FIRST + 7)))
    assert numbers(bench.tell(nak)) == [2, 3, 4, 7]
    bench.now_us += 30 * MS
    assert numbers(bench.tell(nak)) == []
    bench.now_us += 30 * MS
    assert numbers(bench.tell(nak)) == [2, 3, 4, 7]
    assert bench.connection.stats(bench.now_us).pktRetransTotal == 8


def test_what_has_been_acknowledged_is_answered_with_a_dropreq() -> None:
    bench = Bench()
    bench.send(10)
    bench.ack(1, 6)
    assert numbers(bench.tell(Nak(((FIRST + 1, FIRST + 2), (FIRST + 4, FIRST + 7))))) == [6, 7]
    assert bench.said == [DropReq(0, FIRST + 1, FIRST + 5)]


@pytest.mark.parametrize("body", [
    Nak(((FIRST + 9, FIRST + 10),)),
    Nak(((FIRST + 2, FIRST + 900_000),)),
    Ack(1, FIRST + 11, 60_000, 0, 8_192),
    LightAck(FIRST + 11),
])  # fmt: skip
def test_reports_of_packets_that_were_never_sent_are_refused(body: Body) -> None:
    bench = Bench()
    bench.send(10)
    assert bench.tell(body) == []
    assert bench.connection.tallies.refused == 1
    assert bench.connection.sender.flight == 10
    assert bench.connection.closed is None


def test_nobody_gets_more_than_twice_the_stream() -> None:
    bench = Bench()
    bench.send(4_000)
    bench.ack(1, 0, rtt_us=1)
    everything = Nak(((FIRST, FIRST + 3_999),))
    resent = 0
    for _ in range(20):
        bench.now_us += 10 * MS
        resent += len(bench.tell(everything))
    assert resent == 512
    bench.send(100)
    assert len(bench.tell(everything)) == 100
    assert bench.connection.stats(bench.now_us).pktRetransRefused > 0


def test_naks_that_ask_for_what_is_on_its_way_are_looked_up_a_bounded_number_of_times() -> None:
    bench = Bench()
    bench.send(500)
    bench.ack(1, 0)
    everything = Nak(((FIRST, FIRST + 499),))
    assert len(bench.tell(everything)) == 500
    for _ in range(100):
        assert bench.tell(everything) == []
    assert bench.connection.sender.counts.refused_retransmits > 0
    bench.now_us += 100 * MS
    bench.send(50)
    assert bench.tell(Nak(((FIRST, FIRST),)))[0].retransmitted


def test_a_full_ack_is_confirmed_and_a_light_one_is_not() -> None:
    bench = Bench()
    bench.send(200)
    bench.ack(1, 100)
    assert bench.said == [AckAck(1)]
    bench.tell(LightAck(FIRST + 150))
    assert bench.said == []
    assert bench.connection.sender.flight == 50
    assert bench.connection.sender.window == 8_142


def test_the_round_trip_is_what_the_acks_say() -> None:
    bench = Bench()
    bench.send(10)
    bench.ack(1, 1, rtt_us=80 * MS)
    assert bench.connection.stats(bench.now_us).msRTT == 80
    bench.ack(2, 2, rtt_us=40 * MS)
    assert bench.connection.stats(bench.now_us).msRTT == 40
    bench.ack(1, 1, rtt_us=80 * MS)
    assert bench.connection.stats(bench.now_us).msRTT == 40


def test_the_peers_window_holds_the_stream_back() -> None:
    bench = Bench()
    assert len(bench.send(10)) == 10
    bench.ack(1, 10, free_packets=4)
    assert numbers(bench.send(10)) == [10, 11, 12, 13]
    assert bench.connection.sender.next_send_us() is None
    bench.tell(Ack(2, FIRST + 12, 60_000, 0, 6))
    assert bench.connection.sender.flight == 6
    bench.tell(LightAck(FIRST + 14))
    assert bench.connection.sender.flight == 4


def test_what_is_too_late_for_the_peer_is_dropped_and_said_so() -> None:
    bench = Bench(latency_ms=120)
    bench.send(10)
    bench.now_us += 500 * MS
    bench.send(1)
    assert bench.wait(520 * MS) == []
    assert bench.said == []
    bench.wait(1)
    assert bench.said == [DropReq(0, FIRST, FIRST + 9)]
    assert bench.connection.take_events() == [SendDropped(10, unsent=0)]
    assert bench.connection.stats(bench.now_us).pktSndDropTotal == 10


def test_a_long_latency_keeps_packets_longer() -> None:
    bench = Bench(latency_ms=3_000)
    bench.send(1)
    bench.wait(3_020 * MS)
    assert bench.connection.sender.held == 1
    bench.wait(1)
    assert bench.connection.sender.held == 0


def test_what_was_dropped_unsent_has_used_its_numbers_up() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=1))
    assert numbers(bench.send(6)) == [0, 1]
    bench.wait(1_021 * MS)
    assert bench.said[0] == DropReq(0, FIRST, FIRST + 5)
    assert bench.connection.take_events() == [SendDropped(6, unsent=4)]
    bench.ack(1, 6)
    bench.connection.sender.pacing.bytes_per_s = 0
    assert numbers(bench.send(1)) == [6]


def test_no_number_is_used_up_that_the_peer_has_no_room_for() -> None:
    bench = Bench()
    bench.send(1)
    bench.ack(1, 1, free_packets=3)
    assert numbers(bench.send(8)) == [1, 2, 3]
    bench.wait(1_021 * MS)
    assert bench.said[0] == DropReq(0, FIRST + 1, FIRST + 3)
    assert bench.connection.take_events() == [SendDropped(8, unsent=5)]
    assert bench.send(1) == []
    bench.ack(2, 4, free_packets=2)
    assert numbers(bench.send(0) + bench.send(1)) == [5]
    assert bench.connection.stats(bench.now_us).pktSndDropTotal == 8


def test_a_drop_does_not_widen_the_peers_window() -> None:
    bench = Bench()
    bench.send(1)
    bench.ack(1, 1, free_packets=5)
    bench.send(5)
    bench.wait(1_021 * MS)
    assert (bench.connection.sender.flight, bench.connection.sender.window) == (0, 0)


def test_a_dropreq_is_repeated_until_an_ack_shows_that_it_was_heard() -> None:
    bench = Bench()
    bench.send(3)
    bench.ack(1, 1, rtt_us=60 * MS)
    bench.wait(1_021 * MS)
    requests_ms = []
    for ms in range(200):
        requests_ms += [ms] * (DropReq(0, FIRST + 1, FIRST + 2) in bench.said)
        bench.wait(MS)
    assert requests_ms == [0, 64, 128, 192]
    bench.ack(2, 3)
    assert not any(isinstance(body, DropReq) for _ in range(200) for body in (bench.wait(MS), *bench.said))


def test_the_newest_packet_of_a_full_window_is_sent_again_if_nobody_answers() -> None:
    """Nothing may be sent behind it, so nothing else would show that it was lost."""
    bench = Bench()
    bench.send(1)
    bench.ack(1, 1, free_packets=3)
    bench.send(5)
    patience_us = 60 * MS + 4 * MS + 30 * MS
    assert bench.wait(patience_us - 1) == []
    assert numbers(bench.wait(1)) == [3]
    assert bench.wait(patience_us - 10 * MS - 1) == []
    (again,) = bench.wait(1)
    assert (again.seq, again.retransmitted) == (FIRST + 3, True)
    bench.ack(2, 1, free_packets=5)
    assert bench.connection.sender.flight == 5


def test_a_buffer_that_overflows_drops_its_oldest() -> None:
    bench = Bench()
    bench.send(8_195)
    assert bench.connection.sender.held == 8_192
    assert bench.connection.take_events() == [SendDropped(3, unsent=3)]


def test_without_a_limit_everything_leaves_at_once() -> None:
    assert len(Bench().send(500)) == 500


def test_a_limit_spreads_packets_over_time() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=WIRE_BYTES * 100))
    left = len(bench.send(60))
    for _ in range(300):
        left += len(bench.wait(1 * MS))
    assert left == pytest.approx(30, abs=3)
    assert bench.connection.stats(bench.now_us).usPktSndPeriod == pytest.approx(10_000, rel=0.11)


def test_a_caller_that_polls_rarely_gets_the_whole_rate() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=WIRE_BYTES * 1_000))
    left = len(bench.send(700))
    for _ in range(5):
        left += len(bench.wait(100 * MS))
    assert left == pytest.approx(500, abs=30)


def test_what_was_not_used_is_not_saved_for_later() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=WIRE_BYTES * 100))
    bench.send(1)
    bench.wait(500 * MS)
    assert len(bench.send(50)) <= 2


def test_the_two_packets_of_a_probing_pair_leave_together() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=WIRE_BYTES * 100))
    left = [numbers(bench.send(64))] + [numbers(bench.wait(1 * MS)) for _ in range(600)]
    together = [packets for packets in left if len(packets) > 1]
    assert together == [[0, 1], [16, 17], [32, 33], [48, 49]]


def test_the_deadline_is_when_the_next_packet_may_leave() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=WIRE_BYTES * 100))
    bench.send(4)
    deadline_us = bench.connection.next_deadline_us()
    bench.now_us = deadline_us - 1
    assert bench.poll() == []
    bench.now_us = deadline_us + 1
    assert len(bench.poll()) == 1


def test_a_limit_by_the_inputs_rate_is_measured() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=0))
    left = 0
    for _ in range(300):
        bench.now_us += 10 * MS
        left += len(bench.send(2))
    assert left == 600
    assert bench.connection.sender.pacing.bytes_per_s == pytest.approx(200 * WIRE_BYTES * 1.25, rel=0.05)


def test_a_limit_by_a_given_input_is_that_and_a_quarter() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=0, input_bytes_per_s=1_000_000))
    assert bench.connection.stats(bench.now_us).mbpsMaxBW == 10.0
    assert Bench(Bandwidth(max_bytes_per_s=500_000)).connection.stats(START_US).mbpsMaxBW == 4.0
    assert Bench().connection.stats(START_US).mbpsMaxBW == 0


def test_the_measured_input_is_never_less_than_the_least() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=0, min_input_bytes_per_s=1_000_000))
    for _ in range(200):
        bench.now_us += 10 * MS
        bench.send(1)
    assert bench.connection.sender.pacing.bytes_per_s == 1_250_000


def test_retransmissions_come_first_unless_the_backlog_is_too_old() -> None:
    bench = Bench(Bandwidth(max_bytes_per_s=WIRE_BYTES * 100))
    for _ in range(4):
        bench.send(1)
        bench.now_us += 10 * MS
    bench.send(40)
    bench.ack(1, 0)
    bench.connection.receive(encode_control(Nak(((FIRST, FIRST + 1),)), 0, PUBLISHER_ID), bench.now_us)
    assert bench.wait(10 * MS)[0].retransmitted
    bench.now_us += 200 * MS
    bench.connection.receive(encode_control(Nak(((FIRST + 2, FIRST + 2),)), 0, PUBLISHER_ID), bench.now_us)
    assert not any(packet.retransmitted for packet in bench.poll())


def test_silence_is_broken_once_in_a_second() -> None:
    bench = Bench()
    bench.wait(999 * MS)
    assert bench.said == []
    bench.wait(1 * MS)
    assert bench.said == [KeepAlive()]
    bench.wait(999 * MS)
    assert bench.said == []


def test_a_peer_that_is_silent_for_five_seconds_is_gone() -> None:
    bench = Bench()
    bench.wait(4 * SECOND)
    bench.tell(KeepAlive())
    bench.wait(5 * SECOND)
    assert bench.connection.closed is None
    bench.wait(1)
    assert bench.connection.take_events() == [Closed(CloseReason.IDLE)]
    assert bench.connection.poll(bench.now_us) == []
    assert bench.connection.next_deadline_us() == NEVER


def test_goodbye_is_said_once_and_the_end_is_the_end() -> None:
    bench = Bench()
    bench.connection.close()
    assert bench.connection.next_deadline_us() <= bench.now_us
    bench.poll()
    assert bench.said == [Shutdown()]
    bench.connection.close()
    bench.poll()
    assert bench.said == []
    assert bench.connection.take_events() == [Closed(CloseReason.LOCAL)]
    with pytest.raises(LocalProtocolError):
        bench.connection.send(b"too late", bench.now_us)


def test_a_payload_that_fits_no_packet_is_refused() -> None:
    bench = Bench()
    bench.connection.send(bytes(1_456), bench.now_us)
    with pytest.raises(LocalProtocolError):
        bench.connection.send(bytes(1_457), bench.now_us)


def test_a_peer_without_periodic_naks_is_sent_everything_again_after_a_silence() -> None:
    bench = Bench(flags=int(OUR_FLAGS & ~Flag.PERIODIC_NAK))
    bench.send(3)
    bench.ack(1, 1, rtt_us=60 * MS)
    patience_us = 60 * MS + 4 * MS + 30 * MS
    assert bench.wait(patience_us - 1) == []
    assert numbers(bench.wait(1)) == [1, 2]
    assert bench.wait(patience_us - 10 * MS - 1) == []
    assert numbers(bench.wait(1)) == [1, 2]


def test_a_peer_with_periodic_naks_is_not() -> None:
    bench = Bench()
    bench.send(3)
    bench.ack(1, 1)
    assert all(bench.wait(100 * MS) == [] for _ in range(8))
