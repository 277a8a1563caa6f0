"""A tmpfs that is full: a publisher whose tags find no memory is told, and it is counted."""

import errno
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import trio
from prometheus_client import values

from engine.config import load
from engine.protocols.rtmp import Media, ServerConnection, encode_frozen
from engine.protocols.srt import Negotiated, SrtConnection
from shm.directory import StreamState
from shm.errors import ArenaFull
from tests.engine.mpegts.packets import PACKET_BYTES
from tests.engine.mpegts.studio import ADTS, AUDIO, H264, VIDEO, Studio
from tests.engine.rtmp.wire import TO_PUBLISH, message
from tests.engine.srt.handshakes import call, connect, listener_terms
from tests.shm.test_arena import refusal
from tests.workers.ingest.test_published_streams import CONFIG_TAG, House, Somebody, frame, keyframe
from tests.workers.runtime.test_metrics_files import scraped
from workers.ingest.publisher import READ_BYTES, Publisher
from workers.ingest.report import Report
from workers.ingest.srt_publisher import SrtPublisher
from workers.ingest.streams import Streams
from workers.ingest.visit import PublisherVisit
from workers.runtime.circle import Circle, now_us
from workers.runtime.messages import HandOver
from workers.runtime.metrics import DIRECTORY_VARIABLE, Metrics
from workers.runtime.srt_link import SrtHandOver

ENDED = "fanlight_publishes_ended_total"
RING_FAILURES = "fanlight_ring_failures_total"
PATIENCE_S = 20.0


class Log:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    warning = error = exception = info


class CountingHouse(House):
    """The house of the other tests with a log and real counters."""

    def __init__(self, directory: Path, settings: str = "") -> None:
        super().__init__(load(settings, {}))
        self.log = Log()
        self._counters = directory
        self.worker.log = cast("Any", self.log)
        self.worker.metrics = Metrics("ingest0", directory)
        self.report = Report(self.worker.metrics)

    def counted(self, name: str) -> dict[str, float]:
        return scraped(self._counters, name)

    def rtmp(self, streams: Streams, sock: socket.socket) -> Publisher:
        """A publisher of live/cam as fanout hands it over."""
        server = ServerConnection()
        server.receive(TO_PUBLISH, time.monotonic())
        server.take_output()
        hand_over = HandOver("fanout0-0000000000aa", "192.0.2.1:5000", 1, encode_frozen(server.freeze()))
        return Publisher(
            self.worker,
            streams,
            self.report,
            hand_over,
            sock,
            memoryview(bytearray(READ_BYTES)),
            PublisherVisit(None, None, trio.current_time()),
        )

    def srt(
        self, streams: Streams, circle: Circle, negotiated: Negotiated, sock: socket.socket
    ) -> SrtPublisher:
        """The same over SRT."""
        state = msgspec.msgpack.encode(SrtHandOver("live/cam", negotiated))
        hand_over = HandOver("fanout0-0000000000bb", "192.0.2.1:5000", 1, state, "srt")
        visit = PublisherVisit(None, None, trio.current_time())
        return SrtPublisher(self.worker, streams, self.report, circle, hand_over, sock, visit)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingHouse]:
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)  # metrics are a matter of the whole process
    monkeypatch.setenv(DIRECTORY_VARIABLE, "")
    house = CountingHouse(tmp_path)
    yield house
    house.doorbell.close()
    house.arena.close()


@pytest.fixture
def memory() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as memory:
        yield memory


def run_out(memory: pytest.MonkeyPatch) -> None:
    """From here on the kernel has no page left, until `memory.undo()`."""
    memory.setattr(os, "posix_fallocate", refusal(errno.ENOSPC))


async def read_all(sock: socket.socket) -> bytes:
    """All that a publisher hears, until its end; then it closes too."""
    heard, stream = b"", trio.SocketStream(trio.socket.from_stdlib_socket(sock))
    async with stream:
        async for piece in stream:
            heard += piece
    return heard


@pytest.mark.parametrize(
    "tags", [[CONFIG_TAG], [frame(0), frame(40)]], ids=["of_the_directory", "of_the_ring"]
)
async def test_publisher_whose_tags_find_no_memory_is_told_and_counted(
    house: CountingHouse, memory: pytest.MonkeyPatch, tags: list[Media]
) -> None:
    streams = house.ingest()
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    publisher = house.rtmp(streams, ours)
    run_out(memory)
    for tag in tags:
        peer.sendall(message(4, tag.kind, bytes(tag.body), time=tag.timestamp_ms, stream=1))
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(publisher.run)
            heard = await read_all(peer)
    assert b"NetStream.Publish.Failed" in heard
    assert house.counted(RING_FAILURES) == {"no_memory": 1}
    assert house.counted(ENDED) == {"rtmp,error": 1}
    assert [fields["stream"] for event, fields in house.log.lines if event == "ring_failed"] == ["live/cam"]
    assert house.state("live/cam") is StreamState.GRACE


async def test_the_same_over_srt(house: CountingHouse, memory: pytest.MonkeyPatch) -> None:
    streams, circle = house.ingest(), Circle()
    theirs, negotiated = connect(call(), listener_terms(), now_us=now_us())
    assert isinstance(theirs, Negotiated)
    assert isinstance(negotiated, Negotiated)
    ours, peer = udp_pair()
    publisher = house.srt(streams, circle, negotiated, ours)
    run_out(memory)
    with peer, trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(circle.run)
            send_film(SrtConnection(theirs, now_us()), peer)
            await publisher.run()
            nursery.cancel_scope.cancel()
    assert house.counted(RING_FAILURES) == {"no_memory": 1}
    assert house.counted(ENDED) == {"srt,error": 1}
    assert house.state("live/cam") is StreamState.GRACE


def udp_pair() -> tuple[socket.socket, socket.socket]:
    one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for sock in (one, other):
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
    one.connect(other.getsockname())
    other.connect(one.getsockname())
    return one, other


def send_film(connection: SrtConnection, sock: socket.socket) -> None:
    """Two pictures with their sound, and the beginning of a third, so that all before it is whole."""
    studio = Studio((VIDEO, H264), (AUDIO, ADTS))
    for number in range(3):
        studio.key(number * 3600)
        studio.sound(number * 3600, b"sound")
    for at in range(0, len(studio.data), 7 * PACKET_BYTES):
        connection.send(studio.data[at : at + 7 * PACKET_BYTES], now_us())
    for header, payload in connection.poll(now_us()):
        sock.send(header + bytes(payload))


def test_stream_goes_on_where_it_was_once_there_is_memory_again(
    house: CountingHouse, memory: pytest.MonkeyPatch
) -> None:
    streams, first, second = house.ingest(), Somebody(), Somebody()
    stream = streams.open("live/cam", first)
    run_out(memory)
    with pytest.raises(ArenaFull):
        stream.take([CONFIG_TAG, keyframe(0)], 1)
    stream.vanished(first)
    memory.undo()
    assert streams.open("live/cam", second) is stream
    assert stream.take([CONFIG_TAG, keyframe(0), frame(40)], 2) == 3
    assert CONFIG_TAG.body in house.directory.headers(stream.slot)[1]
    assert len(house.entries(stream)) == 3
