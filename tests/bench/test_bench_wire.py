"""What the generators say is what the engine's own codecs read, and the other way round."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.dialogue import HTTP_FLV, PROTOCOLS, RTMP, WEBSOCKET, Refused, dialogue
from bench.stream import (
    AAC_HEADER,
    AVC_HEADER,
    KIND_AUDIO,
    KIND_VIDEO,
    Bodies,
    read_stamp,
    schedule,
    shape_of,
)
from bench.wire import flv, http, rtmp
from engine.media.classify import classify
from engine.media.tags import encode_tag
from engine.protocols.http import RequestReader, flv_head, http1_head
from engine.protocols.rtmp.play_frames import encode_message
from engine.protocols.websocket import ClientFrames, Pong, accept_response, close, encode_frame

CUTS = st.lists(st.integers(1, 50), min_size=1, max_size=30)
MESSAGES = st.lists(
    st.tuples(st.sampled_from([8, 9, 18]), st.integers(0, 2**32 - 1), st.binary(max_size=9000)), max_size=8
)

FLV_ANSWER = http1_head(flv_head(None, "r"), keep_alive=False) + b"FLV"


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """`data` in pieces whose sizes go round."""
    cut, at = list[bytes](), 0
    while at < len(data):
        size = sizes[len(cut) % len(sizes)]
        cut.append(data[at : at + size])
        at += size
    return cut


@given(MESSAGES, CUTS)
def test_flv_tags_are_the_engines(messages: list[tuple[int, int, bytes]], sizes: list[int]) -> None:
    wire = flv.HEADER
    for kind, stamp, body in messages:
        assert flv.tag(kind, stamp, body) == encode_tag(kind, stamp, body)
        wire += flv.tag(kind, stamp, body)
    taken: list[tuple[int, bytes]] = []
    scanner = flv.Scanner(lambda kind, body: taken.append((kind, body)))
    for piece in pieces(wire, sizes):
        scanner.feed(piece)
    assert taken == [(kind, body) for kind, _, body in messages]


@given(MESSAGES, CUTS)
def test_rtmp_messages_of_the_engine_are_read(
    messages: list[tuple[int, int, bytes]], sizes: list[int]
) -> None:
    wire = rtmp.set_chunk_size(4096)
    for kind, stamp, body in messages:
        wire += encode_message(kind, stamp, body, 4096)
    taken: list[tuple[int, bytes]] = []
    scanner = rtmp.Scanner(lambda kind, body: taken.append((kind, body)))
    for piece in pieces(wire, sizes):
        scanner.feed(piece)
    assert taken[1:] == [(kind, body) for kind, _, body in messages]


@given(MESSAGES)
def test_rtmp_messages_are_written_as_the_engine_writes_them(messages: list[tuple[int, int, bytes]]) -> None:
    for kind, stamp, body in messages:
        ours = rtmp.message(kind, body, csid=7, stream=1, timestamp_ms=stamp)
        assert ours == encode_message(kind, stamp, body, rtmp.CHUNK_BYTES, 7, 1)


def test_a_broken_back_pointer_is_noticed() -> None:
    with pytest.raises(ValueError, match="back pointer"):
        flv.Scanner(lambda kind, body: None).feed(flv.HEADER + flv.tag(9, 0, b"abc")[:-1] + b"\x07")


@given(st.lists(st.binary(max_size=70_000), max_size=4), st.integers(1, 70_000))
def test_websocket_frames_of_the_engine_are_read(payloads: list[bytes], size: int) -> None:
    taken: list[bytes] = []
    skipper = http.FrameSkipper(taken.append)
    for piece in pieces(b"".join(map(encode_frame, payloads)), [size]):
        skipper.feed(piece)
    assert taken == payloads


def test_a_close_frame_ends_a_probe() -> None:
    with pytest.raises(ValueError, match="closed by the server"):
        http.FrameSkipper(lambda data: None).feed(close(1001, "bye"))


def test_the_engine_takes_our_requests() -> None:
    request = RequestReader().receive(dialogue(HTTP_FLV, "a:1", "live/x", "?start=live").opening)
    assert request is not None
    assert (request.path, request.query) == ("/live/x.flv", {"start": "live"})
    upgrade = RequestReader().receive(dialogue(WEBSOCKET, "a:1", "live/x").opening)
    assert upgrade is not None
    assert accept_response(upgrade, "r").startswith(b"HTTP/1.1 101 ")
    assert list(ClientFrames().receive(http.PONG, 0.0)) == [Pong(b"")]


def test_a_dialogue_waits_for_its_answer() -> None:
    for protocol in PROTOCOLS:
        assert dialogue(protocol, "a:1", "live/x").answer(b"HTTP/1.1 2") is None
    assert dialogue(HTTP_FLV, "a:1", "live/x").answer(FLV_ANSWER) == b""
    assert dialogue(RTMP, "a:1", "live/x").answer(bytes(rtmp.SERVER_HANDSHAKE_BYTES))
    with pytest.raises(Refused, match="404"):
        dialogue(HTTP_FLV, "a:1", "live/x").answer(b"HTTP/1.1 404 Not Found\r\n\r\n")


def test_a_second_of_the_stream_is_what_it_says() -> None:
    shape = shape_of(1_000_000)
    bodies = Bodies(shape)
    two_seconds = [due for due in islice(schedule(), 200) if due.due_ns < 2_000_000_000]
    made = [bodies.body(due, 5) for due in two_seconds]
    assert abs(sum(map(len, made)) - 250_000) < 2_500
    assert len(two_seconds) == 60 + 87
    assert [due.number for due in two_seconds if due.key] == [0]
    for due, body in zip(two_seconds, made, strict=True):
        stamp = read_stamp(due.kind, body)
        assert stamp is not None
        assert (stamp.number, stamp.sent_ns, stamp.key) == (due.number, 5, due.key)
        assert classify(due.kind, body).keyframe == due.key


def test_codec_headers_look_like_headers() -> None:
    assert classify(KIND_VIDEO, AVC_HEADER).header
    assert classify(KIND_AUDIO, AAC_HEADER).header
    assert read_stamp(KIND_VIDEO, AVC_HEADER) is None
    assert read_stamp(KIND_AUDIO, AAC_HEADER) is None
