"""Taking a PROXY header off a socket, and not a byte more."""

import ipaddress
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from engine.config import Config, load
from tests.engine.proxy.headers import v1, v2
from workers.fanout.proxy_door import PROXY_S, Unintroduced, introduced
from workers.runtime.worker import Worker

CLIENT = ipaddress.ip_address("192.0.2.7")
PROXY = "10.0.0.1:5000"
BEHIND = b"\x03 and all the rest"
CONFIG = load('[access]\ntrusted_proxies = ["10.0.0.0/8"]\nproxy_protocol = ["rtmp"]', {})

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def worker_with(config: Config) -> Worker:
    return cast("Worker", cast("Any", SimpleNamespace(config=config)))


async def introduce(sock: socket.socket, kind: str = "rtmp", remote: str = PROXY) -> str:
    return await introduced(worker_with(CONFIG), kind, sock, remote)


@pytest.mark.parametrize("header", [v1(CLIENT, 4711), v2(CLIENT, 4711, b"\x04\x00\x02ok")])
async def test_the_client_is_the_one_who_was_named(header: bytes, pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(header + BEHIND)
    assert await introduce(ours) == "192.0.2.7:4711"
    assert ours.recv(100) == BEHIND


async def test_a_header_in_pieces_is_waited_for(pair: Pair, autojump_clock: object) -> None:
    ours, theirs = pair

    async def send() -> None:
        for byte in v1(ipaddress.ip_address("2001:db8::7"), 4711) + BEHIND:
            theirs.send(bytes([byte]))
            await trio.sleep(0.01)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        assert await introduce(ours) == "[2001:db8::7]:4711"
    assert ours.recv(100) == BEHIND


@pytest.mark.parametrize(("kind", "remote"), [("rtmp", "192.0.2.9:5000"), ("http", PROXY), ("rtmps", PROXY)])
async def test_where_none_is_expected_nothing_is_read(kind: str, remote: str, pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(BEHIND)
    assert await introduce(ours, kind, remote) == remote
    assert ours.recv(100) == BEHIND


async def test_a_proxy_that_says_nothing_is_not_waited_for_for_ever(
    pair: Pair, autojump_clock: object
) -> None:
    began_s = trio.current_time()
    with pytest.raises(Unintroduced) as caught:
        await introduce(pair[0])
    assert caught.value.reason == "timeout"
    assert trio.current_time() - began_s == pytest.approx(PROXY_S)


async def test_a_proxy_that_leaves_or_speaks_of_something_else_is_refused(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(Unintroduced) as caught:
        await introduce(ours)
    assert caught.value.reason == "protocol_error"
    ours.recv(100)
    theirs.close()
    with pytest.raises(Unintroduced) as caught:
        await introduce(ours)
    assert caught.value.reason == "connection_lost"
