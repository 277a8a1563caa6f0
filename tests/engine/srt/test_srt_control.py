"""Control packets: round trips, lengths, and what libsrt writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.srt.control import (
    Ack,
    AckAck,
    AckRates,
    Body,
    Congestion,
    ControlPacket,
    DropReq,
    Handshake,
    KeepAlive,
    LightAck,
    Nak,
    PeerError,
    Shutdown,
    Unknown,
    UserDefined,
    decode_control,
    encode_control,
    loss_words,
)
from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.limits import MAX_LOSS_WORDS
from engine.protocols.srt.numbers import seq_add
from engine.protocols.srt.packets import DataPacket, encode_data

words = st.integers(0, 0xFFFF_FFFF)
halves = st.integers(0, 0xFFFF)
seqs = st.integers(0, 0x7FFF_FFFF)
ranges = st.tuples(seqs, st.integers(0, 1000)).map(lambda pair: (pair[0], seq_add(*pair)))
whole_words = st.binary(max_size=40).map(lambda data: data[: len(data) // 4 * 4])
handshakes = st.builds(
    Handshake,
    words,
    halves,
    halves,
    words,
    words,
    words,
    words,
    words,
    words,
    st.binary(min_size=16, max_size=16),
    whole_words,
)
bodies: st.SearchStrategy[Body] = st.one_of(
    handshakes,
    st.just(KeepAlive()),
    st.just(Congestion()),
    st.builds(Shutdown, words),
    st.builds(LightAck, seqs),
    st.builds(Ack, words, seqs, words, words, words, st.none() | st.builds(AckRates, words, words, words)),
    st.builds(Nak, st.lists(ranges, min_size=1, max_size=20).map(tuple)),
    st.builds(AckAck, words),
    ranges.flatmap(lambda both: st.builds(DropReq, words, st.just(both[0]), st.just(both[1]))),
    st.builds(PeerError, words),
    st.builds(UserDefined, st.integers(5, 0xFFFF), st.binary(max_size=40)),
    st.builds(UserDefined, st.sampled_from([3, 4]), st.sampled_from([4, 72, 104]).map(bytes)),
)


@given(bodies, words, words)
def test_a_control_packet_reads_back(body: Body, timestamp_us: int, dst_socket_id: int) -> None:
    datagram = encode_control(body, timestamp_us, dst_socket_id)
    assert decode_control(datagram) == ControlPacket(timestamp_us, dst_socket_id, body)
    assert decode_control(memoryview(datagram)) == decode_control(datagram)


@given(bodies, st.data())
def test_a_control_packet_cut_short_is_another_one_or_refused(body: Body, data: st.DataObject) -> None:
    datagram = encode_control(body, 1, 2)
    cut = datagram[: data.draw(st.integers(0, len(datagram) - 1))]
    try:
        packet = decode_control(cut)
    except RemoteProtocolError:
        return
    assert packet.body != body or cut + bytes(4) == datagram  # the padding of types without content


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (KeepAlive(), "80010000 00000000 00000009 0000000a 00000000"),
        (Shutdown(), "80050000 00000000 00000009 0000000a 00000000"),
        (Shutdown(1406), "80050000 00000000 00000009 0000000a 0000057e"),
        (AckAck(3), "80060000 00000003 00000009 0000000a 00000000"),
        (LightAck(5), "80020000 00000000 00000009 0000000a 00000005"),
        (Ack(7, 5, 1, 2, 3), "80020000 00000007 00000009 0000000a 00000005 00000001 00000002 00000003"),
        (Nak(((5, 5), (7, 9))), "80030000 00000000 00000009 0000000a 00000005 80000007 00000009"),
        (DropReq(4, 5, 6), "80070000 00000004 00000009 0000000a 00000005 00000006"),
        (UserDefined(3, b"keys"), "ffff0003 00000000 00000009 0000000a 6b657973"),
    ],
)
def test_packets_look_as_those_of_libsrt(body: Body, expected: str) -> None:
    assert encode_control(body, 9, 10) == bytes.fromhex(expected)


@pytest.mark.parametrize("kind", [1, 4, 5, 6, 8])
def test_types_without_content_have_none_or_a_word_of_padding(kind: int) -> None:
    header = bytes.fromhex(f"80{kind:02x}0000 00000001 00000002 00000003")
    assert decode_control(header) == decode_control(header + bytes(4))
    with pytest.raises(RemoteProtocolError):
        decode_control(header + bytes(8))


@pytest.mark.parametrize("count", [0, 2, 3, 5, 6, 9])
def test_an_ack_has_one_word_or_four_or_seven(count: int) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_control(bytes.fromhex("80020000 00000001 00000002 00000003") + bytes(4 * count))


def test_an_ack_of_libsrt_1_0_2_had_an_eighth_word() -> None:
    datagram = encode_control(Ack(1, 2, 3, 4, 5, AckRates(6, 7, 8)), 9, 10)
    assert decode_control(datagram + bytes(4)) == decode_control(datagram)


@pytest.mark.parametrize("kind", ["0001", "0002"])
def test_a_hello_outside_of_a_handshake_has_three_words(kind: str) -> None:
    header = bytes.fromhex(f"ffff{kind} 00000000 00000001 00000002")
    assert decode_control(header + bytes(12)).body == UserDefined(int(kind), bytes(12))
    for size in (0, 8, 16):
        with pytest.raises(RemoteProtocolError):
            decode_control(header + bytes(size))


def test_a_type_of_the_future_is_told_apart() -> None:
    assert decode_control(bytes.fromhex("80630001 00000000 00000002 00000003")).body == Unknown(0x63)
    with pytest.raises(LocalProtocolError):
        encode_control(Unknown(0x63), 0, 0)


def test_data_is_not_control() -> None:
    with pytest.raises(RemoteProtocolError):
        decode_control(encode_data(DataPacket(1, 2, 3, 4, b"")))


@pytest.mark.parametrize("extra", [1, 2, 3])
def test_a_handshake_is_made_of_whole_words(extra: int) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_control(bytes.fromhex("80000000 00000000 00000000 00000000") + bytes(48 + extra))


def test_a_nak_holds_what_a_datagram_holds() -> None:
    full = tuple((2 * n, 2 * n) for n in range(MAX_LOSS_WORDS))
    assert loss_words(full) == MAX_LOSS_WORDS
    assert loss_words(((1, 1), (3, 4))) == 3
    assert decode_control(encode_control(Nak(full), 0, 0)).body == Nak(full)
    for losses in ((*full, (9000, 9000)), ()):
        with pytest.raises(LocalProtocolError):
            encode_control(Nak(losses), 0, 0)


@given(st.binary(max_size=120).map(lambda data: b"\x80" + data), st.integers(0, 9))
def test_any_bytes_are_a_control_packet_or_refused(noise: bytes, kind: int) -> None:
    for datagram in (noise, bytes((0x80, kind)) + noise[2:], b"\xff\xff\x00" + noise[3:]):
        try:
            packet = decode_control(datagram)
        except RemoteProtocolError:
            continue
        if isinstance(packet.body, Unknown):
            assert packet.body.type == int.from_bytes(datagram[:2]) & 0x7FFF
        else:
            again = encode_control(packet.body, packet.timestamp_us, packet.dst_socket_id)
            assert decode_control(again) == packet
