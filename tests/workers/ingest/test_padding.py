"""Bytes that become no media cost the network what media cost it: a publisher's bitrate is what it sends."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from prometheus_client import values

from engine.protocols.srt import Negotiated, SrtConnection
from tests.engine.mpegts.packets import PACKET_BYTES
from tests.engine.rtmp.wire import message
from tests.engine.srt.handshakes import call, connect, listener_terms
from tests.workers.ingest.test_full_memory import CountingHouse, read_all, udp_pair
from workers.runtime.circle import Circle, now_us
from workers.runtime.metrics import DIRECTORY_VARIABLE

LIMIT = "[limits]\nlimit_window_s = 1\nmax_bitrate_bps = 8000"
UNKNOWN_MESSAGE = 77
PADDING_BYTES = 100 * 7 * PACKET_BYTES
NULL_PACKET = b"\x47\x1f\xff\x10".ljust(PACKET_BYTES, b"\xff")
PATIENCE_S, LOOK_S = 20.0, 0.01


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingHouse]:
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)  # metrics are a matter of the whole process
    monkeypatch.setenv(DIRECTORY_VARIABLE, "")
    house = CountingHouse(tmp_path, LIMIT)
    yield house
    house.doorbell.close()
    house.arena.close()


def broken(house: CountingHouse) -> list[object]:
    return [fields["limit"] for event, fields in house.log.lines if event == "limit_broken"]


async def test_messages_of_an_unknown_kind_count_over_rtmp(house: CountingHouse) -> None:
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    publisher = house.rtmp(house.ingest(), ours)
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(publisher.run)
            peer.sendall(message(4, UNKNOWN_MESSAGE, bytes(PADDING_BYTES), stream=1))
            while not broken(house):
                await trio.sleep(LOOK_S)
                publisher.check_idle(trio.current_time())
            assert b"NetStream.Publish.Rejected" in await read_all(peer)
    assert broken(house) == ["bitrate"]


async def test_null_packets_count_over_srt(house: CountingHouse) -> None:
    circle = Circle()
    theirs, negotiated = connect(call(), listener_terms(), now_us=now_us())
    assert isinstance(theirs, Negotiated)
    assert isinstance(negotiated, Negotiated)
    ours, peer = udp_pair()
    publisher = house.srt(house.ingest(), circle, negotiated, ours)
    connection = SrtConnection(theirs, now_us())
    with peer, trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(publisher.run)
            nursery.start_soon(circle.run)
            for _ in range(20):
                connection.send(7 * NULL_PACKET, now_us())
            for header, payload in connection.poll(now_us()):
                peer.send(header + bytes(payload))
            while not broken(house):
                await trio.sleep(LOOK_S)
                publisher.check_idle(trio.current_time())
            nursery.cancel_scope.cancel()
    assert broken(house) == ["bitrate"]
    assert publisher.tags_in == 0
