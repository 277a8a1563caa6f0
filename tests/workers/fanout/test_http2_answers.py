"""Answers on streams of one connection: pages, refusals, bodies of all kinds, and those that go wrong."""

import functools
import os
import socket
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from engine.policy.leaks import Holdings
from engine.protocols.http import ByteRange, Route, growing_head, plain_answer
from engine.protocols.http2 import ErrorCode
from engine.protocols.http2.frames import Kind
from engine.protocols.http2.limits import MAX_STREAMS
from tests.engine.http2.talk import frame, headers, request, reset, window_update
from tests.workers.fanout.http2_stage import PLENTY_BYTES, connected
from tests.workers.fanout.stage import Stage, closing
from workers.fanout import http2_connection, pages
from workers.fanout.answers import Answers
from workers.fanout.audience import KEEP_S
from workers.fanout.exchange import SEND_S, Exchange, Overwritten
from workers.fanout.http2_wire import MAX_UNREAD_BYTES, Http2Wire
from workers.fanout.main import holdings_of
from workers.fanout.prepared import WholePart
from workers.fanout.sinks import Sink

ANYTHING = b"/"
HEAD = growing_head(content_type="a/b", request_id="r")
BODY = os.urandom(300_000)

Answer = Callable[[Answers, Exchange, Route | None], Awaitable[None]]
AnswerBy = Callable[[Answer], None]


@pytest.fixture
def answer_by(monkeypatch: pytest.MonkeyPatch) -> AnswerBy:
    """Lets all requests be answered by a function of the test's own."""
    return functools.partial(monkeypatch.setattr, Answers, "answer")


async def send_body(answers: Answers, exchange: Exchange, route: Route | None) -> None:
    await exchange.send(HEAD, BODY)


async def send_file(answers: Answers, exchange: Exchange, route: Route | None) -> None:
    """The file that the request names, from its sixth byte on."""
    fd = os.open(exchange.request.headers["x-file"], os.O_RDONLY)
    try:
        await exchange.send_file(HEAD, fd, ByteRange(5, 290_000))
    finally:
        os.close(fd)


def late(seconds: float) -> Answer:
    """Thinks for a while before it says "late"."""

    async def answer(answers: Answers, exchange: Exchange, route: Route | None) -> None:
        await trio.sleep(seconds)
        await exchange.send(*plain_answer(200, "late", request_id="r"))

    return answer


async def test_pages_are_answered_as_over_http1(autojump_clock: MockClock) -> None:
    async with connected() as play:
        status, head, body = await play.browser.get(request(b"/", b"GET", (b"x-request-id", b"mine-1")))
        assert (status, body) == (200, pages.index_page([]))
        assert head["x-request-id"] == "mine-1"
        assert head["content-security-policy"]
        assert "connection" not in head
        assert play.told("request", "GET", "/", 200) == 1
        assert play.told("http2_request") == 1
        etag = pages.asset("player.js").etag.encode()
        status, head, body = await play.browser.get(request(b"/player.js", b"GET", (b"if-none-match", etag)))
        assert (status, body) == (304, b"")


@pytest.mark.parametrize(
    ("path", "method", "status", "route"),
    [
        (b"/nothing/here", b"GET", 404, "/{unknown}"),
        (b"/live/a.m3u8", b"GET", 404, "/{stream}.m3u8"),
        (b"/live/a.flv", b"OPTIONS", 204, "/{unknown}"),
        (b"/", b"OPTIONS", 204, "/"),
        (b"/", b"HEAD", 200, "/"),
        (b"/", b"POST", 405, "/{unknown}"),
        (b"no path", b"GET", 400, "/{unknown}"),
        (b"/live/none.flv", b"GET", 404, "/{stream}.flv"),
        (b"/live/none.mp4", b"GET", 404, "/{stream}.flv"),
        (b"/live/a.flv?start=never", b"GET", 400, "/{unknown}"),
    ],
)
async def test_every_request_has_its_answer_and_is_counted(
    autojump_clock: MockClock, path: bytes, method: bytes, status: int, route: str
) -> None:
    async with connected() as play:
        found, head, body = await play.browser.get(request(path, method))
        assert found == status
        assert head["x-request-id"]
        assert bool(body) == (status >= 400)
        counted = "GET" if method == b"POST" else method.decode()
        assert play.told("request", counted, route, status) == 1
        assert (await play.browser.get(request(b"/")))[0] == 200


async def test_requests_under_way_are_known_and_none_stays_when_the_connection_breaks(
    autojump_clock: MockClock, answer_by: AnswerBy
) -> None:
    answer_by(late(5))
    async with connected() as play:
        for _ in range(3):
            play.browser.ask(request(b"/"))
        await trio.sleep(1)
        assert holdings_of(play.audience, 1) == Holdings(clients=1, requests=3)
        await play.browser.until(lambda: len(play.browser.ended) == 3)
        assert play.audience.http2_requests == 0
        play.browser.ask(request(b"/"))
        await trio.sleep(1)
        assert play.audience.http2_requests == 1
        play.browser.sock.shutdown(socket.SHUT_RDWR)
        await play.over.wait()
        assert play.audience.http2_requests == 0


async def test_many_requests_are_answered_at_once(autojump_clock: MockClock) -> None:
    async with connected() as play:
        asked = {play.browser.ask(request(b"/player.js")) for _ in range(MAX_STREAMS)}
        await play.browser.until(lambda: play.browser.ended == asked)
        assert set(play.browser.bodies.values()) == {pages.asset("player.js").body}


# -- bodies


@pytest.mark.parametrize("window_bytes", [1000, 65_535, PLENTY_BYTES])
async def test_a_file_arrives_whole_whatever_room_there_is(
    autojump_clock: MockClock, answer_by: AnswerBy, tmp_path: Path, window_bytes: int
) -> None:
    file = tmp_path / "segment.mp4"
    file.write_bytes(BODY)
    answer_by(send_file)
    async with connected(window_bytes=window_bytes, buffer_bytes=4096) as play:
        _, _, body = await play.browser.get(request(ANYTHING, b"GET", (b"x-file", str(file).encode())))
        assert body == BODY[5:290_000]


async def test_what_lies_in_a_ring_arrives_at_once_or_as_it_grows(
    autojump_clock: MockClock, answer_by: AnswerBy
) -> None:
    stage = Stage()
    tags = stage.publish(30, size=2000)
    ring, ends = stage.feed.reader, [stage.feed.reader.entry(seq).end for seq in range(30)]

    async def from_ring(answers: Answers, exchange: Exchange, route: Route | None) -> None:
        if exchange.request.path == "/whole":
            await exchange.send_part(HEAD, WholePart(ring, 0, ends[-1]))
            return
        await exchange.begin(HEAD)
        for start, stop in pairwise([0, *ends]):
            await exchange.add_from_ring(ring, start, stop)
            await trio.sleep(0.1)
        await exchange.finish()

    answer_by(from_ring)
    with closing(stage):
        async with connected(buffer_bytes=4096) as play:
            assert (await play.browser.get(request(b"/whole")))[2] == b"".join(tags)
            assert (await play.browser.get(request(b"/grows")))[2] == b"".join(tags)


async def test_bytes_that_the_ring_has_lost_do_not_end_as_if_they_were_whole(
    autojump_clock: MockClock, answer_by: AnswerBy
) -> None:
    async def overwritten(answers: Answers, exchange: Exchange, route: Route | None) -> None:
        await exchange.begin(HEAD)
        raise Overwritten

    answer_by(overwritten)
    async with connected() as play:
        stream_id = play.browser.ask(request(ANYTHING))
        await play.browser.until(lambda: stream_id in play.browser.resets)
        assert stream_id not in play.browser.ended


# -- streams that end otherwise


async def test_a_fault_of_ours_costs_one_stream(autojump_clock: MockClock, answer_by: AnswerBy) -> None:
    whole = Answers.answer

    async def fail(answers: Answers, exchange: Exchange, route: Route | None) -> None:
        if exchange.request.path == "/bug":
            raise ZeroDivisionError
        await whole(answers, exchange, route)

    answer_by(fail)
    async with connected() as play:
        stream_id = play.browser.ask(request(b"/bug"))
        await play.browser.until(lambda: stream_id in play.browser.resets)
        assert play.browser.resets == {stream_id: ErrorCode.INTERNAL_ERROR}
        assert play.log.events["connection_failed"] == 1
        assert (await play.browser.get(request(b"/")))[0] == 200


async def test_a_request_that_is_taken_back_is_not_answered_to_its_end(
    autojump_clock: MockClock, answer_by: AnswerBy
) -> None:
    begun, given_up = trio.Event(), trio.Event()

    async def wait(answers: Answers, exchange: Exchange, route: Route | None) -> None:
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            given_up.set()

    answer_by(wait)
    async with connected() as play:
        stream_id = play.browser.ask(request(ANYTHING))
        await begun.wait()
        play.browser.h2.reset_stream(stream_id)
        play.browser.speak()
        await given_up.wait()
        assert play.browser.goodbye is None


async def test_who_gives_no_room_is_given_up_in_time(autojump_clock: MockClock, answer_by: AnswerBy) -> None:
    answer_by(send_body)
    async with connected(window_bytes=1000) as play:
        play.browser.takes_more = False
        since_s = trio.current_time()
        stream_id = play.browser.ask(request(ANYTHING))
        await play.browser.until(lambda: stream_id in play.browser.resets)
        assert len(play.browser.bodies[stream_id]) == 1000
        assert SEND_S <= trio.current_time() - since_s <= SEND_S + 1
        assert play.browser.resets[stream_id] == ErrorCode.CANCEL


async def test_who_reads_nothing_costs_little_memory_and_is_dropped(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, answer_by: AnswerBy
) -> None:
    answer_by(send_body)
    wires = list[Http2Wire]()

    class Watched(Http2Wire):
        def __init__(self, sink: Sink) -> None:
            super().__init__(sink)
            wires.append(self)

    monkeypatch.setattr(http2_connection, "Http2Wire", Watched)
    async with connected(buffer_bytes=4096) as play:
        for _ in range(MAX_STREAMS):
            play.browser.ask(request(ANYTHING))
        for _ in range(50):
            play.browser.speak(frame(Kind.PING, 0, 0, bytes(8)))
        await trio.sleep(SEND_S / 2)
        assert 0 < len(wires[0]._unsent) < MAX_UNREAD_BYTES
        await trio.sleep(SEND_S)
        assert play.over.is_set()


async def test_who_reads_a_little_now_and_then_is_dropped_as_well(
    autojump_clock: MockClock, answer_by: AnswerBy
) -> None:
    answer_by(send_body)
    async with connected(buffer_bytes=4096) as play:
        for _ in range(MAX_STREAMS):
            play.browser.ask(request(ANYTHING))
        since_s = trio.current_time()
        while not play.over.is_set():
            await trio.sleep(1)
            play.browser.sock.recv(500)
        assert trio.current_time() - since_s < 2 * SEND_S


# -- the end


async def test_an_idle_connection_is_told_and_ended(autojump_clock: MockClock) -> None:
    async with connected() as play:
        await play.browser.get(request(b"/"))
        since_s = trio.current_time()
        await play.browser.until(lambda: play.browser.goodbye is not None)
        assert play.browser.goodbye == ErrorCode.NO_ERROR
        assert KEEP_S - 1 <= trio.current_time() - since_s <= KEEP_S + 1
        await play.browser.until(lambda: False)
        play.browser.sock.close()
        await play.over.wait()
        assert play.told("closed", "http2") == 1
        assert not play.audience.idle


async def test_a_connection_with_an_answer_on_its_way_is_not_idle(
    autojump_clock: MockClock, answer_by: AnswerBy
) -> None:
    answer_by(late(3 * KEEP_S))
    async with connected() as play:
        assert (await play.browser.get(request(ANYTHING)))[2] == b"late"


async def test_who_never_asks_is_dropped(autojump_clock: MockClock) -> None:
    async with connected() as play:
        play.browser.speak()
        await play.over.wait()
        assert play.told("handshake_failed", "http2", "timeout") == 1


async def test_who_leaves_without_asking_is_counted(autojump_clock: MockClock) -> None:
    async with connected() as play:
        play.browser.sock.close()
        await play.over.wait()
        assert play.told("handshake_failed", "http2", "connection_lost") == 1


async def test_a_worker_that_leaves_finishes_what_was_asked_for(
    autojump_clock: MockClock, answer_by: AnswerBy
) -> None:
    answer_by(late(5))
    async with connected() as play:
        stream_id = play.browser.ask(request(ANYTHING))
        await trio.sleep(1)
        play.drain()
        await play.browser.until(lambda: stream_id in play.browser.ended)
        assert play.browser.bodies[stream_id] == b"late"
        assert play.browser.goodbye is not None
        await play.browser.until(lambda: False)
        assert play.browser.at_end


async def test_a_client_that_says_goodbye_gets_its_answer_first(
    autojump_clock: MockClock, answer_by: AnswerBy
) -> None:
    answer_by(late(5))
    async with connected() as play:
        stream_id = play.browser.ask(request(ANYTHING))
        play.browser.sock.send(frame(Kind.GOAWAY, 0, 0, bytes(8)))
        await play.browser.until(lambda: stream_id in play.browser.ended)
        assert play.browser.bodies[stream_id] == b"late"
        await play.browser.until(lambda: False)


# -- those who mean harm


@pytest.mark.parametrize(
    ("attack", "flood"),
    [
        (lambda number: headers(2 * number + 1, request()) + reset(2 * number + 1), "resets"),
        (lambda number: frame(Kind.PING, 0, 0, bytes(8)), "pings"),
        (lambda number: frame(Kind.SETTINGS), "settings"),
        (lambda number: window_update(0, 1), "window_updates"),
        (
            lambda number: frame(Kind.CONTINUATION, 0, 1) if number else frame(Kind.HEADERS, 1, 1, b"\x82"),
            "continuations",
        ),
    ],
    ids=["rapid reset", "pings", "settings", "room by the byte", "continuations"],
)
async def test_a_flood_is_refused_and_counted(
    autojump_clock: MockClock, attack: Callable[[int], bytes], flood: str
) -> None:
    async with connected() as play:
        play.browser.speak(b"".join(map(attack, range(1500))))
        await play.browser.until(lambda: play.browser.goodbye is not None)
        assert play.browser.goodbye == ErrorCode.ENHANCE_YOUR_CALM
        assert play.told("http2_flood", flood) == 1
        assert play.told("protocol_error", "http2") == 1
        await play.over.wait()


async def test_what_is_no_http2_is_refused(autojump_clock: MockClock) -> None:
    async with connected() as play:
        play.browser.sock.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await play.browser.until(lambda: play.browser.goodbye is not None)
        assert play.told("handshake_failed", "http2", "protocol_error") == 1
