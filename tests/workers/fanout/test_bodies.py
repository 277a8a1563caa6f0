"""Bodies of answers to players who do not read: they end in time, and what is sent stays what it was."""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from engine.protocols.http import ByteRange, Head, Request, RequestReader, media_head
from tests.workers.packager.press import KIB, RING_BYTES, Press
from workers.fanout.bodies import send_growing
from workers.fanout.connection import Connection
from workers.fanout.exchange import SEND_S
from workers.fanout.http1_exchange import Http1Exchange
from workers.fanout.prepared import WholePart
from workers.fanout.shelf import Shelf

MIB = 1024 * KIB
Pair = tuple[Http1Exchange, socket.socket]


def asked() -> Request:
    request = RequestReader().receive(b"GET /live/cam/1a2b-0.m4s HTTP/1.1\r\nHost: x\r\n\r\n")
    assert request is not None
    return request


def head_of(size: int) -> Head:
    return media_head(size, content_type="video/mp4", request_id="r")


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """An exchange on a connection with little room, and its peer."""
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * KIB)
    connection = Connection(ours, "127.0.0.1:1", "fanout0")
    yield Http1Exchange(connection, asked(), connection.host), peer
    connection.close()
    peer.close()


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    press = Press(tmp_path)
    yield press
    press.arena.close()


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "1a2b-0.m4s"
    path.write_bytes(bytes(4 * MIB))
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


async def test_who_does_not_read_a_file_is_given_up(
    pair: Pair, segment: int, autojump_clock: MockClock
) -> None:
    began_s = trio.current_time()
    with pytest.raises(trio.TooSlowError):
        await pair[0].send_file(head_of(4 * MIB), segment, ByteRange(0, 4 * MIB))
    assert trio.current_time() - began_s == pytest.approx(SEND_S)


async def test_who_reads_a_part_slowly_gets_it_as_it_was(
    press: Press, pair: Pair, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    exchange, peer = pair
    data = bytes(number % 251 for number in range(16 * KIB))
    press.journal.open()
    press.begin_segment()
    press.write_part(0, data)
    press.write_part(1, bytes(RING_BYTES // 2))
    shelf = shelf_of(press)
    part = shelf.window.part(0, 0)
    assert part is not None
    start, stop = shelf.ring.entry(part.first_seq).pos, shelf.ring.entry(part.stop_seq - 1).end
    nursery.start_soon(exchange.send_part, head_of(len(data)), WholePart(shelf.ring, start, stop))
    await trio.testing.wait_all_tasks_blocked()
    for number in range(2, 6):
        press.write_part(number, bytes(RING_BYTES // 2))
    assert not shelf.ring.valid(start)
    reader = trio.socket.from_stdlib_socket(peer.dup())
    read = b""
    while len(read.partition(b"\r\n\r\n")[2]) < len(data):
        read += await reader.recv(KIB)
    reader.close()
    assert read.endswith(data)


async def test_who_does_not_read_a_part_that_grows_is_given_up(
    press: Press, pair: Pair, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    press.journal.open()
    press.begin_segment()
    shelf = shelf_of(press)
    nursery.start_soon(shelf.run)
    press.write_part(0, bytes(20 * KIB))
    await trio.sleep(0.1)
    assert shelf.growing is not None
    with pytest.raises(trio.TooSlowError):
        await send_growing(pair[0], shelf, shelf.growing, head_of(1))
    nursery.cancel_scope.cancel()


def shelf_of(press: Press) -> Shelf:
    record = press.packages.directory.find("live/cam")
    assert record is not None
    return Shelf(press.packages, record, press.packages.board.row(0, press.slot), keep_s=10.0)
