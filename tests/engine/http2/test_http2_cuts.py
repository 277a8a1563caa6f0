"""However the bytes come, they mean the same; and whatever they are, only our own error comes of them."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.protocols.http2 import ErrorCode, Http2Connection, LocalProtocolError, RemoteProtocolError
from engine.protocols.http2.frames import ACK, PREFACE, Kind
from tests.engine.http2.talk import BEGIN, cut, frame, headers, hear, request, reset, story, window_update

TALK = b"".join(
    (
        BEGIN,
        frame(Kind.SETTINGS, ACK),
        headers(1, request()),
        headers(3, request(b"/live/show.flv", b"HEAD"), end=False),
        frame(Kind.PING, 0, 0, b"12345678"),
        headers(5, request(b"no path")),
        window_update(1, 1000),
        window_update(0, 1000),
        frame(0x10, 0, 0, b"unknown"),
        frame(Kind.PRIORITY, 0, 7, bytes(5)),
        frame(Kind.DATA, 1, 3),
        reset(1),
        frame(Kind.GOAWAY, 0, 0, bytes(8)),
    )
)
FRAMES = st.builds(
    frame,
    st.integers(0, 11),
    st.sampled_from([0, 1, 4, 5, 8, 9, 0x20, 0x2D, 255]),
    st.sampled_from([0, 1, 2, 3, 5, 7, 2**31 - 1]),
    st.one_of(
        st.binary(max_size=40), st.sampled_from([bytes(4), bytes(5), bytes(6), bytes(8), b"\x82\x87\x84"])
    ),
)


@given(st.lists(st.integers(0, 2000), max_size=20))
def test_any_cut_of_a_talk_means_the_same(cuts: list[int]) -> None:
    whole = story([TALK])
    assert whole[2] is None
    assert len(whole[0]) == 8
    assert story(cut(TALK, cuts)) == whole
    assert story([TALK[at : at + 1] for at in range(len(TALK))]) == whole


@given(st.lists(FRAMES, max_size=12), st.lists(st.integers(0, 2000), max_size=8))
@settings(max_examples=300)
def test_frames_of_any_kind_mean_the_same_however_they_are_cut(frames: list[bytes], cuts: list[int]) -> None:
    data = BEGIN + headers(1, request(), end=False) + b"".join(frames)
    whole = story([data])
    assert story(cut(data, cuts)) == whole
    assert story([data[at : at + 1] for at in range(len(data))]) == whole


@given(st.binary(max_size=400))
@example(b"GET / HTTP/1.1\r\n\r\n")
@example(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
def test_garbage_is_refused_at_the_first_wrong_byte(data: bytes) -> None:
    events, output, code = story([data])
    assert events == []
    if not PREFACE.startswith(data[: len(PREFACE)]):
        assert code == ErrorCode.PROTOCOL_ERROR
        assert b"this is not HTTP/2" in output


@given(st.integers(0, len(TALK) - 1), st.integers(1, 255))
@settings(max_examples=300)
def test_a_talk_with_a_wrong_byte_in_it_is_understood_or_refused(at: int, change: int) -> None:
    data = bytearray(TALK)
    data[at] ^= change
    whole = story([bytes(data)])
    assert story([bytes(data[:at]), bytes(data[at:])]) == whole


def test_what_came_before_a_fault_is_understood() -> None:
    events, output, code = story([BEGIN + headers(1, request()) + frame(Kind.HEADERS, 4, 2, b"\x82")])
    assert [event.partition("(")[0] for event in events] == ["RoomChanged", "RequestArrived"]
    assert code == ErrorCode.PROTOCOL_ERROR
    assert bytes((Kind.GOAWAY,)) in output


def test_nothing_is_heard_behind_a_fault() -> None:
    server = Http2Connection()
    with pytest.raises(RemoteProtocolError):
        hear(server, b"GET")
    with pytest.raises(LocalProtocolError):
        hear(server, BEGIN)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (PREFACE + frame(Kind.PING, 0, 0, bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (PREFACE + frame(Kind.SETTINGS, ACK), ErrorCode.PROTOCOL_ERROR),
        (BEGIN + frame(Kind.CONTINUATION, 4, 1), ErrorCode.PROTOCOL_ERROR),
        (
            BEGIN + frame(Kind.HEADERS, 0, 1, b"\x82") + frame(Kind.PING, 0, 0, bytes(8)),
            ErrorCode.PROTOCOL_ERROR,
        ),
        (
            BEGIN + frame(Kind.HEADERS, 0, 1, b"\x82") + frame(Kind.CONTINUATION, 4, 3),
            ErrorCode.PROTOCOL_ERROR,
        ),
        (BEGIN + frame(Kind.PUSH_PROMISE, 4, 1, bytes(4)), ErrorCode.PROTOCOL_ERROR),
        (BEGIN + frame(Kind.GOAWAY, 0, 1, bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (BEGIN + frame(Kind.GOAWAY, 0, 0, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
        (BEGIN + b"\x00\x40\x01\x00\x00\x00\x00\x00\x01", ErrorCode.FRAME_SIZE_ERROR),
        (BEGIN + window_update(0, 2**31 - 1), ErrorCode.FLOW_CONTROL_ERROR),
        (BEGIN + window_update(0, 0), ErrorCode.PROTOCOL_ERROR),
    ],
    ids=[
        "no settings first",
        "an acknowledgement first",
        "nothing to continue",
        "a ping in a header block",
        "another stream in a header block",
        "a promise",
        "a stream that goes away",
        "a short goodbye",
        "a frame announced too large",
        "too much room",
        "no room given",
    ],
)
def test_what_breaks_the_rules_of_the_connection_ends_it(data: bytes, code: ErrorCode) -> None:
    _, output, found = story([data])
    assert found == code
    assert bytes((Kind.GOAWAY, 0)) in output
