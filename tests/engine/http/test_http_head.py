"""Request heads: what is taken, what is refused and with which status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.http import RemoteProtocolError, Request, RequestReader, limits
from tests.engine.http.feeds import PLAIN, UPGRADE, read_all, with_field


def read_whole(data: bytes) -> Request | None:
    return RequestReader().receive(data)


def refusal(head: bytes) -> int:
    with pytest.raises(RemoteProtocolError) as caught:
        read_whole(head)
    return caught.value.reply


def with_target(target: bytes) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_player_asks_for_a_stream() -> None:
    request = read_whole(PLAIN)
    assert request is not None
    assert (request.method, request.path, request.query) == ("GET", "/live/show.flv", {"start": "live"})
    assert request.user_agent == "VLC/3"
    assert request.headers["host"] == "media.example"
    assert not request.is_websocket
    assert request.trailing == b""


def test_a_browser_asks_for_websocket_and_is_in_a_hurry() -> None:
    request = read_whole(UPGRADE + b"\x89\x80abcd")
    assert request is not None
    assert request.is_websocket
    assert request.trailing == b"\x89\x80abcd"


def test_upgrade_without_connection_is_an_ordinary_request() -> None:
    request = read_whole(with_field(b"Upgrade: websocket"))
    assert request is not None
    assert not request.is_websocket


@pytest.mark.parametrize("given", [b"abc.DEF_1-2", b"x" * 64])
def test_a_plain_request_id_is_kept(given: bytes) -> None:
    request = read_whole(with_field(b"X-Request-ID: " + given))
    assert request is not None
    assert request.request_id == given.decode()


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 65, b"a\xc3\xa9", b"a,b"])
def test_any_other_request_id_is_left_to_the_caller(given: bytes) -> None:
    request = read_whole(with_field(b"X-Request-ID: " + given))
    assert request is not None
    assert request.request_id is None


def test_a_field_sent_twice_is_joined() -> None:
    request = read_whole(with_field(b"Via: a\r\nVIA: b"))
    assert request is not None
    assert request.headers["via"] == "a, b"


def test_a_long_user_agent_is_cut() -> None:
    request = read_whole(b"GET / HTTP/1.0\r\nUser-Agent: " + b"z" * 5000 + b"\r\n\r\n")
    assert request is not None
    assert len(request.user_agent) == limits.MAX_USER_AGENT_CHARS


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/live/a%2Eb.flv", "/live/a.b.flv", {}),
        (b"/%C3%A9.flv?q=a+b%2Fc&empty=&flag", "/é.flv", {"q": "a b/c", "empty": "", "flag": ""}),
        (b"http://host:8080/live/x.flv?a=1", "/live/x.flv", {"a": "1"}),
        (b"http://host?a=1", "/", {"a": "1"}),
        (b"/a?&&b=c&", "/a", {"b": "c"}),
        (b"/a?b=c=d", "/a", {"b": "c=d"}),
    ],
)
def test_targets_that_are_taken(target: bytes, path: str, query: dict[str, str]) -> None:
    request = read_whole(with_target(target))
    assert request is not None
    assert (request.path, request.query) == (path, query)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/a%", 400),
        (b"/a%2", 400),
        (b"/a%zz", 400),
        (b"/a%00b", 400),
        (b"/a%0d%0ab", 400),
        (b"/a%ff", 400),
        (b"/live%2Fshow.flv", 400),
        (b"/a#b", 400),
        (b"*", 400),
        (b"live/show.flv", 400),
        (b"ftp://host/a", 400),
        (b"/a?x=1&x=2", 400),
        (b"/a?x=%80", 400),
        (b"/a?" + b"&".join(b"k%d" % n for n in range(limits.MAX_QUERY_PAIRS + 1)), 400),
        (b"/a?" + b"k" * (limits.MAX_QUERY_NAME_CHARS + 1), 414),
        (b"/a?k=" + b"v" * (limits.MAX_QUERY_VALUE_CHARS + 1), 414),
        (b"/" + b"a" * limits.MAX_PATH_BYTES, 414),
        (b"/a?" + b"a" * limits.MAX_TARGET_BYTES, 414),
    ],
)
def test_targets_that_are_refused(target: bytes, status: int) -> None:
    assert refusal(with_target(target)) == status


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /a HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /a HTTP/1.1\r\n\r\n", 400),
        (b"GET /a HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
        (with_field(b"Content-Length: 5"), 413),
        (with_field(b"Transfer-Encoding: chunked"), 413),
        (with_field(b"Content-Length: 5\r\nContent-Length: 6"), 400),
        (with_field(b"Host: b"), 400),
        (b"GET /a HTTP/1.1\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: a\n\n", 400),
        (with_field(b"Bad Name: x"), 400),
        (with_field(b"\r\n".join([b"N: x"] * limits.MAX_HEADERS)), 431),
        (with_field(b"N: " + b"x" * limits.MAX_HEAD_BYTES), 431),
    ],
)
def test_heads_that_are_refused(head: bytes, status: int) -> None:
    assert refusal(head) == status


def test_one_byte_more_than_the_largest_head_is_refused_whole_and_in_pieces() -> None:
    filler = limits.MAX_HEAD_BYTES - len(with_field(b"N: ")) + 1
    head = with_field(b"N: " + b"x" * filler)
    for cuts in ([], list(range(0, len(head), 101))):
        assert read_all(head, cuts)[0] == [431]
    assert len(read_all(head.replace(b"N: x", b"N: "), [])[0]) == 1


ODD_HEADS = st.binary(max_size=60).map(with_target) | st.binary(max_size=60).map(with_field)


@given(ODD_HEADS, st.lists(st.integers(min_value=0, max_value=400), max_size=12))
def test_any_target_and_any_field_are_the_same_however_they_are_cut(head: bytes, cuts: list[int]) -> None:
    assert read_all(head, []) == read_all(head, cuts) == read_all(head, list(range(len(head))))
