"""The stage for SRT: frames that a transport stream can carry, and players with a real link to a far end."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.stream import AAC_HEADER, AVC_HEADER, KIND_AUDIO, KIND_VIDEO
from engine.config import PathSettings
from engine.media.gop import StartMode
from engine.media.tags import encode_tag
from engine.protocols.mpegts import Media, TsReader
from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.listener import Listener
from engine.protocols.srt.negotiated import Negotiated
from shm.ring import FLAG_HEADER, FLAG_KEYFRAME, FLAG_START, Tag
from tests.engine.srt.handshakes import SECRET, call, connect, listener_terms
from tests.workers.fanout.stage import MIB, MS_PER_TAG, Stage, staged
from workers.fanout.srt_player import SrtPlayer
from workers.fanout.ts_pump import TsPump
from workers.fanout.wire import SRT
from workers.runtime.circle import now_us
from workers.runtime.srt_link import SrtLink

HEADERS = encode_tag(KIND_VIDEO, 0, AVC_HEADER) + encode_tag(KIND_AUDIO, 0, AAC_HEADER)
AVC_NALU = 1


def picture(number: int, key: bool, size: int) -> bytes:
    """One NAL unit that says its number in digits: no zero byte in it looks like a start code."""
    nal = ((b"\x65" if key else b"\x41") + b"%08d" % number).ljust(size, b".")
    return bytes([0x17 if key else 0x27, AVC_NALU, 0, 0, 0]) + len(nal).to_bytes(4, "big") + nal


def number_of(body: bytes) -> int:
    return int(body[10:18])


class FilmStage(Stage):
    """Every tag is a picture with its number in it; see `Stage`."""

    def __init__(self, *, ring_bytes: int = MIB, gop: int = 10, settings: PathSettings | None = None) -> None:
        super().__init__(ring_bytes=ring_bytes, gop=gop, settings=settings)
        self.directory.set_headers(self.slot, 1, HEADERS)
        self.seats: list[SrtSeat] = []

    @property
    def pump(self) -> TsPump:
        """There is one once somebody has joined."""
        pump = self.feed.pumps[SRT.name]
        assert isinstance(pump, TsPump)
        return pump

    async def play_on(self, count: int, *, size: int = 100) -> None:
        """Publish so many pictures, and let everybody get what fits."""
        self.publish(count, size=size)
        await self.settle()

    def _tag(self, size: int, keyframes: bool) -> Tag:
        key = keyframes and self.number % self.gop == 0
        ms = self.number * MS_PER_TAG
        data = encode_tag(KIND_VIDEO, ms, picture(self.number, key, size))
        self.number += 1
        flags = FLAG_START | FLAG_KEYFRAME if key else 0
        return Tag(data, KIND_VIDEO, flags, ms * 1000, ms * 1000, self.generation, 1)

    def change_headers(self, headers: bytes = HEADERS) -> None:
        self.generation += 1
        self.directory.set_headers(self.slot, self.generation, headers)
        ms = self.number * MS_PER_TAG
        data = encode_tag(KIND_VIDEO, ms, AVC_HEADER)
        self.ring.write([Tag(data, KIND_VIDEO, FLAG_HEADER, ms * 1000, ms * 1000, self.generation, 1)])

    def join_srt(self, mode: StartMode = StartMode.KEYFRAME) -> "SrtSeat":
        seat = SrtSeat(f"fanout0-{len(self.seats):012x}")
        self.seats.append(seat)
        seat.player.feed = self.feed
        self.feed.join(seat.player, SRT, mode)
        return seat

    def close(self) -> None:
        for seat in self.seats:
            seat.close()
        super().close()


@asynccontextmanager
async def film(
    count: int,
    *,
    size: int = 100,
    keyframes: bool = True,
    gop: int = 10,
    ring_bytes: int = MIB,
    settings: PathSettings | None = None,
) -> AsyncIterator[FilmStage]:
    """A stage whose stream has so many pictures already, for the time of a test."""
    stage = FilmStage(ring_bytes=ring_bytes, gop=gop, settings=settings)
    stage.publish(count, size=size, keyframes=keyframes)
    async with staged(stage):
        yield stage


class SrtSeat:
    """A player, and its peer at the far end of two UDP sockets."""

    def __init__(self, client_id: str) -> None:
        ours, self.sock = udp_pair()
        theirs, here = negotiated_pair()
        self.peer = SrtConnection(theirs, now_us())
        self.player = SrtPlayer(client_id, "test", SrtLink(ours, here, now_us()), started_ns=1)
        self.received = b""

    def read(self) -> bytes:
        """What has arrived so far, before its time, and is acknowledged now."""
        while datagrams := receive_all(self.sock):
            self.peer.receive_many(datagrams, now_us())
        self.received += b"".join(self.peer.drain())
        for header, payload in self.peer.poll(now_us() + 20_000):
            self.sock.send(header + bytes(payload))
        return self.received

    def media(self) -> list[Media]:
        """What arrived as messages; fails on damage."""
        reader = TsReader()
        events = reader.receive(self.read(), 0) + reader.finish()
        assert reader.stats().continuity_errors == 0
        return [event for event in events if isinstance(event, Media)]

    def numbers(self) -> list[int]:
        """The numbers of the pictures that arrived."""
        return [number_of(each.body) for each in self.media() if each.body[1] == AVC_NALU]

    def close(self) -> None:
        self.sock.close()
        self.player.sock.close()


def udp_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets on loopback."""
    pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in pair:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MIB)
        sock.bind(("127.0.0.1", 0))
    for one, other in (pair, reversed(pair)):
        one.connect(other.getsockname())
    return pair[0], pair[1]


def negotiated_pair(passphrase: str = "") -> tuple[Negotiated, Negotiated]:
    """A caller and a listener that have just agreed: (theirs, ours)."""
    now = now_us()
    theirs, ours = connect(call(passphrase), listener_terms(passphrase), Listener(SECRET, now), now)
    assert isinstance(theirs, Negotiated)
    assert isinstance(ours, Negotiated)
    return theirs, ours


def receive_all(sock: socket.socket) -> list[bytes]:
    received = []
    try:
        while True:
            received.append(sock.recv(2048))
    except OSError:
        return received
