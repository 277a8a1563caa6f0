"""Frames both ways; the other side is always wsproto's client."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode

from engine.protocols.websocket import (
    ClientFrames,
    Close,
    Event,
    LocalProtocolError,
    Message,
    Ping,
    Pong,
    RemoteProtocolError,
    close,
    encode_frame,
    frame_header,
    limits,
    ping,
    pong,
)
from engine.protocols.websocket.frames import payload_sizes


def read_by_client(data: bytes) -> tuple[Opcode, object]:
    client = FrameProtocol(client=True, extensions=[])
    client.receive_bytes(data)
    (frame,) = client.received_frames()
    assert frame.message_finished
    return frame.opcode, frame.payload


@pytest.mark.parametrize(
    ("length", "size"), [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10), (1 << 40, 10)]
)
def test_header_sizes(length: int, size: int) -> None:
    assert len(frame_header(length)) == size


@given(
    st.lists(st.sampled_from([0, 1, 125, 126, 65_535, 65_536, 1_000_000]) | st.integers(0, 400), max_size=5)
)
def test_payloads_of_frames_in_a_row_are_known_from_their_headers(sizes: list[int]) -> None:
    assert payload_sizes(b"".join(encode_frame(bytes(size)) for size in sizes)) == sizes


@given(st.binary(max_size=300) | st.sampled_from([bytes(65535), bytes(65536)]))
def test_a_frame_round_trips(payload: bytes) -> None:
    assert read_by_client(encode_frame(payload)) == (Opcode.BINARY, payload)


def test_control_frames_round_trip() -> None:
    assert read_by_client(ping(b"p")) == (Opcode.PING, b"p")
    assert read_by_client(pong(b"q" * 125)) == (Opcode.PONG, b"q" * 125)
    assert read_by_client(close(1001, "bye")) == (Opcode.CLOSE, (1001, "bye"))
    assert read_by_client(close()) == (Opcode.CLOSE, (1005, ""))


def test_a_long_reason_is_cut_at_a_character() -> None:
    assert read_by_client(close(4000, "é" * 100)) == (Opcode.CLOSE, (4000, "é" * 61))


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 5000])
def test_codes_that_are_not_for_the_wire(code: int) -> None:
    with pytest.raises(LocalProtocolError):
        close(code)


def test_a_reason_needs_a_code() -> None:
    with pytest.raises(LocalProtocolError):
        close(reason="why")


def test_a_control_frame_is_small() -> None:
    with pytest.raises(LocalProtocolError):
        ping(bytes(126))


def outcome(data: bytes, cuts: list[int]) -> tuple[list[Event], int | None]:
    """The events of `data` cut at `cuts`, and the close code of the error that ended them."""
    frames, events = ClientFrames(), list[Event]()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    try:
        for begin, end in pairwise(edges):
            events.extend(frames.receive(data[begin:end], 0.0))
    except RemoteProtocolError as error:
        return (events, error.reply) if frames.closed else (events, None)
    return events, None


def client_bytes() -> bytes:
    client = FrameProtocol(client=True, extensions=[])
    return bytes(
        client.ping(b"one")
        + client.send_data("héllo")
        + client.send_data(b"ab", fin=False)
        + client.pong(b"two")
        + client.send_data(b"cd", fin=True)
        + client.close(1000, "done")
    )


EVENTS = [Ping(b"one"), Message(6), Pong(b"two"), Message(4), Close(1000, "done")]


def test_a_client_speaks() -> None:
    assert outcome(client_bytes(), []) == (EVENTS, None)


def test_nothing_counts_after_a_close() -> None:
    assert outcome(client_bytes() + client_bytes() + b"\xff\xff", []) == (EVENTS, None)


def test_a_silent_player_costs_no_machine() -> None:
    frames = ClientFrames()
    assert list(frames.receive(b"", 0.0)) == []
    assert frames._protocol is None


@given(st.lists(st.integers(0, 100), max_size=20))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    assert outcome(client_bytes(), cuts) == (EVENTS, None)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x89\x01x", CloseReason.PROTOCOL_ERROR),  # not masked
        (b"\xc9\x80abcd", CloseReason.PROTOCOL_ERROR),  # a reserved bit
        (b"\x83\x80abcd", CloseReason.PROTOCOL_ERROR),  # an opcode nobody defined
        (b"\x80\x80abcd", CloseReason.PROTOCOL_ERROR),  # continues nothing
        (b"\x09\x80abcd", CloseReason.PROTOCOL_ERROR),  # a ping in pieces
        (b"\x89\xfe\x00\x7eabcd", CloseReason.PROTOCOL_ERROR),  # a ping of 126 bytes
        (b"\x88\x81\0\0\0\0x", CloseReason.PROTOCOL_ERROR),  # half a close code
        (b"\x88\x82\0\0\0\0\x03\xed", CloseReason.PROTOCOL_ERROR),  # 1005 on the wire
        (b"\x81\x81\0\0\0\0\xff", CloseReason.INVALID_FRAME_PAYLOAD_DATA),  # text that is no UTF-8
        (b"\x82\xff\xff" + bytes(11), CloseReason.PROTOCOL_ERROR),  # a length with its top bit set
    ],
)
def test_faults_have_their_code_however_they_are_cut(data: bytes, code: int) -> None:
    assert outcome(data, []) == ([], code)
    assert outcome(data, list(range(len(data)))) == ([], code)


def test_the_events_before_a_fault_are_not_lost() -> None:
    good = bytes(FrameProtocol(client=True, extensions=[]).ping(b"one"))
    assert outcome(good + b"\x89\x01x", []) == ([Ping(b"one")], 1002)


def test_an_endless_message_is_refused_without_being_kept() -> None:
    frames = ClientFrames()
    assert list(frames.receive(b"\x82\xff" + (1 << 62).to_bytes(8) + bytes(4), 0.0)) == []
    assert list(frames.receive(bytes(limits.MAX_MESSAGE_BYTES), 0.0)) == []
    with pytest.raises(RemoteProtocolError) as caught:
        list(frames.receive(b"x", 0.0))
    assert caught.value.reply == CloseReason.MESSAGE_TOO_BIG


def test_fragments_count_together() -> None:
    client = FrameProtocol(client=True, extensions=[])
    half = bytes(limits.MAX_MESSAGE_BYTES // 2 + 1)
    data = bytes(client.send_data(half, fin=False) + client.send_data(half, fin=True))
    assert outcome(data, []) == ([], CloseReason.MESSAGE_TOO_BIG)


def test_a_flood_of_pings_ends_at_their_number_per_second() -> None:
    frames, ping_frame = ClientFrames(), b"\x89\x80abcd"
    for second in (10.0, 11.0, 12.0):
        pings = list(frames.receive(ping_frame * limits.MAX_FRAMES_PER_S, second))
        assert pings == [Ping(b"")] * limits.MAX_FRAMES_PER_S
    with pytest.raises(RemoteProtocolError) as caught:
        list(frames.receive(ping_frame, 12.9))
    assert caught.value.reply == CloseReason.POLICY_VIOLATION
    assert frames.closed


def test_large_messages_end_at_their_bytes_per_second() -> None:
    frames, client = ClientFrames(), FrameProtocol(client=True, extensions=[])
    largest = bytes(client.send_data(bytes(limits.MAX_MESSAGE_BYTES)))
    for second in (10.0, 11.0, 12.0):
        for _ in range(limits.MAX_PAYLOAD_BYTES_PER_S // limits.MAX_MESSAGE_BYTES):
            assert list(frames.receive(largest, second)) == [Message(limits.MAX_MESSAGE_BYTES)]
    with pytest.raises(RemoteProtocolError) as caught:
        list(frames.receive(bytes(client.send_data(b"x")), 12.9))
    assert caught.value.reply == CloseReason.POLICY_VIOLATION
    assert frames.closed


def test_a_message_in_pieces_smaller_than_any_frame_is_one_frame() -> None:
    data = bytes(FrameProtocol(client=True, extensions=[]).send_data(bytes(5_000)))
    assert outcome(data, list(range(len(data)))) == ([Message(5_000)], None)


FRAMES = st.lists(
    st.tuples(st.sampled_from([0x80, 0x00, 0xC0]), st.integers(0, 15), st.binary(max_size=20)), max_size=6
).map(
    lambda frames: b"".join(
        bytes((first | opcode, 0x80 | len(body))) + bytes(4) + body for first, opcode, body in frames
    )
)


@given(FRAMES | st.binary(max_size=80), st.lists(st.integers(0, 120), max_size=10))
@settings(max_examples=300)
def test_any_bytes_in_any_cuts_give_the_same_events_and_only_our_error(data: bytes, cuts: list[int]) -> None:
    assert outcome(data, []) == outcome(data, cuts) == outcome(data, list(range(len(data))))
