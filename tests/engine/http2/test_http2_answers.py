"""What h2's own client makes of our answers, and we of its requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.http import flv_head, http2_fields, media_head, plain_answer
from engine.protocols.http2 import (
    ErrorCode,
    Http2Connection,
    LocalProtocolError,
    PeerClosing,
    RequestArrived,
    RoomChanged,
    StreamReset,
    limits,
)
from tests.engine.http2.talk import BEGIN, Client, frame, headers, hear, request, reset, window_update

WINDOW_BYTES = 65_535
"""What a client gives without saying so: RFC 9113 section 6.9.2."""


def asked(path: bytes = b"/live/show.m3u8", method: bytes = b"GET") -> tuple[Client, Http2Connection, int]:
    """A client that has asked for something, and the stream of it."""
    server = Http2Connection()
    client = Client(server)
    stream_id = client.ask(request(path, method))
    (event,) = [event for event in client.talk() if isinstance(event, RequestArrived)]
    assert event.stream_id == stream_id
    return client, server, stream_id


def test_a_request_is_the_one_that_http1_would_have_made_of_it() -> None:
    client = Client(Http2Connection())
    client.ask(
        request(
            b"/live/show/media.m3u8?_HLS_msn=7&_HLS_part=1",
            b"GET",
            (b"user-agent", b"Mozilla/5.0"),
            (b"x-request-id", b"abc-1"),
            (b"cookie", b"a=1"),
            (b"cookie", b"b=2"),
            (b"range", b"bytes=0-1"),
        )
    )
    (event,) = [event for event in client.talk() if isinstance(event, RequestArrived)]
    found = event.request
    assert (found.method, found.path, found.http_version) == ("GET", "/live/show/media.m3u8", "2")
    assert found.query == {"_HLS_msn": "7", "_HLS_part": "1"}
    assert (found.user_agent, found.request_id) == ("Mozilla/5.0", "abc-1")
    assert found.headers["host"] == "media.example"
    assert found.headers["cookie"] == "a=1; b=2"
    assert found.headers["range"] == "bytes=0-1"
    assert (found.keep_alive, found.is_websocket) == (True, False)


def test_a_short_answer_is_a_head_and_its_body() -> None:
    client, server, stream_id = asked()
    answer = plain_answer(404, "not found\n", request_id="r")
    server.send_head(stream_id, answer.head)
    assert server.send_data(stream_id, answer.body) == len(answer.body)
    server.end(stream_id)
    client.talk()
    assert client.heads[stream_id] == dict(http2_fields(answer.head))
    assert client.bodies[stream_id] == answer.body
    assert client.ended == {stream_id}
    assert not server.is_open(stream_id)


def test_a_head_may_be_all_there_is() -> None:
    client, server, stream_id = asked(method=b"HEAD")
    server.send_head(stream_id, flv_head(None, "r"), end=True)
    client.talk()
    assert client.heads[stream_id][b":status"] == b"200"
    assert client.ended == {stream_id}


@given(st.binary(max_size=200_000), st.integers(1, 50_000))
def test_a_body_of_any_size_goes_as_far_as_there_is_room_and_on_when_there_is_more(
    body: bytes, step: int
) -> None:
    client, server, stream_id = asked()
    server.send_head(stream_id, media_head(len(body), content_type="video/mp4", request_id="r"))
    view = memoryview(body)
    while view:
        taken = server.send_data(stream_id, view[:step])
        view = view[taken:]
        if not taken:
            assert server.room(stream_id) <= 0
            assert client.talk(), "the client has room, and did not say so"
    server.end(stream_id)
    client.talk()
    assert client.bodies.get(stream_id, b"") == body
    assert client.ended == {stream_id}


def test_room_is_what_the_client_gave_and_no_more() -> None:
    server = Http2Connection()
    hear(server, BEGIN + headers(1, request()))
    server.send_head(1, flv_head(None, "r"))
    assert server.send_data(1, bytes(2 * WINDOW_BYTES)) == WINDOW_BYTES
    assert server.send_data(1, b"x") == 0
    assert hear(server, window_update(1, 10)) == [RoomChanged(1)]
    assert server.send_data(1, b"x") == 0  # the connection's window is closed
    assert hear(server, window_update(0, 4)) == [RoomChanged(0)]
    assert server.send_data(1, bytes(20)) == 4


def test_a_window_that_shrinks_below_nothing_is_no_room() -> None:
    server = Http2Connection()
    hear(server, BEGIN + headers(1, request()))
    server.send_head(1, flv_head(None, "r"))
    server.send_data(1, bytes(1000))
    smaller = frame(4, 0, 0, (4).to_bytes(2, "big") + (10).to_bytes(4, "big"))
    assert hear(server, smaller) == [RoomChanged(0)]
    assert server.room(1) < 0
    assert server.send_data(1, b"x") == 0


def test_no_frame_is_larger_than_a_client_takes() -> None:
    client, server, stream_id = asked()
    client.h2.increment_flow_control_window(1_000_000)
    client.h2.increment_flow_control_window(1_000_000, stream_id)
    client.talk()
    server.send_head(stream_id, flv_head(None, "r"))
    server.take_output()
    assert server.send_data(stream_id, bytes(40_000)) == 40_000
    output, sizes = server.take_output(), []
    while output:
        size = int.from_bytes(output[:3], "big")
        sizes.append(size)
        output = output[9 + size :]
    assert max(sizes) <= limits.MAX_FRAME_BYTES
    assert sum(sizes) == 40_000


def test_who_has_the_answer_need_not_finish_the_request() -> None:
    server = Http2Connection()
    client = Client(server)
    stream_id = client.h2.get_next_available_stream_id()
    client.h2.send_headers(stream_id, request(method=b"GET"), end_stream=False)
    client.talk()
    server.send_head(stream_id, flv_head(None, "r"), end=True)
    client.talk()
    assert client.resets == {stream_id: ErrorCode.NO_ERROR}


def test_a_client_that_takes_a_request_back_is_heard_once() -> None:
    _, server, stream_id = asked()
    assert hear(server, reset(stream_id)) == [StreamReset(stream_id, 8)]
    assert hear(server, reset(stream_id)) == []
    assert not server.is_open(stream_id)
    with pytest.raises(LocalProtocolError):
        server.send_head(stream_id, flv_head(None, "r"))


def test_we_may_take_an_answer_back() -> None:
    client, server, stream_id = asked()
    server.send_head(stream_id, flv_head(None, "r"))
    server.reset(stream_id, ErrorCode.INTERNAL_ERROR)
    client.talk()
    assert client.resets == {stream_id: ErrorCode.INTERNAL_ERROR}
    with pytest.raises(LocalProtocolError):
        server.end(stream_id)


def test_who_is_asked_to_go_gets_what_it_asked_for_and_nothing_new() -> None:
    server = Http2Connection()
    hear(server, BEGIN + headers(1, request()))
    server.take_output()
    server.go_away()
    server.go_away()
    assert server.take_output() == frame(7, 0, 0, (1).to_bytes(4, "big") + bytes(4))
    assert hear(server, headers(3, request())) == []
    assert server.take_output().endswith(frame(3, 0, 3, int(ErrorCode.REFUSED_STREAM).to_bytes(4, "big")))
    server.send_head(1, flv_head(None, "r"), end=True)
    assert server.take_output()


def test_a_client_that_says_goodbye_gets_what_it_asked_for() -> None:
    server = Http2Connection()
    hear(server, BEGIN + headers(1, request()))
    assert hear(server, frame(7, 0, 0, bytes(8))) == [PeerClosing(0)]
    server.send_head(1, flv_head(None, "r"), end=True)
    assert not server.is_over


def test_the_table_that_compresses_answers_stays_small_whatever_a_client_offers() -> None:
    server = Http2Connection()
    client = Client(server)
    client.h2.update_settings({h2_table_size(): 2**30})
    for number in range(200):
        stream_id = client.ask(request())
        client.talk()
        server.send_head(stream_id, flv_head(f"https://page{number}.example", f"r{number}"), end=True)
        client.talk()
        assert client.heads[stream_id][b"x-request-id"] == f"r{number}".encode()
    assert server._h2.encoder.header_table.get_by_index(62)
    assert server._h2.encoder.header_table._current_size <= limits.MAX_ENCODER_TABLE_BYTES


def h2_table_size() -> int:
    return 1  # SETTINGS_HEADER_TABLE_SIZE
