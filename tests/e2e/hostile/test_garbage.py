"""Bytes that do not belong: of every other protocol on every port, of none, and heads that hide something."""

import random
from typing import Final

import pytest

from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import scrape
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import Port, exchange, http_request, rtmp_request, status_of, upgrade_request

pytestmark = pytest.mark.slow

# A handshake record with a ClientHello of TLS 1.2 or later.
TLS_HELLO: Final = bytes.fromhex("16030100c5010000c10303") + bytes(range(32)) + bytes(160)

GARBAGE: Final = {
    "an RTMP client": rtmp_request("publish", "live", "x"),
    "an HTTP client": http_request(b"/live/steady.flv"),
    "a TLS client": TLS_HELLO,
    "an SSH client": b"SSH-2.0-OpenSSH_9.7\r\n",
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "zeros": bytes(40_000),
    "noise": random.Random(1).randbytes(40_000),
    "lines and nothing else": b"\r\n" * 20_000,
}
NOT_RTMP: Final = [name for name in GARBAGE if name != "an RTMP client"]
NOT_HTTP: Final = ["an RTMP client", "a TLS client", "zeros", "noise", "lines and nothing else"]
HTTP_PORTS: Final[tuple[Port, ...]] = ("http", "api", "metrics")


async def test_garbage_on_the_rtmp_port_is_dropped_and_counted(fortress: RunningEngine) -> None:
    before = scrape(fortress)
    async with steady_stream(fortress):
        for name in NOT_RTMP:
            assert await exchange(fortress, "rtmp", GARBAGE[name]) == b"", name
    after, figure = scrape(fortress), "fanlight_protocol_errors_total"
    assert after.sum(figure, protocol="rtmp") - before.sum(figure, protocol="rtmp") == len(NOT_RTMP)


async def test_garbage_on_any_http_port_is_refused(fortress: RunningEngine) -> None:
    before = scrape(fortress)
    async with steady_stream(fortress):
        for name in NOT_HTTP:
            answers = [await exchange(fortress, port, GARBAGE[name]) for port in HTTP_PORTS]
            assert {status_of(answer) for answer in answers} <= {400, 431}, name
    after, figure = scrape(fortress), "fanlight_protocol_errors_total"
    assert after.sum(figure, protocol="http") - before.sum(figure, protocol="http") == len(NOT_HTTP)


LINE: Final = b"X-Filler: y"

# Heads that are too much, and such that two servers in a row could read differently.
HEADS: Final = {
    "sixteen KiB and one byte": (http_request(b"/a.flv", b"X: " + b"y" * 16_384), 431),
    "one endless line": (b"GET /" + b"a" * 20_000, 431),
    "a hundred and one fields": (http_request(b"/a.flv", *[LINE] * 100), 431),
    "a target of nine KiB": (http_request(b"/a.flv?token=" + b"t" * 9_000), 414),
    "a path of one KiB and more": (http_request(b"/" + b"a" * 1_100 + b".flv"), 414),
    "a body": (http_request(b"/live/steady.flv", b"Content-Length: 5") + b"hello", 413),
    "two lengths": (http_request(b"/live/steady.flv", b"Content-Length: 5", b"Content-Length: 6"), 400),
    "a length that is none": (http_request(b"/live/steady.flv", b"Content-Length: +5"), 400),
    "a length and chunks": (
        http_request(b"/live/steady.flv", b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        400,
    ),
    "chunks that hide": (http_request(b"/live/steady.flv", b"Transfer-Encoding: xchunked"), 400),
    "a space before the colon": (http_request(b"/live/steady.flv", b"Transfer-Encoding : chunked"), 400),
    "a line feed alone": (b"GET /live/steady.flv HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", 400),
    "two hosts": (http_request(b"/live/steady.flv", b"Host: other"), 400),
    "no host": (b"GET /live/steady.flv HTTP/1.1\r\n\r\n", 400),
    "a NUL in a field": (http_request(b"/live/steady.flv", b"X: a\x00b"), 400),
    "another method": (b"POST /live/steady.flv HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "a proxy's method": (b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
}


async def test_heads_that_are_too_much_or_hide_something_are_refused(fortress: RunningEngine) -> None:
    async with steady_stream(fortress):
        told = {name: status_of(await exchange(fortress, "http", head)) for name, (head, _) in HEADS.items()}
    assert told == {name: status for name, (_, status) in HEADS.items()}


async def test_a_second_request_behind_the_first_is_never_answered(fortress: RunningEngine) -> None:
    refused = http_request(b"/live/nobody.flv")
    for first in (refused, refused.replace(b"GET", b"HEAD"), refused.replace(b"GET", b"OPTIONS")):
        answer = await exchange(fortress, "http", first + http_request(b"/live/other.flv"))
        assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (http_request(b"/live/nobody.flv"), 404),
        (http_request(b"/live/..flv"), 400),
        (http_request(b"/live/steady.flv").replace(b"GET", b"OPTIONS"), 204),
        (http_request(b"/live/nobody.flv").replace(b"GET", b"HEAD"), 404),
        (upgrade_request(b"/live/nobody.flv"), 404),
        (b"nonsense\r\n\r\n", 400),
    ],
)
async def test_every_answer_names_the_page_that_may_read_it(
    request_bytes: bytes, status: int, fortress: RunningEngine
) -> None:
    answer = await exchange(fortress, "http", request_bytes)
    assert status_of(answer) == status
    head = answer.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    assert b"access-control-allow-origin: https://player.example" in head
    assert b"vary: origin" in head
