"""Hostile RTMP: each known attack meets its limit, in bounded memory, and is told so."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from engine.protocols import amf0
from engine.protocols.rtmp import Media, RemoteProtocolError, ServerConnection, State
from engine.protocols.rtmp.limits import (
    KIB,
    MAX_AGGREGATE_TAGS,
    MAX_CHUNK_HEADERS_PER_S,
    MAX_COMMANDS_BEFORE_ACCEPT,
    MAX_COMMANDS_PER_S,
    MAX_MEDIA_PER_S,
    MAX_MESSAGES_PER_S,
    MAX_UNREAD_BYTES,
    MIB,
)
from tests.engine.rtmp.wire import (
    CONNECT,
    CREATE_STREAM,
    HANDSHAKE,
    TO_PUBLISH,
    byte_by_byte,
    command,
    feed,
    head,
    message,
    playing,
    publishing,
    serve,
    set_chunk_size,
)

CONNECTED = HANDSHAKE + CONNECT
BIG_CHUNKS = set_chunk_size(65536)


@contextmanager
def at_most(peak_bytes: int) -> Iterator[None]:
    """What the block allocates beyond what was there."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < peak_bytes
    finally:
        tracemalloc.stop()


def nested_command() -> bytes:
    return message(3, 20, amf0.encode("connect", 1.0) + b"\x0a\x00\x00\x00\x01" * 13_000)


STRANGER_BOMBS = {
    "a chunk size of two gigabytes (nginx-rtmp#1042)": set_chunk_size(0x7FFFFFFF),
    "an announced message of 16 MiB": head(0, 4, 0, 0xFFFFFF, 9, 1),
    "a command of more than 64 KiB": head(0, 3, 0, 65537, 20),
    "thirteen thousand nested arrays (flvmeta#29)": nested_command(),
    "a command that is no AMF": message(3, 20, b"\xff"),
    "a command without a name": message(3, 20, amf0.encode(1.0, 2.0)),
    "a command without a transaction": message(3, 20, amf0.encode("connect")),
    "AMF3 itself": message(3, 17, b"\x11\x0a"),
    "an app that goes on for ever": command("connect", 1, {"app": "a" * 5000}),
    "a query that goes on for ever": command("connect", 1, {"app": "live?" + "a" * 5000}),
    "seventeen chunk streams": b"".join(head(0, csid, 0, 1, 8, 1) + b"a" for csid in range(3, 20)),
    "media before connect": message(4, 9, b"a", stream=1),
    "publish before connect": command("publish", 1, None, "cam", stream=1),
    "a window without its number": message(2, 5, b"\x00"),
    "a bandwidth without its kind": message(2, 6, b"\x00\x00\x00\x00"),
    "a buffer length without its number": message(2, 4, b"\x00\x03\x00\x00\x00\x01"),
}


@pytest.mark.parametrize("bomb", STRANGER_BOMBS.values(), ids=STRANGER_BOMBS.keys())
def test_a_strangers_bomb_is_refused_and_told(bomb: bytes) -> None:
    server = ServerConnection()
    outcome = feed(server, [HANDSHAKE, bomb])
    assert outcome.error
    assert b"NetConnection.Connect.Rejected" in outcome.output
    assert server.state is State.CLOSED
    assert server.receive(b"more", 0.0) == []


def test_announced_messages_take_no_memory() -> None:
    server = publishing()
    announced = b"".join(head(0, csid, 0, 8 * MIB, 9, 1) + b"a" * 128 for csid in range(10, 50))
    with at_most(128 * KIB):
        assert server.receive(announced, 0.0) == []


def test_half_messages_of_a_stranger_stop_at_256_kib() -> None:
    halves = b"".join(head(0, csid, 0, 65536, 18, 1) + bytes(20_000) for csid in range(3, 18))
    assert "incomplete" in serve(CONNECTED + set_chunk_size(20_000) + halves).error


def test_half_messages_of_a_publisher_stop_at_16_mib() -> None:
    server = publishing()
    server.receive(BIG_CHUNKS, 0.0)
    opened = [head(0, csid, 0, 8 * MIB, 9, 1) + bytes(65536) for csid in range(4, 64)]
    more = [head(3, csid) + bytes(65536) for csid in range(4, 64)]
    with at_most(17 * MIB + 2 * MIB):
        outcome = feed(server, opened + more * 4)
    assert "incomplete" in outcome.error


def test_aborted_messages_do_not_count_as_in_flight() -> None:
    server = publishing()
    server.receive(BIG_CHUNKS, 0.0)
    frame = head(0, 6, 0, MIB, 9, 1) + bytes(65536) + message(2, 2, (6).to_bytes(4))
    assert feed(server, [frame] * 300).error == ""


def test_a_publisher_may_use_sixty_four_chunk_streams() -> None:
    server = publishing()  # chunk stream 3 is in use
    frames = [head(0, csid, 0, 1, 8, 1) + b"a" for csid in range(4, 64)]
    wide = [b"\x00" + bytes((csid,)) + head(0, 0, 0, 1, 8, 1)[1:] + b"a" for csid in range(4)]
    assert feed(server, frames + wide[:3]).error == ""
    assert "chunk streams" in feed(server, wide[3:]).error


def test_one_byte_chunks_meet_the_budget_of_headers_within_a_second() -> None:
    server = publishing()
    server.receive(set_chunk_size(1), 10.0)
    opening = head(0, 6, 0, 8 * MIB, 9, 1) + b"a"
    thousand = b"\xc6a" * 1000
    server.receive(opening, 10.0)
    for _ in range(MAX_CHUNK_HEADERS_PER_S // 1000 - 1):
        server.receive(thousand, 10.5)
    server.receive(thousand, 11.0)  # the next second has a budget of its own
    for _ in range(MAX_CHUNK_HEADERS_PER_S // 1000 - 1):
        server.receive(thousand, 11.5)
    with pytest.raises(RemoteProtocolError, match="chunks in a second"):
        server.receive(thousand, 11.9)


def test_one_byte_chunks_in_one_read_take_the_memory_of_their_bytes() -> None:
    server = publishing()
    server.receive(set_chunk_size(1), 0.0)
    body = bytes(range(256)) * 400
    chunks = (
        head(0, 6, 0, len(body), 9, 1)
        + body[:1]
        + b"".join(b"\xc6" + body[at : at + 1] for at in range(1, len(body)))
    )
    with at_most(2 * MIB):
        (event,) = server.receive(chunks, 0.0)
    assert event == Media(9, 0, body)


def test_a_message_dripped_byte_by_byte_takes_the_memory_of_its_bytes() -> None:
    server = publishing()
    drip = message(6, 9, bytes(15_000), stream=1)
    with at_most(100 * KIB):
        (event,) = feed(server, byte_by_byte(drip)).events
    assert event


@pytest.mark.parametrize("call", [CREATE_STREAM, command("teleport", 1, None)])
def test_endless_calls_stop_at_thirty_two(call: bytes) -> None:
    server = ServerConnection()
    assert feed(server, [CONNECTED + call * (MAX_COMMANDS_BEFORE_ACCEPT - 1)]).error == ""
    assert "commands" in feed(server, [call]).error


@pytest.mark.parametrize("begin", [publishing, playing])
def test_commands_per_second_are_counted_once_accepted(begin: Callable[[], ServerConnection]) -> None:
    server = begin()
    pause = command("pause", 0, None, True, 0.0, stream=1)
    for second in (10.0, 11.0, 12.0):
        server.receive(pause * MAX_COMMANDS_PER_S, second)
    with pytest.raises(RemoteProtocolError, match="commands"):
        server.receive(pause, 12.9)


def test_empty_messages_stop_at_their_number_per_second() -> None:
    server = playing()
    empty = head(0, 4, 0, 0, 8, 1) + head(3, 4) * (MAX_MESSAGES_PER_S - 1)
    server.receive(empty, 10.0)
    with pytest.raises(RemoteProtocolError, match="messages in a second"):
        server.receive(head(3, 4), 10.5)


def test_media_of_a_publisher_stops_at_a_number_of_its_own() -> None:
    server = publishing()
    server.receive(head(0, 4, 0, 0, 8, 1), 9.0)
    for second in (10.0, 11.0):
        assert len(server.receive(head(3, 4) * MAX_MEDIA_PER_S, second)) == MAX_MEDIA_PER_S
    with pytest.raises(RemoteProtocolError, match="media messages in a second"):
        server.receive(head(3, 4), 11.9)


def test_media_inside_aggregates_counts() -> None:
    server = publishing()
    bundle = message(4, 22, sub_tag(8, b"") * MAX_AGGREGATE_TAGS, stream=1)
    outcome = feed(server, [bundle] * (MAX_MEDIA_PER_S // MAX_AGGREGATE_TAGS + 1))
    assert "media messages in a second" in outcome.error
    assert len(outcome.events) == MAX_MEDIA_PER_S


@pytest.mark.parametrize("read_bytes", [4 * KIB, 2 * MAX_UNREAD_BYTES])
def test_bytes_before_an_answer_are_bounded(read_bytes: int) -> None:
    server = ServerConnection()
    server.receive(TO_PUBLISH, 0.0)
    outcome = feed(server, [bytes(read_bytes)] * (2 * MAX_UNREAD_BYTES // read_bytes))
    assert "before an answer" in outcome.error


def test_bytes_before_an_answer_are_bounded_in_the_same_read_too() -> None:
    with pytest.raises(RemoteProtocolError, match="before an answer") as caught:
        ServerConnection().receive(TO_PUBLISH + bytes(2 * MAX_UNREAD_BYTES), 0.0)
    assert [type(event).__name__ for event in caught.value.events] == ["Connected", "PublishRequested"]


def sub_tag(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3) + bytes(7) + body + (len(body) + 11).to_bytes(4)


AGGREGATE_BOMBS = {
    "more tags than allowed": sub_tag(8, b"") * (MAX_AGGREGATE_TAGS + 1),
    "a tag that ends behind the message": sub_tag(8, b"abc")[:13],
    "a header that ends behind the message": b"\x08\x00",
    "a tag of an unknown kind": sub_tag(7, b"abc"),
    "an aggregate inside an aggregate": sub_tag(22, sub_tag(8, b"abc")),
}


@pytest.mark.parametrize("body", AGGREGATE_BOMBS.values(), ids=AGGREGATE_BOMBS.keys())
def test_aggregate_bombs_are_refused(body: bytes) -> None:
    assert feed(publishing(), [message(4, 22, body, stream=1)]).error


def test_events_before_the_offence_are_not_lost() -> None:
    frame = message(6, 9, b"frame", stream=1)
    outcome = feed(publishing(), [frame + frame + set_chunk_size(0) + frame])
    assert len(outcome.events) == 2
    assert outcome.error
