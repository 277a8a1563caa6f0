"""Crowds of the load generator in the test's own process: players that count their bytes, and no more."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio

from bench.crowd import Crowd
from bench.dialogue import HTTP_FLV, RTMP, WEBSOCKET, Dialogue, dialogue
from bench.lines import raise_descriptor_limit
from engine.protocols.rtmp.events import PlayRequested
from engine.protocols.rtmp.server import ServerConnection
from tests.e2e.clients import PATIENCE_S
from tests.e2e.engine_process import RunningEngine

POLL_S: Final = 0.005
LOOK_S: Final = 0.02
PROTOCOLS: Final = {HTTP_FLV: "http-flv", WEBSOCKET: "ws-flv", RTMP: "rtmp"}
"""What the load generator calls them, and the engine."""


class Crowds:
    """A crowd of each protocol on one stream, kept at `each` players for as long as `keeps`.

    Everything but reading counts belongs to the thread that `run` runs in.
    """

    def __init__(self, engine: RunningEngine, stream: str, each: int) -> None:
        self.each = each
        self.keeps = True
        self.begun = dict.fromkeys(PROTOCOLS.values(), 0)
        """Players of each protocol that have ever been sent."""
        self.crowds: dict[str, Crowd] = {}
        for theirs, ours in PROTOCOLS.items():
            address = engine.addresses["rtmp" if theirs == RTMP else "http"]
            host, _, port = address.rpartition(":")
            said = dialogue(theirs, address, stream)
            self.crowds[ours] = Crowd((host, int(port)), said)
            if theirs == RTMP:
                self._talk_bytes = rtmp_talk_bytes(said)

    def run(self, stop: threading.Event) -> None:
        """Play until told to stop."""
        while not stop.is_set():
            for protocol, crowd in self.crowds.items():
                if self.keeps and crowd.playing + crowd.joining < self.each:
                    crowd.join()
                    self.begun[protocol] += 1
                crowd.poll(POLL_S)
        for crowd in self.crowds.values():
            crowd.close()

    @property
    def playing(self) -> int:
        return sum(crowd.playing for crowd in self.crowds.values())

    @property
    def present(self) -> int:
        """Those who play, and those who are still asking."""
        return self.playing + sum(crowd.joining for crowd in self.crowds.values())

    @property
    def lost(self) -> int:
        """Players whose connection the engine has ended, however."""
        return sum(crowd.lost.total() for crowd in self.crowds.values())

    def heard(self) -> dict[str, int]:
        """Bytes by protocol as the engine counts them: RTMP's talk before media is not a player's yet."""
        heard = {protocol: crowd.heard_bytes for protocol, crowd in self.crowds.items()}
        heard["rtmp"] -= self._talk_bytes * self.begun["rtmp"]
        return heard

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so."""
        with trio.fail_after(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - a thread tells nobody
                await trio.sleep(LOOK_S)

    async def until_all_play(self) -> None:
        await self.until(lambda: self.playing == self.each * len(PROTOCOLS))


@asynccontextmanager
async def crowds(engine: RunningEngine, stream: str, each: int) -> AsyncIterator[Crowds]:
    """Crowds that play until the end of the block."""
    raise_descriptor_limit()
    made, stop = Crowds(engine, stream, each), threading.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, made.run, stop)
        try:
            yield made
        finally:
            stop.set()


def rtmp_talk_bytes(said: Dialogue) -> int:
    """What the engine says to such a player until it is asked to play: told by its own protocol machine."""
    server, heard, size = ServerConnection(seed=bytes(64)), b"", 0
    outgoing: bytes | None = said.opening
    while outgoing is not None:
        events = server.receive(outgoing, 0.0)
        heard += (answer := server.take_output())
        size += len(answer)
        if any(isinstance(event, PlayRequested) for event in events):
            return size
        outgoing = said.answer(heard)
    raise AssertionError("the dialogue does not ask to play")
