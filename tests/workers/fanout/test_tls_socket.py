"""TLS as a sink: takes what a socket would take, holds little, and gets it out without being asked again."""

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import Tls
from tests.certificates import write_pair
from workers.fanout.tls_socket import STEP_BYTES, TlsSocket
from workers.runtime.certificates import make_contexts

SMALL_BUFFER_BYTES = 4096
MANY_BYTES = 1_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return make_contexts(Tls(**write_pair(tmp_path_factory.mktemp("tls")))).https  # type: ignore[arg-type]


class Peer:
    """The far end of a connection: reads when it is told to."""

    def __init__(self, sock: socket.socket) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.received = b""
        self.at_end = False

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self.flush()
            await trio.lowlevel.wait_readable(self.sock)
            if not self.fill():
                return

    def fill(self) -> bool:
        data = self.sock.recv(65536)
        self.incoming.write(data) if data else self.incoming.write_eof()
        return bool(data)

    def flush(self) -> None:
        if self.outgoing.pending:
            self.sock.sendall(self.outgoing.read())

    def has_shaken_hands(self) -> bool:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.flush()
        return True

    def has(self, count: int) -> bool:
        """Whether so many bytes are here, or the orderly end is."""
        try:
            while data := self.tls.read(65536):
                self.received += data
        except ssl.SSLWantReadError:
            return len(self.received) >= count
        self.at_end = True
        return True

    def say(self, data: bytes) -> None:
        self.tls.write(data)
        self.flush()


@asynccontextmanager
async def connection(
    server: ssl.SSLContext, buffer_bytes: int = SMALL_BUFFER_BYTES
) -> AsyncIterator[tuple[TlsSocket, Peer]]:
    """Both ends after the handshake, with the flusher running."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    sink, peer = TlsSocket(ours, server), Peer(theirs)
    with theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sink.run)
            async with trio.open_nursery() as hands:
                hands.start_soon(sink.shake_hands, trio.Semaphore(1))
                hands.start_soon(peer.until, peer.has_shaken_hands)
            yield sink, peer
            nursery.cancel_scope.cancel()
    sink.close_now()


async def test_full_kernel_is_told_as_a_socket_tells_it_and_little_is_held(server: ssl.SSLContext) -> None:
    async with connection(server) as (sink, _):
        taken = sink.send(bytes(MANY_BYTES))
        assert 0 < taken < MANY_BYTES
        with pytest.raises(BlockingIOError):
            sink.send(b"more")
        assert sink.queued_bytes() <= taken + STEP_BYTES


async def test_held_ciphertext_goes_out_although_nobody_sends_again(server: ssl.SSLContext) -> None:
    async with connection(server) as (sink, peer):
        data = bytes(range(256)) * 200
        assert sink.send(data) == len(data)
        with pytest.raises(BlockingIOError):
            sink.send(b"no room yet")
        with trio.fail_after(5):
            await peer.until(lambda: peer.has(len(data)))
            await sink.wait_for_room()
        assert peer.received == data
        assert sink.send(b"room") == 4


async def test_end_is_told_after_what_was_taken(server: ssl.SSLContext) -> None:
    async with connection(server) as (sink, peer):
        data = bytes(50_000)
        assert sink.send(data) == len(data)
        sink.shutdown(socket.SHUT_WR)
        with pytest.raises(BrokenPipeError):
            sink.send(b"too late")
        with trio.fail_after(5):
            await peer.until(lambda: peer.has(len(data) + 1))
        assert (peer.received, peer.at_end) == (data, True)


async def test_closing_waits_for_the_rest(server: ssl.SSLContext) -> None:
    async with connection(server) as (sink, peer):
        data = bytes(50_000)
        assert sink.send(data) == len(data)
        sink.close()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sink.finish)
            with trio.fail_after(5):
                await peer.until(lambda: peer.has(len(data) + 1))
        assert (peer.received, peer.at_end) == (data, True)


async def test_peer_that_is_gone_is_an_oserror_and_wakes_who_waits(server: ssl.SSLContext) -> None:
    async with connection(server) as (sink, peer):
        sink.send(bytes(MANY_BYTES))
        peer.sock.close()
        with trio.fail_after(5):
            await sink.wait_for_room()
        with pytest.raises(BrokenPipeError):
            sink.send(b"anybody there?")


async def test_record_that_comes_in_pieces_is_read_when_it_is_whole(server: ssl.SSLContext) -> None:
    async with connection(server) as (sink, peer):
        peer.tls.write(b"slowly")
        record = peer.outgoing.read()
        for byte in record[:-1]:
            peer.sock.send(bytes([byte]))
            with pytest.raises(BlockingIOError):
                sink.recv(100)
            assert not sink.has_data()
        peer.sock.send(record[-1:])
        assert sink.recv(100) == b"slowly"


async def test_what_was_not_asked_for_yet_is_known_to_be_there(server: ssl.SSLContext) -> None:
    async with connection(server) as (sink, peer):
        peer.say(b"0123456789")
        await sink.wait_for_data()
        assert sink.recv(4) == b"0123"
        assert sink.has_data()
        with trio.fail_after(5):
            await sink.wait_for_data()
        assert sink.recv(100) == b"456789"
        peer.sock.close()
        assert sink.recv(100) == b""


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=40_000), max_size=6), read_bytes=st.integers(1, 70_000))
def test_any_pieces_arrive_as_they_were(pieces: list[bytes], read_bytes: int, server: ssl.SSLContext) -> None:
    async def both_ways() -> None:
        async with connection(server) as (sink, peer):
            await send_all(sink, peer, pieces)
            assert peer.received == b"".join(pieces)
            peer.tls.write(b"".join(pieces)[:STEP_BYTES] or b"-")
            peer.flush()
            said = b"".join(pieces)[:STEP_BYTES] or b"-"
            heard = b""
            while len(heard) < len(said):
                await sink.wait_for_data()
                try:
                    heard += (data := sink.recv(read_bytes))
                    assert 0 < len(data) <= read_bytes
                except BlockingIOError:
                    pass
            assert heard == said

    trio.run(both_ways)


async def send_all(sink: TlsSocket, peer: Peer, pieces: list[bytes]) -> None:
    total = sum(map(len, pieces))

    async def send() -> None:
        data = b"".join(pieces)
        done = 0
        if total:
            done = sink.sendmsg(pieces)
        while done < total:
            await sink.wait_for_room()
            done += sink.send(memoryview(data)[done:])

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            await peer.until(lambda: peer.has(total))
