"""A pass of the pump without the kernel: what Python itself costs a player per tick.

The players' `send` takes everything at once and does nothing, so what remains is the loop. `send` itself
costs the kernel about 4 microseconds, which `bench.floor` measures.
"""

import socket
from collections.abc import Awaitable, Generator
from typing import Any, cast

import trio

from bench.micro.clock import Step
from bench.micro.sample import lap, tags
from engine.policy.lag import LagLimits
from shm.ring import Entry, RingReader
from workers.fanout import ranks
from workers.fanout.logs import Head
from workers.fanout.player import Player
from workers.fanout.pump import Pump
from workers.fanout.seams import Seams
from workers.fanout.wire import FlvWire, RtmpWire, WebSocketFlvWire, Wire

PLAYERS = 500
#: The turn of a pass while it is timed.
ENDLESS_S = 1e9
TAGS_PER_PASS = 8


class Swallower:
    """A socket whose peer is always ready."""

    @staticmethod
    def send(data: bytes) -> int:
        """All of it is gone."""
        return len(data)

    @staticmethod
    def sendmsg(pieces: tuple[bytes, ...]) -> int:
        """All of them are gone."""
        return sum(map(len, pieces))


class StillSource:
    """A stream as the pump sees it, without the worker round it."""

    def __init__(self, reader: RingReader) -> None:
        self.reader = reader
        self.seams = Seams(reader, head_of(reader))
        # A pass within its turn never awaits, so nothing of trio is touched.
        self.nursery = cast("trio.Nursery", None)
        self.lag_limits = LagLimits()
        self.newest_dts_us = 0

    async def give_way(self) -> None:
        """Nobody else is there."""

    def dts_us_of(self, seq: int) -> int:
        """Nobody is behind."""
        return 0

    def codec_headers(self) -> bytes:
        """There are none."""
        return b""

    def headers_at(self, start: Entry, wire: Wire) -> bytes | None:
        """Nobody joins."""
        return b""


def head_of(reader: RingReader) -> Head:
    """The ring's end now."""
    return Head(reader.head_pos, reader.head_seq, reader.entry(reader.head_seq - 1))


def pump_steps() -> list[Step]:
    """One pass to many players, for each wire; writing the tags into the ring is a part of it."""
    ranks.TURN_S = ENDLESS_S
    return [_pass_of(wire) for wire in (FlvWire(), WebSocketFlvWire(), RtmpWire())]


def _pass_of(wire: Wire) -> Step:
    _, writer, reader = lap(wire.name)
    pump = Pump(StillSource(reader), wire, head_of(reader))
    # Into step at once: joining as players do would need a running event loop.
    ground = pump._ground
    for number in range(PLAYERS):
        sock = cast("socket.socket", Swallower)
        ground.fall_in(Player(f"bench-{number}", sock, wire.name, "127.0.0.1:0"))
    batch = tags()[-TAGS_PER_PASS:]

    def one_pass() -> None:
        writer.write(batch)
        finish(pump.run_pass(head_of(reader)))
        pump.take_figures()

    return Step(
        f"pump pass, {wire.name}, {PLAYERS} players, {TAGS_PER_PASS} tags", one_pass, PLAYERS, "player"
    )


def finish(pass_: Awaitable[None]) -> None:
    """Run a coroutine that does not wait for anything."""
    steps = cast("Generator[Any, None, None]", pass_)
    try:
        steps.send(None)
    except StopIteration:
        return
    raise AssertionError("the pass took longer than its turn")
