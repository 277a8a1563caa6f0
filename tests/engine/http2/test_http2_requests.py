"""Requests that must not be taken: each is told so on its own stream, and the others go on."""

import pytest

from engine.protocols.http2 import Http2Connection, RequestArrived, RequestRefused
from tests.engine.http2.talk import BEGIN, GET, Fields, headers, hear, request


def without(name: bytes) -> Fields:
    return [field for field in GET if field[0] != name]


REFUSED: dict[str, tuple[Fields, int]] = {
    "no method": (without(b":method"), 400),
    "no scheme": (without(b":scheme"), 400),
    "no path": (without(b":path"), 400),
    "no host": (without(b":authority"), 400),
    "two hosts": ([*GET, (b"host", b"other.example")], 400),
    "a host with a name in it": ([*without(b":authority"), (b"host", b"user@media.example")], 400),
    "an empty path": (request(b""), 400),
    "a path with a space": (request(b"/a b"), 400),
    "a path with a line end": (request(b"/a\r\nX: y"), 400),
    "a whole URL": (request(b"https://media.example/live/show.flv"), 400),
    "an encoded slash": (request(b"/live%2fshow.flv"), 400),
    "a fragment": (request(b"/live/show.flv#a"), 400),
    "another scheme": ([GET[0], (b":scheme", b"ftp"), *GET[2:]], 400),
    "a pseudo field twice": ([*GET, (b":path", b"/other")], 400),
    "a pseudo field behind the others": ([*GET[:3], (b"x", b"y"), GET[3]], 400),
    "a pseudo field of an answer": ([(b":status", b"200"), *GET], 400),
    "an unknown pseudo field": ([*GET, (b":secret", b"1")], 400),
    "a protocol to go on with": (
        [(b":method", b"CONNECT"), *GET[1:], (b":protocol", b"websocket")],
        400,
    ),
    "a name in capitals": ([*GET, (b"X-Request-Id", b"a")], 400),
    "a name with a space": ([*GET, (b"x y", b"a")], 400),
    "a name that is empty": ([*GET, (b"", b"a")], 400),
    "a value with a line end": ([*GET, (b"x", b"a\r\nb: c")], 400),
    "a value with a null": ([*GET, (b"x", b"a\x00")], 400),
    "a value behind a space": ([*GET, (b"x", b" a")], 400),
    "a value before a tab": ([*GET, (b"x", b"a\t")], 400),
    "a connection": ([*GET, (b"connection", b"close")], 400),
    "an encoding of the body": ([*GET, (b"transfer-encoding", b"chunked")], 400),
    "an upgrade": ([*GET, (b"upgrade", b"websocket")], 400),
    "trailers that are none": ([*GET, (b"te", b"gzip")], 400),
    "a body": ([*GET, (b"content-length", b"5")], 413),
    "too many fields": ([*GET, *[(b"x", b"")] * 101], 431),
    "a method we do not have": (request(b"/", b"POST"), 405),
    "a tunnel": ([(b":method", b"CONNECT"), (b":authority", b"media.example")], 405),
    "an asterisk": (request(b"*"), 400),
}


@pytest.mark.parametrize(("fields", "status"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_and_the_next_one_is_not(fields: Fields, status: int) -> None:
    server = Http2Connection()
    hear(server, BEGIN)
    (refused,) = hear(server, headers(1, fields, end=status != 413))
    assert isinstance(refused, RequestRefused)
    assert (refused.stream_id, refused.refusal.reply) == (1, status)
    (taken,) = hear(server, headers(3, GET))
    assert isinstance(taken, RequestArrived)


@pytest.mark.parametrize(
    "fields",
    [
        [*without(b":authority"), (b"host", b"media.example:8443")],
        [*GET, (b"host", b"media.example")],
        [*GET, (b"te", b"trailers")],
        [*GET, (b"content-length", b"0")],
        [*GET, (b"x", b"")],
        [*GET, (b"x", "é".encode())],
        request(b"*", b"OPTIONS"),
        [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"[::1]:8443"), (b":path", b"/")],
    ],
    ids=[
        "host alone",
        "the same host",
        "trailers",
        "no body",
        "an empty value",
        "UTF-8",
        "options",
        "an address",
    ],
)
def test_it_is_taken(fields: Fields) -> None:
    server = Http2Connection()
    hear(server, BEGIN)
    (event,) = hear(server, headers(1, fields))
    assert isinstance(event, RequestArrived)


def test_a_refusal_knows_whether_it_may_have_a_body() -> None:
    server = Http2Connection()
    hear(server, BEGIN)
    (event,) = hear(server, headers(1, request(b"no path", b"HEAD")))
    assert isinstance(event, RequestRefused)
    assert event.head_only
