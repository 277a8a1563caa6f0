"""Who sends too much of anything is told to calm down; who uses it as it is meant never hears of it."""

from collections.abc import Callable

import pytest
from hpack import Encoder

from engine.protocols.http import flv_head
from engine.protocols.http2 import (
    ErrorCode,
    Flood,
    Http2Connection,
    RemoteProtocolError,
    RequestArrived,
    RequestRefused,
    RoomChanged,
    limits,
)
from engine.protocols.http2.frames import END_HEADERS, END_STREAM, Kind
from engine.protocols.http2.limits import Rate
from tests.engine.http2.talk import BEGIN, Client, frame, headers, hear, request, reset, window_update


def begun() -> Http2Connection:
    server = Http2Connection()
    hear(server, BEGIN)
    return server


def heard(
    server: Http2Connection, once: Callable[[int], bytes], most: int, every_s: float = 0.0
) -> tuple[int, RemoteProtocolError | None]:
    """How often the server heard `once` of them without a word, and what it said then, if it did."""
    for number in range(most):
        try:
            hear(server, once(number), number * every_s)
        except RemoteProtocolError as error:
            return number, error
    return most, None


def flooded(
    server: Http2Connection, once: Callable[[int], bytes], most: int
) -> tuple[int, RemoteProtocolError]:
    """The same of what has to end the connection."""
    count, error = heard(server, once, most)
    assert error is not None, "it was heard for ever"
    return count, error


def rapid_reset(number: int) -> bytes:
    return headers(2 * number + 1, request()) + reset(2 * number + 1)


def reset_by_us(number: int) -> bytes:
    """A request whose window the client breaks, so that it is we who reset it."""
    stream_id = 2 * number + 1
    return headers(stream_id, request()) + window_update(stream_id, 2**31 - 1)


def reset_of_nothing(number: int) -> bytes:
    return (headers(1, request()) if number == 0 else b"") + reset(1)


FLOODS: list[tuple[Callable[[int], bytes], Rate, Flood]] = [
    (rapid_reset, limits.RESETS, "resets"),
    (reset_by_us, limits.RESETS, "resets"),
    (reset_of_nothing, limits.RESETS, "resets"),
    (
        lambda number: headers(2 * number + 1, request(b"no path")) + reset(2 * number + 1),
        limits.RESETS,
        "resets",
    ),
    (lambda _: frame(Kind.SETTINGS), limits.SETTINGS, "settings"),
    (lambda _: frame(Kind.SETTINGS, 1), limits.SETTINGS, "settings"),
    (lambda _: frame(Kind.GOAWAY, 0, 0, bytes(8)), limits.SETTINGS, "settings"),
    (lambda _: frame(Kind.PING, 0, 0, bytes(8)), limits.PINGS, "pings"),
    (lambda _: frame(Kind.PING, 1, 0, bytes(8)), limits.PINGS, "pings"),
    (lambda _: window_update(0, 1), limits.WINDOW_UPDATES, "window_updates"),
    (lambda _: frame(Kind.PRIORITY, 0, 1, bytes(5)), limits.OTHER_FRAMES, "other_frames"),
    (lambda _: frame(0xBB, 0, 0, b"?"), limits.OTHER_FRAMES, "other_frames"),
    (
        lambda n: (headers(1, request(), end=False) if n == 0 else b"") + frame(Kind.DATA, 0, 1),
        limits.BODY_FRAMES,
        "body_frames",
    ),
    (
        lambda n: (headers(1, request(), end=False) if n == 0 else b"") + frame(Kind.DATA, 8, 1, b"\x01\x00"),
        limits.BODY_FRAMES,
        "body_frames",
    ),
]
every_flood = pytest.mark.parametrize(
    ("once", "rate", "flood"),
    FLOODS,
    ids=[
        "rapid reset",
        "resets the client makes us send",
        "resets of nothing",
        "requests we refuse",
        "settings",
        "acknowledgements",
        "goodbyes",
        "pings",
        "pongs",
        "room by the byte",
        "priorities",
        "unknown frames",
        "empty data",
        "padding",
    ],
)


@every_flood
def test_a_flood_ends_the_connection(once: Callable[[int], bytes], rate: Rate, flood: Flood) -> None:
    server = begun()
    count, error = flooded(server, once, 2 * rate.burst + 2)
    assert (error.code, error.flood) == (ErrorCode.ENHANCE_YOUR_CALM, flood)
    assert rate.burst // 2 - 2 <= count <= rate.burst
    output = server.take_output()
    assert frame(Kind.GOAWAY)[3:5] in output
    assert len(output) < 64 * rate.burst + 200


@every_flood
def test_the_same_over_time_does_not(once: Callable[[int], bytes], rate: Rate, flood: Flood) -> None:
    times = 3 * rate.burst
    assert heard(begun(), once, times, 4.0 / rate.per_s) == (times, None)


def test_answers_that_were_finished_excuse_some_resets() -> None:
    server = Http2Connection()
    client = Client(server)
    answered = set()
    for number in range(6 * limits.RESETS.burst):
        stream_id = client.ask(request())
        client.talk()
        if number % 3:
            server.send_head(stream_id, flv_head(None, "r"), end=True)
            answered.add(stream_id)
        else:
            client.h2.reset_stream(stream_id)
        client.talk()
    assert client.ended == answered


def test_data_that_was_sent_excuses_room_that_is_given_for_it() -> None:
    server = begun()
    hear(server, headers(1, request()))
    server.send_head(1, flv_head(None, "r"))
    for _ in range(2 * limits.WINDOW_UPDATES.burst):
        assert server.send_data(1, bytes(4 * limits.KIB)) == 4 * limits.KIB
        room_given = window_update(0, 4 * limits.KIB) + window_update(1, 4 * limits.KIB)
        assert hear(server, room_given) == [RoomChanged(0), RoomChanged(1)]
        server.take_output()


def test_every_request_may_end_with_a_frame_of_its_own() -> None:
    server = begun()
    for number in range(4 * limits.BODY_FRAMES.burst):
        stream_id = 2 * number + 1
        end = frame(Kind.DATA, END_STREAM, stream_id)
        (event,) = hear(server, headers(stream_id, request(), end=False) + end)
        assert isinstance(event, RequestArrived)
        server.send_head(stream_id, flv_head(None, "r"), end=True)


def test_every_request_may_come_with_a_priority() -> None:
    server = begun()
    for number in range(4 * limits.OTHER_FRAMES.burst):
        stream_id = 2 * number + 1
        (event,) = hear(server, headers(stream_id, request()) + frame(0x10, 0, 0, b"u=1"))
        assert isinstance(event, RequestArrived)
        server.send_head(stream_id, flv_head(None, "r"), end=True)


def test_more_streams_than_there_may_be_end_the_connection() -> None:
    server = begun()
    for number in range(limits.MAX_STREAMS):
        hear(server, headers(2 * number + 1, request()))
    with pytest.raises(RemoteProtocolError):
        hear(server, headers(2 * limits.MAX_STREAMS + 1, request()))


@pytest.mark.parametrize(
    "payload", [b"", b"\x82", bytes(limits.MAX_FRAME_BYTES)], ids=["empty", "small", "full"]
)
def test_a_header_block_without_end_is_cut_off(payload: bytes) -> None:
    server = begun()
    hear(server, frame(Kind.HEADERS, END_STREAM, 1, b"\x82"))
    more = frame(Kind.CONTINUATION, 0, 1, payload)
    _, error = flooded(server, lambda _: more, limits.MAX_CONTINUATIONS + 1)
    assert (error.code, error.flood) == (ErrorCode.ENHANCE_YOUR_CALM, "continuations")


def test_a_head_in_pieces_is_a_head() -> None:
    server, block = begun(), Encoder().encode(request())
    hear(server, frame(Kind.HEADERS, END_STREAM, 1, block[:5]) + frame(Kind.CONTINUATION, 0, 1, block[5:9]))
    (event,) = hear(server, frame(Kind.CONTINUATION, END_HEADERS, 1, block[9:]))
    assert isinstance(event, RequestArrived)


def test_a_head_that_unpacks_to_much_more_is_no_head() -> None:
    bomb, server = Encoder(), begun()
    once = bomb.encode([*request(), (b"x-bomb", bytes(4000 * b"x"))])
    again = bomb.encode([(b"x-bomb", bytes(4000 * b"x"))])
    assert len(again) == 1
    with pytest.raises(RemoteProtocolError) as caught:
        hear(server, frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, once + 1000 * again))
    assert (caught.value.code, caught.value.flood) == (ErrorCode.ENHANCE_YOUR_CALM, "header_list")


def test_a_head_a_little_too_large_is_told_so() -> None:
    server = begun()
    block, size = Encoder().encode([*request(), (b"x", 17 * limits.KIB * b"x")], huffman=False), 16_000
    hear(server, frame(Kind.HEADERS, END_STREAM, 1, block[:size]))
    (event,) = hear(server, frame(Kind.CONTINUATION, END_HEADERS, 1, block[size:]))
    assert isinstance(event, RequestRefused)
    assert event.refusal.reply == 431


def test_a_body_is_let_go_and_ends_with_the_window() -> None:
    server = begun()
    hear(server, headers(1, request(), end=False))
    for _ in range(3):
        assert hear(server, frame(Kind.DATA, 0, 1, bytes(limits.MAX_FRAME_BYTES))) == []
    assert bytes((0, 0, 4, Kind.WINDOW_UPDATE)) not in server.take_output()
    with pytest.raises(RemoteProtocolError) as caught:
        hear(server, 2 * frame(Kind.DATA, 0, 1, bytes(limits.MAX_FRAME_BYTES)))
    assert caught.value.code == ErrorCode.FLOW_CONTROL_ERROR
