"""Both HTTP servers over real sockets on the loopback: inherited listeners, probes, bad clients, a drain."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import cast

import httpx
import pytest
import trio
import trio.testing

from engine.policy.addresses import AddressBook, AddressLimits
from shm.board import WorkerState
from tests.workers.control.house import CountingMetrics, House, Lines
from workers.control import limits
from workers.control.probes import Gauges, build_probes
from workers.control.requests import App, Event, Receive, Requests, Scope, Send
from workers.control.server import Site, serve_http

ASKED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


async def scrape_at_once() -> bytes:
    return b"fanlight_up 1\n"


class Served:
    """The probes behind a socket of the kernel's choice."""

    def __init__(self, house: House, lines: Lines, counted: CountingMetrics) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.address: tuple[str, int] = self.listener.getsockname()
        self.shutdown = trio.Event()
        self.log = lines.logger()
        self.scrape: Callable[[], Awaitable[bytes]] = scrape_at_once
        gauges = Gauges(house.staff, lambda: 1e9, lambda: self.scrape())
        self.app: App = Requests(
            cast("App", build_probes(gauges, self.log)), log=self.log, metrics=counted, quiet=True
        )
        self.visits = AddressBook(AddressLimits())
        self.site = Site(self.app, self.log, counted, self.visits)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.address[1]}{path}"

    async def raw(self, request: bytes) -> bytes:
        """Send bytes; gives everything that comes until the server closes."""
        stream = await trio.open_tcp_stream(*self.address)
        async with stream:
            await stream.send_all(request)
            return b"".join([bytes(part) async for part in stream])


@pytest.fixture
async def served(
    house: House, lines: Lines, counted: CountingMetrics, nursery: trio.Nursery
) -> AsyncIterator[Served]:
    server = Served(house, lines, counted)
    with server.listener:
        await nursery.start(serve_http, server.site, server.listener, server.shutdown)
        yield server
        server.shutdown.set()


async def test_probes_answer_over_the_inherited_listener(house: House, served: Served) -> None:
    async with httpx.AsyncClient() as client:
        alive, ready = await client.get(served.url("/healthz")), await client.get(served.url("/readyz"))
        text = await client.get(served.url("/metrics"))
        house.seat(0, state=WorkerState.GONE)
        unready = await client.get(served.url("/readyz"))
    assert (alive.status_code, alive.json()) == (200, {"alive": True})
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert (text.text, text.headers["content-type"].split(";")[0]) == ("fanlight_up 1\n", "text/plain")
    assert (unready.status_code, unready.json()["waiting_for"]) == (503, ["ingest"])
    assert unready.headers["x-request-id"]
    assert "server" not in unready.headers


async def test_head_closes_cleanly_over_a_socket(served: Served) -> None:
    answer = await served.raw(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert body == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"x: " + b"y" * limits.HEAD_MAX_BYTES,
        b"\r\n" * 2000 + b"?",
        b"\x00" * 100 + b"\r\n\r\n",
    ],
    ids=["TLS", "HTTP/0.9", "negative length", "endless head", "empty lines", "zeros"],
)
async def test_what_is_not_http_gets_a_4xx_and_the_next_client_is_served(
    served: Served, request_bytes: bytes
) -> None:
    stream = await trio.open_tcp_stream(*served.address)
    async with stream:
        await stream.send_all(request_bytes)
        await stream.send_eof()
        answer = b"".join([bytes(part) async for part in stream])
    assert answer[:10] in (b"", b"HTTP/1.1 4")
    assert not answer or b"\r\nx-request-id: " in answer
    async with httpx.AsyncClient() as client:
        assert (await client.get(served.url("/healthz"))).status_code == 200


async def test_a_request_under_way_is_finished_when_the_engine_drains(
    served: Served, nursery: trio.Nursery
) -> None:
    scraping, go_on = trio.Event(), trio.Event()

    async def slow() -> bytes:
        scraping.set()
        await go_on.wait()
        return b"slow 1\n"

    served.scrape = slow
    answers: list[str] = []

    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            answers.append((await client.get(served.url("/metrics"))).text)

    async with trio.open_nursery() as asking:
        asking.start_soon(ask)
        with trio.fail_after(5):
            await scraping.wait()
        served.shutdown.set()
        go_on.set()
    assert answers == ["slow 1\n"]


BREAKERS = {
    "a body behind a request without one": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\x00garbage\r\n\r\n",
    "an upgrade with broken settings": b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAM\r\n\r\n",
    "HTTP/2 with garbage": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(40),
    "a chunk without size": b"POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("breaker", BREAKERS.values(), ids=BREAKERS)
async def test_a_connection_that_breaks_http_takes_no_other_with_it(served: Served, breaker: bytes) -> None:
    bystander = await trio.open_tcp_stream(*served.address)
    async with bystander, httpx.AsyncClient() as client:
        await bystander.send_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        stream = await trio.open_tcp_stream(*served.address)
        async with stream:
            await stream.send_all(breaker)
            await stream.send_eof()
            with suppress(trio.BrokenResourceError):
                async for _ in stream:
                    pass
        await bystander.send_all(b"\r\n")
        assert (await bystander.receive_some(4096)).startswith(b"HTTP/1.1 200")
        assert (await client.get(served.url("/healthz"))).status_code == 200


async def test_a_client_that_has_stopped_reading_is_let_go(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WRITE_TIMEOUT_S", 0.01)

    async def huge() -> bytes:
        return bytes(64 * 1024 * 1024)

    served.scrape = huge
    stream = await trio.open_tcp_stream(*served.address)
    async with stream:
        await stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked(0.05)
        with trio.fail_after(10):
            got = 0
            with suppress(trio.BrokenResourceError):
                async for part in stream:
                    got += len(part)
    assert got < 64 * 1024 * 1024


async def test_more_connections_than_the_limit_are_closed_at_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 1)
    first = await trio.open_tcp_stream(*served.address)
    async with first:
        await first.send_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await first.receive_some(4096)).startswith(b"HTTP/1.1 200")
        second = await trio.open_tcp_stream(*served.address)
        async with second:
            with suppress(trio.BrokenResourceError):
                assert await second.receive_some(1) == b""


async def test_one_address_has_as_many_connections_as_it_may(
    served: Served, counted: CountingMetrics, lines: Lines
) -> None:
    served.visits.limits = AddressLimits(max_connections=1)
    first = await trio.open_tcp_stream(*served.address)
    async with first:
        await first.send_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await first.receive_some(4096)).startswith(b"HTTP/1.1 200")
        for _ in range(2):
            second = await trio.open_tcp_stream(*served.address)
            async with second:
                with suppress(trio.BrokenResourceError):
                    assert await second.receive_some(1) == b""
    labels = {"protocol": "http", "reason": "address_connections"}
    assert counted.bind("fanlight_handshake_failures_total", **labels).values == [1, 1]
    assert [line["event"] for line in lines.lines].count("address_refused") == 1


@pytest.mark.parametrize(("said", "failures"), [(b"GET /healthz HTTP/1.1\r\nHo", 1), (b"", 1), (ASKED, 0)])
async def test_who_says_no_whole_head_in_time_is_closed_and_counted(
    served: Served, counted: CountingMetrics, monkeypatch: pytest.MonkeyPatch, said: bytes, failures: int
) -> None:
    monkeypatch.setattr(limits, "KEEP_ALIVE_S", 0.05)
    with trio.fail_after(10):
        await served.raw(said)
        while served.site.connections:
            await trio.testing.wait_all_tasks_blocked(0.001)
    labels = {"protocol": "http", "reason": "timeout"}
    assert sum(counted.bind("fanlight_handshake_failures_total", **labels).values) == failures


async def test_a_request_that_does_not_become_whole_is_not_waited_for(
    lines: Lines, counted: CountingMetrics, autojump_clock: trio.abc.Clock
) -> None:
    said: list[Event] = []

    async def wants_a_body(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()

    async def send(event: Event) -> None:
        said.append(event)

    scope = {"type": "http", "method": "POST", "path": "/api/v1/bans", "headers": []}
    await Requests(wants_a_body, log=lines.logger(), metrics=counted)(scope, trio.sleep_forever, send)
    assert said[0]["status"] == 408
    assert trio.current_time() == pytest.approx(limits.REQUEST_S)


async def test_an_answer_that_nobody_takes_is_not_waited_for(
    lines: Lines, counted: CountingMetrics, autojump_clock: trio.abc.Clock
) -> None:
    async def answers(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def takes_nothing(_event: Event) -> None:
        await trio.sleep_forever()

    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": []}
    await Requests(answers, log=lines.logger(), metrics=counted)(scope, trio.sleep_forever, takes_nothing)
    assert trio.current_time() == pytest.approx(limits.REQUEST_S)


@pytest.mark.parametrize(("is_whole", "status"), [(False, "499"), (True, "200")])
async def test_an_answer_that_was_cut_off_is_not_counted_as_a_good_one(
    is_whole: bool, status: str, lines: Lines, counted: CountingMetrics, autojump_clock: trio.abc.Clock
) -> None:
    async def answers_and_lingers(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"some", "more_body": not is_whole})
        await trio.sleep_forever()

    async def take(_event: Event) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": []}
    await Requests(answers_and_lingers, log=lines.logger(), metrics=counted)(scope, trio.sleep_forever, take)
    labels = {"method": "GET", "route": "unmatched", "status": status}
    assert sum(counted.bind("fanlight_http_requests_total", **labels).values) == 1


async def test_idle_connections_do_not_hold_up_the_drain(
    house: House, lines: Lines, counted: CountingMetrics
) -> None:
    server = Served(house, lines, counted)
    with server.listener, trio.fail_after(limits.GRACE_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_http, server.site, server.listener, server.shutdown)
            idle = await trio.open_tcp_stream(*server.address)
            await idle.send_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b'{"alive":true}'):
                answer += await idle.receive_some(4096)
            server.shutdown.set()
        async with idle:
            assert await idle.receive_some(4096) == b""


async def test_a_client_that_has_left_leaves_nothing_behind(served: Served, lines: Lines) -> None:
    assert served.site is not None
    for request in (b"", b"GET /healthz", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00\r\n\r\n"):
        stream = await trio.open_tcp_stream(*served.address)
        async with stream:
            await stream.send_all(request)
    with trio.fail_after(5):
        while served.site.connections:
            await trio.testing.wait_all_tasks_blocked(0.001)
