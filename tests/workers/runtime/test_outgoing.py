"""The client for requests to the outside, against services that do everything but answer."""

import gc
import socket
import ssl
import struct
import warnings
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import trio
from trio.testing import MockClock

from engine.access.allowed import AllowList
from engine.policy.breaker import BreakerState
from engine.policy.outgoing_errors import (
    BadCertificate,
    BadStatus,
    Broken,
    Redirected,
    TooLarge,
    Unreachable,
)
from engine.policy.outside import BreakerOpen, OutsideError, TimedOut
from tests.certificates import make_pair, write_pair
from tests.workers.runtime.memory_network import (
    Handler,
    MemoryNetwork,
    Names,
    answer,
    let_pool_see,
    read_request,
)
from tests.workers.runtime.outside_stage import DEADLINE_S, FAILURES, OPEN_S, Stage, make_stage
from workers.runtime.outgoing import MAX_REPLY_BYTES, Outgoing

ADDRESS = "93.184.216.34"
URL = "http://hooks.example.com/on"
LOCAL = AllowList(["127.0.0.1/32"])
PIECE = bytes(64 * 1024)
GIB = 1024**3
MORE_THAN_SOCKETS_HOLD = bytes(32 * 1024**2)


class World(NamedTuple):
    """A client, and the network that its service is in."""

    outgoing: Outgoing
    network: MemoryNetwork
    stage: Stage

    async def post(self, body: bytes = b"{}") -> str:
        """What came of a request, in a word."""
        try:
            return str((await self.outgoing.post(URL, body, {"content-type": "application/json"})).status)
        except OutsideError as error:
            return error.reason


@pytest.fixture
async def world(
    autojump_clock: MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    let_pool_see(autojump_clock, monkeypatch)
    names, network, stage = Names(), MemoryNetwork(nursery), make_stage()
    names.add("hooks.example.com", [ADDRESS])
    outgoing = Outgoing(stage.outside, AllowList, resolver=names, network=network)
    yield World(outgoing, network, stage)
    await outgoing.aclose()


async def hang(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await trio.sleep_forever()


async def hang_before_it_reads(stream: trio.abc.Stream) -> None:
    await trio.sleep_forever()


async def drip_head(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    for byte in answer():
        await stream.send_all(bytes([byte]))
        await trio.sleep(1)


async def drip_body(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        await stream.send_all(b"x")
        await trio.sleep(1)


async def drip_interim_answers(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    while True:
        await stream.send_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await trio.sleep(0.5)


async def close(stream: trio.abc.Stream) -> None:
    await read_request(stream)


async def close_within_the_body(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await stream.send_all(answer(body=b"0123456789")[:-3])


async def talk_nonsense(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await stream.send_all(b"220 mail.example.com ESMTP\r\n")


async def send_endless_head(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await stream.send_all(b"HTTP/1.1 200 OK\r\n")
    while True:
        await stream.send_all(b"X-Filler: " + b"x" * 8000 + b"\r\n")


async def send_gibibyte(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
    for _ in range(GIB // len(PIECE)):
        await stream.send_all(PIECE)


async def send_endless_chunks(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await stream.send_all(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")


def answering(status: str, *headers: str) -> Handler:
    async def serve(stream: trio.abc.Stream) -> None:
        while await read_request(stream):
            await stream.send_all(answer(status, b"" if status.startswith("204") else b"0", *headers))

    return serve


TROUBLE: list[tuple[Handler, str]] = [
    (hang, "timed_out"),
    (hang_before_it_reads, "timed_out"),
    (drip_head, "timed_out"),
    (drip_body, "timed_out"),
    (drip_interim_answers, "timed_out"),
    (close, "broken"),
    (close_within_the_body, "broken"),
    (talk_nonsense, "broken"),
    (send_endless_head, "broken"),
    (send_gibibyte, "too_large"),
    (send_endless_chunks, "too_large"),
    (answering("500 Internal Server Error"), "bad_status"),
    (answering("503 Service Unavailable"), "bad_status"),
    (answering("429 Too Many Requests"), "bad_status"),
    (answering("302 Found", "Location: /on"), "redirected"),
]


@pytest.mark.parametrize(("handler", "reason"), TROUBLE, ids=lambda value: getattr(value, "__name__", value))
async def test_trouble_is_over_in_time_opens_the_breaker_and_is_forgiven(
    autojump_clock: MockClock, world: World, handler: Handler, reason: str
) -> None:
    world.network.servers[ADDRESS] = handler
    for _ in range(FAILURES):
        began = trio.current_time()
        assert await world.post() == reason
        assert trio.current_time() - began <= DEADLINE_S
    asked = len(world.network.connected)
    assert await world.post() == "breaker_open"
    assert len(world.network.connected) == asked
    world.network.servers[ADDRESS] = answering("200 OK")
    await trio.sleep(OPEN_S)
    assert await world.post() == "200"
    assert world.stage.state is BreakerState.CLOSED
    assert world.stage.is_at_rest


@pytest.mark.parametrize(
    "status", ["200 OK", "204 No Content", "400 Bad", "401 No", "403 No", "404 Not", "418 Tea"]
)
async def test_an_answer_is_an_answer_whatever_it_says(
    autojump_clock: MockClock, world: World, status: str
) -> None:
    world.network.servers[ADDRESS] = answering(status)
    for _ in range(FAILURES + 1):
        assert await world.post() == status[:3]
    assert world.stage.state is BreakerState.CLOSED


async def test_a_condition_may_be_answered_by_not_modified(autojump_clock: MockClock, world: World) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        assert b"if-none-match" in (await read_request(stream)).lower()
        await stream.send_all(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')

    world.network.servers[ADDRESS] = serve
    reply = await world.outgoing.get(URL, {"if-none-match": '"1"'})
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", '"1"')


async def test_what_is_sent_arrives_whole(autojump_clock: MockClock, world: World) -> None:
    requests: list[bytes] = []

    async def serve(stream: trio.abc.Stream) -> None:
        requests.append(await read_request(stream))
        await stream.send_all(answer())

    world.network.servers[ADDRESS] = serve
    assert await world.post(b'{"action": "on_publish"}') == "200"
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /on HTTP/1.1\r\n")
    assert {b"content-length: 24", b"content-type: application/json", b"accept-encoding: identity"} <= set(
        head.lower().split(b"\r\n")
    )
    assert body == b'{"action": "on_publish"}'


async def test_a_connection_is_used_again_and_not_for_ever(autojump_clock: MockClock, world: World) -> None:
    world.network.servers[ADDRESS] = answering("200 OK")
    for _ in range(3):
        assert await world.post() == "200"
    assert len(world.network.connected) == 1
    await trio.sleep(60)
    assert await world.post() == "200"
    assert len(world.network.connected) == 2


async def test_a_compressed_body_is_left_as_it_is(autojump_clock: MockClock, world: World) -> None:
    bomb = b"\x1f\x8b" + bytes(1000)

    async def serve(stream: trio.abc.Stream) -> None:
        await read_request(stream)
        await stream.send_all(answer("200 OK", bomb, "Content-Encoding: gzip"))

    world.network.servers[ADDRESS] = serve
    assert (await world.outgoing.get(URL, {})).body == bomb


async def test_the_largest_answer_allowed_is_read_whole(autojump_clock: MockClock, world: World) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        while await read_request(stream):
            await stream.send_all(answer(body=bytes(MAX_REPLY_BYTES)))

    world.network.servers[ADDRESS] = serve
    assert len((await world.outgoing.get(URL, {})).body) == MAX_REPLY_BYTES


async def test_no_error_text_repeats_what_may_be_a_key(autojump_clock: MockClock, world: World) -> None:
    world.network.servers[ADDRESS] = answering("302 Found", "Location: /?key=hunter2")
    texts = []
    for url in (f"{URL}?key=hunter2", "http://x:hunter2@hooks.example.com/", "http://127.0.0.1/?key=hunter2"):
        with pytest.raises(OutsideError) as caught:
            await world.outgoing.post(url, b"hunter2", {"authorization": "hunter2"})
        texts.append(str(caught.value))
    assert not any("hunter2" in text for text in texts)


async def serve_tcp(nursery: trio.Nursery, handler: Handler) -> int:
    """A real listener on a free port."""

    async def contained(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            await handler(stream)

    (listener,) = await nursery.start(partial(trio.serve_tcp, contained, 0, host="127.0.0.1"))
    port: int = listener.socket.getsockname()[1]
    return port


async def test_over_real_sockets_a_gibibyte_is_not_taken(nursery: trio.Nursery) -> None:
    sent = 0

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal sent
        await read_request(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
        while True:
            await stream.send_all(PIECE)
            sent += len(PIECE)

    port = await serve_tcp(nursery, serve)
    outgoing = Outgoing(make_stage().outside, lambda: LOCAL)
    with pytest.raises(TooLarge):
        await outgoing.post(f"http://127.0.0.1:{port}/", b"", {})
    assert sent < GIB // 16
    await outgoing.aclose()


async def test_over_real_sockets_a_reset_is_a_broken_exchange(nursery: trio.Nursery) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        await stream.receive_some(1)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close(2) resets

    port = await serve_tcp(nursery, serve)
    outgoing = Outgoing(make_stage().outside, lambda: LOCAL)
    with pytest.raises(Broken, match=r"127\.0\.0\.1"):
        await outgoing.post(f"http://127.0.0.1:{port}/", b"", {})
    await outgoing.aclose()


@pytest.mark.parametrize("how", ["reset", "cancelled"])
async def test_a_body_that_is_not_sent_to_its_end_leaves_nothing_to_the_collector_of_garbage(
    how: str, nursery: trio.Nursery
) -> None:
    scope = trio.CancelScope()

    async def serve(stream: trio.abc.Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        await stream.receive_some(1)  # the rest of the body finds no room
        if how == "cancelled":
            scope.cancel()
            await trio.sleep_forever()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close(2) resets

    port = await serve_tcp(nursery, serve)
    outgoing = Outgoing(make_stage().outside, lambda: LOCAL)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with scope, suppress(Broken):
            await outgoing.post(f"http://127.0.0.1:{port}/", MORE_THAN_SOCKETS_HOLD, {})
        gc.collect()
        await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught == (how == "cancelled")
    assert [str(warning.message) for warning in told] == []
    await outgoing.aclose()


async def test_a_port_that_nobody_listens_on_is_unreachable(nursery: trio.Nursery) -> None:
    with trio.socket.socket() as unused:
        await unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it meanwhile
        outgoing = Outgoing(make_stage().outside, lambda: LOCAL)
        with pytest.raises(Unreachable):
            await outgoing.post(f"http://127.0.0.1:{unused.getsockname()[1]}/", b"", {})
        await outgoing.aclose()


def contexts(
    folder: Path, *, days: int = 30, name: str = "hooks.example.com"
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(the service's, the client's that trusts it)."""
    files = write_pair(folder, make_pair(days=days, name=name))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(str(files["certificate"]), str(files["key"]))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(str(files["certificate"]))
    return server, client


async def ask_over_tls(
    nursery: trio.Nursery, server: ssl.SSLContext, client: ssl.SSLContext | None, host: str
) -> list[str | None]:
    """One request to `host`, which is at 127.0.0.1; the names that the service was asked for."""
    asked: list[str | None] = []
    server.sni_callback = lambda _object, name, _context: asked.append(name)

    async def serve(stream: trio.abc.Stream) -> None:
        tls = trio.SSLStream(stream, server, server_side=True, https_compatible=True)
        await read_request(tls)
        await tls.send_all(answer())

    port = await serve_tcp(nursery, serve)
    names = Names()
    names.add("hooks.example.com", ["127.0.0.1"])
    names.add("other.example.com", ["127.0.0.1"])
    outgoing = Outgoing(make_stage().outside, lambda: LOCAL, resolver=names, tls=client)
    try:
        reply = await outgoing.post(f"https://{host}:{port}/", b"{}", {})
    finally:
        await outgoing.aclose()
    assert reply.status == 200
    return asked


async def test_tls_asks_for_the_host_of_the_url_and_not_for_its_address(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    assert await ask_over_tls(nursery, *contexts(tmp_path), "hooks.example.com") == ["hooks.example.com"]


async def test_an_address_can_have_a_certificate_too(nursery: trio.Nursery, tmp_path: Path) -> None:
    assert await ask_over_tls(nursery, *contexts(tmp_path), "127.0.0.1") == [None]


async def test_a_certificate_of_another_name_is_refused(nursery: trio.Nursery, tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match=r"other\.example\.com"):
        await ask_over_tls(nursery, *contexts(tmp_path), "other.example.com")


async def test_a_certificate_that_has_expired_is_refused(nursery: trio.Nursery, tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match="expired"):
        await ask_over_tls(nursery, *contexts(tmp_path, days=-1), "hooks.example.com")


async def test_a_certificate_of_an_unknown_authority_is_refused(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    server, _ = contexts(tmp_path)
    with pytest.raises(BadCertificate):
        await ask_over_tls(nursery, server, None, "hooks.example.com")


async def test_plain_http_on_an_https_url_is_a_failure_and_no_crash(nursery: trio.Nursery) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(answer())

    port = await serve_tcp(nursery, serve)
    outgoing = Outgoing(make_stage().outside, lambda: LOCAL)
    with pytest.raises((Unreachable, Broken)):
        await outgoing.post(f"https://127.0.0.1:{port}/", b"", {})
    await outgoing.aclose()


async def test_the_family_of_errors_is_one() -> None:
    kinds = (TimedOut, BreakerOpen, BadStatus, Redirected, TooLarge, BadCertificate, Broken, Unreachable)
    assert all(issubclass(kind, OutsideError) for kind in kinds)
    assert len({kind.reason for kind in kinds}) == len(kinds)
