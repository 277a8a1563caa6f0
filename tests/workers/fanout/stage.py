"""A stage for the pump: a real ring in a real arena, a feed on it, and players on socket pairs."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio

from engine.config import Config, PathSettings, for_path
from engine.media.gop import StartMode
from engine.media.tags import encode_tag
from engine.policy.pacing import WorkerLoad
from engine.protocols.flv import FlvReader, FlvTag
from shm.arena import Arena
from shm.board import Board
from shm.directory import Directory, DirectoryWriter, StreamState
from shm.layout import Geometry
from shm.ring import FLAG_HEADER, FLAG_KEYFRAME, FLAG_START, RingReader, RingWriter, Tag
from workers.fanout.feed import Feed
from workers.fanout.player import Player, PlayerState
from workers.fanout.wire import FLV, Wire
from workers.runtime.circle import Circle

MIB = 1024 * 1024
VIDEO, AUDIO = 9, 8
HEADERS = encode_tag(VIDEO, 0, b"\x17\x00\x00\x00\x00config") + encode_tag(AUDIO, 0, b"\xaf\x00config")
MS_PER_TAG = 40


class Stage:
    """One stream whose publisher is the test.

    Every tag carries its number in the body, every `gop`-th is a keyframe, time goes on by 40 ms a tag.
    """

    def __init__(self, *, ring_bytes: int = MIB, gop: int = 10, settings: PathSettings | None = None) -> None:
        self.arena = Arena.create(Geometry(workers=2, streams=2, ring_bytes=ring_bytes, index_entries=1024))
        self.directory = DirectoryWriter(self.arena, 0, 1)
        self.slot = self.directory.claim("live/a")
        self.directory.set_headers(self.slot, 1, HEADERS)
        self.circle = Circle()
        self.generation = 1
        self.number = 0
        self.gop = gop
        self._new_writer()
        reading = Directory(self.arena)
        record = reading.find("live/a")
        assert record is not None
        self.feed = Feed(
            record,
            RingReader(self.arena, self.slot),
            Board(self.arena).row(1, self.slot),
            reading,
            settings or for_path(Config(), "live/a"),
            WorkerLoad(),
            self.circle,
        )
        self.peers: list[socket.socket] = []

    def _new_writer(self) -> None:
        self.ring = RingWriter(self.arena, self.slot, self.directory.epoch(self.slot))

    def publish(self, count: int, *, size: int = 100, keyframes: bool = True) -> list[bytes]:
        """Write `count` tags in one batch and return them."""
        tags = [self._tag(size, keyframes) for _ in range(count)]
        self.ring.write(tags)
        return [bytes(tag.data) for tag in tags]

    def _tag(self, size: int, keyframes: bool) -> Tag:
        key = keyframes and self.number % self.gop == 0
        body = bytes([0x17 if key else 0x27, 1, 0, 0, 0]) + self.number.to_bytes(4, "big")
        ms = self.number * MS_PER_TAG
        data = encode_tag(VIDEO, ms, body.ljust(size, b"."))
        self.number += 1
        flags = FLAG_START | FLAG_KEYFRAME if key else 0
        return Tag(data, VIDEO, flags, ms * 1000, ms * 1000, self.generation, 1)

    def change_headers(self, headers: bytes = HEADERS) -> None:
        """New codec headers: in the directory, and as a tag in the ring."""
        self.generation += 1
        self.directory.set_headers(self.slot, self.generation, headers)
        ms = self.number * MS_PER_TAG
        data = encode_tag(VIDEO, ms, b"\x17\x00\x00\x00\x00new config")
        self.ring.write([Tag(data, VIDEO, FLAG_HEADER, ms * 1000, ms * 1000, self.generation, 1)])

    def begin_epoch(self) -> None:
        self.directory.set_epoch(self.slot, self.directory.epoch(self.slot) + 1)
        self._new_writer()

    def join(
        self, mode: StartMode = StartMode.KEYFRAME, wire: Wire = FLV, *, buffer_bytes: int = 4 * MIB
    ) -> "Seat":
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        player = Player(f"fanout0-{len(self.peers):012x}", ours, wire.name, "test")
        player.feed = self.feed
        self.peers += [ours, theirs]
        self.feed.join(player, wire, mode)
        return Seat(player, theirs)

    async def settle(self) -> None:
        """Let the feed see what is new and everybody get what fits."""
        for _ in range(30):
            if self.feed.has_news():
                self.feed.wake()
            await trio.sleep(0.01)

    def end(self) -> None:
        self.directory.set_state(self.slot, StreamState.ENDED)
        self.feed.end("stream_ended")

    def close(self) -> None:
        for peer in self.peers:
            trio.lowlevel.notify_closing(peer)
            peer.close()
        self.circle.close()
        self.arena.close()


class Seat:
    """A player and the far end of its socket."""

    def __init__(self, player: Player, peer: socket.socket) -> None:
        self.player = player
        self.peer = peer
        self.received = b""

    @property
    def state(self) -> PlayerState:
        return self.player.state

    def read(self) -> bytes:
        """All that has arrived, so far and now."""
        try:
            while data := self.peer.recv(1 << 20):
                self.received += data
        except BlockingIOError:
            pass
        return self.received

    def at_end(self) -> bool:
        """Whether the server has closed its side."""
        try:
            return self.peer.recv(1) == b""
        except BlockingIOError:
            return False

    def tags(self) -> list[FlvTag]:
        """What arrived as whole FLV tags; fails on bytes that are none."""
        return flv_tags(self.read())

    def numbers(self) -> list[int]:
        """The numbers of the media tags that arrived."""
        return [int.from_bytes(tag.body[5:9], "big") for tag in self.tags() if b"config" not in tag.body]


def flv_tags(data: bytes) -> list[FlvTag]:
    return [item for item in FlvReader().receive(data) if isinstance(item, FlvTag)]


@asynccontextmanager
async def staged(stage: Stage) -> AsyncIterator[Stage]:
    """Run the stage's feed for the time of a test."""
    with closing(stage):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.feed.run)
            await stage.feed.started.wait()
            yield stage
            nursery.cancel_scope.cancel()


@contextmanager
def closing(stage: Stage) -> Iterator[None]:
    try:
        yield
    finally:
        stage.close()
