"""Requests one after the other on a connection that is kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.protocols.http import LocalProtocolError, RemoteProtocolError, RequestReader, limits
from tests.engine.http.feeds import BROWSER, LAST, OFFER, OLD, PLAIN, UPGRADE, read_all, with_field


def keeps_alive(head: bytes) -> bool:
    request = RequestReader().receive(head)
    assert request is not None
    return request.keep_alive


def test_a_player_asks_again_and_again() -> None:
    reader = RequestReader()
    for _ in range(3):
        request = reader.receive(BROWSER)
        assert request is not None
        assert request.query == {"_HLS_msn": "1234", "_HLS_part": "2"}
        assert request.headers["if-none-match"] == '"0123456789abcdef"'
        assert request.keep_alive
        assert reader.next() is None
    assert not reader.is_over


def test_requests_sent_ahead_wait_their_turn() -> None:
    reader = RequestReader()
    first = reader.receive(BROWSER + PLAIN + OLD[:10])
    second = reader.next()
    assert first is not None
    assert second is not None
    assert (first.path, second.path) == ("/live/show/media.m3u8", "/live/show.flv")
    assert first.trailing == second.trailing == b""
    assert reader.next() is None
    third = reader.receive(OLD[10:])
    assert third is not None
    assert third.http_version == "1.0"


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (PLAIN, True),
        (with_field(b"Connection: close"), False),
        (with_field(b"Connection: Keep-Alive, CLOSE"), False),
        (with_field(b"Connection: keep-alive\r\nConnection: close"), False),
        (with_field(b"Connection: closet"), True),
        (with_field(b"Connection:"), True),
        (OLD, True),
        (OLD.replace(b"Keep-Alive", b"te"), False),
        (OLD.replace(b"Keep-Alive", b"keep-alive, close"), False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (OFFER, True),
        (UPGRADE, False),
    ],
)
def test_who_is_kept(head: bytes, kept: bool) -> None:
    assert keeps_alive(head) is kept


def test_an_offer_to_speak_another_protocol_is_passed_over() -> None:
    reader = RequestReader()
    assert reader.receive(OFFER + OFFER + PLAIN) is not None
    assert reader.next() is not None
    request = reader.next()
    assert request is not None
    assert request.path == "/live/show.flv"


@pytest.mark.parametrize("last", [LAST, UPGRADE])
def test_the_last_request_brings_what_is_behind_it(last: bytes) -> None:
    reader = RequestReader()
    request = reader.receive(last + PLAIN)
    assert request is not None
    assert request.trailing == PLAIN
    assert reader.is_over
    assert reader.next() is None
    for more in (reader.receive, reader.hold):
        with pytest.raises(LocalProtocolError):
            more(PLAIN)


def test_nothing_is_read_after_a_refusal() -> None:
    reader = RequestReader()
    assert reader.receive(PLAIN + b"POST / HTTP/1.1\r\nHost: a\r\n\r\n" + PLAIN) is not None
    with pytest.raises(RemoteProtocolError) as caught:
        reader.next()
    assert caught.value.reply == 405
    assert reader.is_over
    assert reader.next() is None
    with pytest.raises(LocalProtocolError):
        reader.receive(PLAIN)


def test_an_empty_piece_means_nothing() -> None:
    reader = RequestReader()
    assert reader.receive(b"") is None
    assert reader.receive(PLAIN) is not None


def test_what_comes_during_an_answer_is_held() -> None:
    reader = RequestReader()
    assert reader.receive(PLAIN) is not None
    reader.hold(BROWSER[:50])
    reader.hold(BROWSER[50:] + PLAIN)
    assert reader.room_bytes == limits.MAX_HEAD_BYTES - len(BROWSER + PLAIN)
    assert reader.next() is not None
    assert reader.next() is not None
    assert reader.room_bytes == limits.MAX_HEAD_BYTES


def test_whoever_sends_too_much_ahead_is_refused() -> None:
    reader = RequestReader()
    reader.hold(b"x" * limits.MAX_HEAD_BYTES)
    assert reader.room_bytes == 0
    with pytest.raises(RemoteProtocolError) as caught:
        reader.hold(b"x")
    assert caught.value.reply == 431
    assert reader.is_over
    with pytest.raises(RemoteProtocolError):
        RequestReader().receive(PLAIN + b"x" * (limits.MAX_HEAD_BYTES + 1))


def test_whoever_is_read_no_faster_than_answered_is_never_refused() -> None:
    reader, sent, answered = RequestReader(), BROWSER * 500, 0
    while sent or len(BROWSER) <= limits.MAX_HEAD_BYTES - reader.room_bytes:
        room = reader.room_bytes
        reader.hold(sent[:room])
        sent = sent[room:]
        assert reader.next() is not None
        answered += 1
    assert answered == 500


def test_the_largest_head_is_taken_again_and_again() -> None:
    head = with_field(b"N: " + b"x" * (limits.MAX_HEAD_BYTES - len(with_field(b"N: "))))
    assert len(head) == limits.MAX_HEAD_BYTES
    story, _ = read_all(head * 2, list(range(0, 2 * len(head), 997)))
    assert len(story) == 2
    assert 431 not in story
    assert read_all(with_field(b"N: " + b"x" * limits.MAX_HEAD_BYTES), [])[0] == [431]


def test_each_head_may_have_all_its_fields() -> None:
    most = with_field(b"\r\n".join([b"N: x"] * (limits.MAX_HEADERS - 2)))
    one_more = with_field(b"\r\n".join([b"N: x"] * (limits.MAX_HEADERS - 1)))
    story, _ = read_all(most + most + one_more, [])
    assert story[2:] == [431]


HEADS = st.one_of(
    st.sampled_from([BROWSER, PLAIN, OLD, LAST, UPGRADE, OFFER]),
    st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n", b"\x81\x80abcd", b"GET /a HTTP/1.1\r\nHost: a\r\n"]),
    st.binary(max_size=60),
    st.binary(max_size=30).map(with_field),
)
STREAMS = st.lists(HEADS, max_size=5).map(b"".join)


@given(STREAMS, st.lists(st.integers(min_value=0, max_value=3000), max_size=12))
def test_cuts_change_nothing(data: bytes, cuts: list[int]) -> None:
    assert read_all(data, []) == read_all(data, cuts)


@given(STREAMS)
def test_byte_by_byte_changes_nothing(data: bytes) -> None:
    assert read_all(data, []) == read_all(data, list(range(len(data))))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Good requests of which some bytes, line ends and letters of the method above all, went wrong."""
    stream = bytearray(draw(st.sampled_from([BROWSER + PLAIN, OFFER + OLD, UPGRADE, PLAIN + LAST])))
    line_ends = [place for place, byte in enumerate(stream) if byte in b"\r\n"]
    places = st.one_of(st.integers(0, len(stream) - 1), st.sampled_from([0, 1, 2, *line_ends]))
    values = st.one_of(st.integers(0, 255), st.sampled_from(b"\r\n \tX\x00"))
    for place, value in draw(st.lists(st.tuples(places, values), max_size=6)):
        stream[place] = value
    return bytes(stream)


@given(damaged(), st.lists(st.integers(0, 3000), max_size=4))
@settings(max_examples=300)
def test_damage_raises_only_our_error_and_the_same_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    assert read_all(data, []) == read_all(data, cuts) == read_all(data, list(range(len(data))))


def test_a_bare_line_feed_comes_before_every_other_fault() -> None:
    data = b"PUT / HTTP/3.7\nHost: a\r\n" + b"N: x\r\n" * limits.MAX_HEADERS + b"\r\n"
    assert read_all(data, [])[0] == read_all(data, list(range(len(data))))[0] == [400]
