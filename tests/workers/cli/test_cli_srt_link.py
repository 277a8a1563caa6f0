"""The SRT connection of `fanlight publish`, a plain socket in the server's place: what leaves, and when."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import pytest

from engine.protocols.srt.limits import HEADER_BYTES
from engine.protocols.srt.negotiated import Negotiated
from tests.engine.srt.live_wire import PUBLISHER_ID, negotiated
from workers.commands.sender import ConnectionLost, Pulse
from workers.commands.srt_link import (
    MAX_BURST_PACKETS,
    PARTIAL_S,
    PAYLOAD_BYTES,
    SrtLink,
    full_speed,
    now_us,
    received,
)

PATIENCE_S: Final = 10.0


class CountedPulse(Pulse):
    """Nobody watches; after so many beats it is enough."""

    def __init__(self, beats: int = 1_000_000) -> None:
        super().__init__(-1)
        self.beats = beats

    def beat(self) -> None:
        self.beats -= 1
        if not self.beats:
            raise TimeoutError


def agreed() -> Negotiated:
    return msgspec.structs.replace(negotiated(PUBLISHER_ID), start_us=now_us(), peer_start_us=now_us())


@contextmanager
def linked(pulse: Pulse, *, realtime: bool = True) -> Iterator[tuple[SrtLink, socket.socket]]:
    with socket.socket(type=socket.SOCK_DGRAM) as ours, socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        ours.connect(server.getsockname())
        yield SrtLink(ours, agreed(), "srt://server", pulse, realtime=realtime), server


def test_whole_payloads_leave_at_once_and_the_rest_a_moment_later() -> None:
    with linked(CountedPulse()) as (link, server):
        gave_s = time.monotonic()
        link.give(bytes(PAYLOAD_BYTES + 188))
        link.serve_until(0)
        assert [len(datagram) for datagram in received(server)] == [HEADER_BYTES + PAYLOAD_BYTES]
        link.serve_until(gave_s + PARTIAL_S + 0.005)
        assert [len(datagram) for datagram in received(server)] == [HEADER_BYTES + 188]


def test_what_comes_in_time_fills_the_rest() -> None:
    with linked(CountedPulse()) as (link, server):
        for _ in range(7):
            link.give(bytes(188))
        link.serve_until(0)
        assert [len(datagram) for datagram in received(server)] == [HEADER_BYTES + PAYLOAD_BYTES]


def test_no_more_is_held_than_so_much() -> None:
    with linked(CountedPulse(beats=MAX_BURST_PACKETS + 3), realtime=False) as (link, _server):
        with pytest.raises(TimeoutError):
            link.give(bytes(2 * MAX_BURST_PACKETS * PAYLOAD_BYTES))
        assert link.connection.sender.held == MAX_BURST_PACKETS


def test_a_server_that_falls_silent_is_a_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.protocols.srt.connection.PEER_IDLE_US", 20_000)
    with (
        linked(CountedPulse()) as (link, _server),
        pytest.raises(ConnectionLost, match="srt://server: the server has fallen silent"),
    ):
        link.serve_until(time.monotonic() + PATIENCE_S)


def test_without_a_pace_of_its_own_half_the_servers_buffer_is_filled_within_its_latency() -> None:
    second = msgspec.structs.replace(agreed(), send_latency_ms=1000)
    assert full_speed(second) == 4096 * 1360
    assert full_speed(msgspec.structs.replace(second, send_latency_ms=0)) == 4096 * 1360 * 1000 // 120
