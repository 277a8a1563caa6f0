"""Hostile datagrams at a live connection: nothing is raised, nothing grows, the books stay right."""

import os
import struct
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.control import (
    Ack,
    AckAck,
    AckRates,
    Body,
    DropReq,
    KeepAlive,
    LightAck,
    Nak,
    UserDefined,
    encode_control,
)
from engine.protocols.srt.live_limits import RECEIVE_BUFFER_PACKETS, SEND_BUFFER_PACKETS
from engine.protocols.srt.losses import NEVER, _State
from engine.protocols.srt.numbers import SEQ_MASK
from engine.protocols.srt.packets import HEADER, marks_of
from engine.protocols.srt.receiver import ReceiveBuffer
from tests.engine.srt.live_wire import MS, PLAYER_ID, START_US, negotiated

EXAMPLES = 3_000 if "NIGHTLY" in os.environ else 150
FIRST = SEQ_MASK - 3

words = st.integers(0, 0xFFFF_FFFF)
near = st.integers(-40, 40).map(lambda offset: (FIRST + offset) & SEQ_MASK)
edges = st.sampled_from([8_190, 8_191, 8_192, 8_193, 2**30 - 1, 2**30, 2**30 + 1]).map(
    lambda offset: (FIRST + offset) & SEQ_MASK
)
seqs = near | edges | st.integers(0, SEQ_MASK)
times = st.integers(0, 3_000_000) | words


@st.composite
def data_packets(draw: st.DrawFn) -> bytes:
    marks = marks_of(draw(st.integers(0, 99)), key=draw(st.integers(0, 3)), retransmitted=draw(st.booleans()))
    header = HEADER.pack(draw(seqs), marks, draw(times), draw(st.sampled_from([PLAYER_ID, PLAYER_ID, 7])))
    return header + draw(st.binary(max_size=20))


@st.composite
def raw_control_packets(draw: st.DrawFn) -> bytes:
    kind = draw(st.integers(0, 9) | st.just(0x7FFF)) << 16 | draw(st.integers(0, 5))
    header = HEADER.pack(0x8000_0000 | kind, draw(words), draw(words), PLAYER_ID)
    content = draw(st.lists(seqs | words, max_size=12))
    return header + struct.pack(f">{len(content)}I", *content) + draw(st.binary(max_size=3))


ranges = st.tuples(seqs, st.integers(0, 50) | st.sampled_from([8_191, 8_192, 2**30 - 1])).map(
    lambda pair: (pair[0], (pair[0] + pair[1]) & SEQ_MASK)
)
rates = st.none() | st.builds(AckRates, words, words, words)
bodies: st.SearchStrategy[Body] = st.one_of(
    st.just(KeepAlive()),
    st.builds(LightAck, seqs),
    st.builds(Ack, st.integers(0, 50), seqs, words, words, words, rates),
    st.builds(Nak, st.lists(ranges, min_size=1, max_size=8).map(tuple)),
    st.builds(AckAck, st.integers(0, 50)),
    ranges.flatmap(lambda both: st.builds(DropReq, words, st.just(both[0]), st.just(both[1]))),
    st.builds(UserDefined, st.sampled_from([3, 4]), st.sampled_from([4, 72, 104]).map(bytes)),
)
control_packets = st.builds(
    lambda body, timestamp_us: encode_control(body, timestamp_us, PLAYER_ID), bodies, words
)
datagrams = st.binary(max_size=64) | data_packets() | raw_control_packets() | control_packets
steps = st.lists(datagrams | st.integers(0, 200_000), max_size=60)


def new_connection() -> SrtConnection:
    return SrtConnection(negotiated(PLAYER_ID, initial_seq=FIRST, one_way_us=0, latency_ms=60), START_US)


def positions(ranges: Iterable[tuple[int, int]]) -> set[int]:
    """Those in ascending ranges that do not overlap."""
    found: list[int] = []
    for first, last in ranges:
        assert first <= last
        found += range(first, last + 1)
    assert all(earlier < later for earlier, later in pairwise(found))
    return set(found)


def check_receiver(receiver: ReceiveBuffer) -> None:
    """Every position between first and next is held or missing, never both."""
    held = set(receiver._packets)
    losses = receiver.losses
    missing = positions(zip(losses._missing._firsts, losses._missing._lasts, strict=True))
    wanted = positions((each.first, each.last) for each in losses._wanted)
    assert not missing & held
    assert wanted <= missing
    assert held | missing == set(range(receiver.first, receiver.next))
    assert losses._starts == [each.first for each in losses._wanted]
    assert losses._fresh == sum(each.state is _State.FRESH for each in losses._wanted)
    assert receiver.next - receiver.first <= RECEIVE_BUFFER_PACKETS
    assert receiver.first <= receiver.contiguous <= receiver.next


@settings(max_examples=EXAMPLES)
@given(steps=steps)
def test_nothing_that_comes_upsets_a_connection(steps: list[bytes | int]) -> None:
    connection = new_connection()
    now_us = START_US
    delivered = 0
    for index in range(30):
        connection.send(bytes(10), START_US + index)
    for step in steps:
        if isinstance(step, int):
            now_us += step
            delivered += len(connection.deliver(now_us))
        else:
            connection.receive(step, now_us)
        connection.poll(now_us)
        check_receiver(connection.receiver)
        assert 0 <= connection.sender.flight <= connection.sender.held <= SEND_BUFFER_PACKETS
        assert connection.next_deadline_us() <= NEVER
    delivered += len(connection.drain())
    counts = connection.receiver.counts
    assert counts.delivered == delivered == counts.unique
    connection.stats(now_us)


@settings(max_examples=EXAMPLES)
@given(steps=steps)
def test_a_poll_that_is_due_gets_something_done(steps: list[bytes | int]) -> None:
    """After deliver and poll at the deadline, the deadline is later: no loop spins for nothing."""
    connection = new_connection()
    now_us = START_US
    for step in steps:
        now_us += step if isinstance(step, int) else 0
        if isinstance(step, bytes):
            connection.receive(step, now_us)
        for _ in range(3):
            connection.deliver(now_us)
            connection.poll(now_us)
        assert connection.next_deadline_us() > now_us


@given(datagram=datagrams)
def test_one_datagram_never_costs_more_than_a_few_answers(datagram: bytes) -> None:
    """What leaves is bounded by what the peer was sent before, never by what it writes."""
    connection = new_connection()
    for _ in range(1_000):
        connection.send(bytes(10), START_US)
    connection.poll(START_US)
    connection.receive(datagram, START_US + MS)
    assert len(connection.poll(START_US + MS)) <= 1_000
