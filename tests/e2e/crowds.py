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
from tests.e2e.hls_crowd import HlsCrowd

POLL_S: Final = 0.005
LOOK_S: Final = 0.02
PROTOCOLS: Final = {HTTP_FLV: "http-flv", WEBSOCKET: "ws-flv", RTMP: "rtmp"}
"""What the load generator calls them, and the engine."""
HLS: Final = "hls"


class Crowds:
    """A crowd of each protocol on one stream, kept at `each` players for as long as `keeps`, and one of HLS.

    Everything but reading counts belongs to the thread that `run` runs in.
    """

    def __init__(self, engine: RunningEngine, stream: str, each: int, of_hls: int) -> None:
        self.each = each
        self.wanted = dict.fromkeys(PROTOCOLS.values(), each) | {HLS: of_hls}
        self.keeps = True
        self.begun = dict.fromkeys(self.wanted, 0)
        """Players of each protocol that have ever been sent."""
        self.hls = HlsCrowd(address_of(engine, "http"), stream)
        self.crowds: dict[str, Crowd | HlsCrowd] = {HLS: self.hls}
        for theirs, ours in PROTOCOLS.items():
            port = "rtmp" if theirs == RTMP else "http"
            said = dialogue(theirs, engine.addresses[port], stream)
            self.crowds[ours] = Crowd(address_of(engine, port), said)
            if theirs == RTMP:
                self._talk_bytes = rtmp_talk_bytes(said)

    def run(self, stop: threading.Event) -> None:
        """Play until told to stop."""
        while not stop.is_set():
            for protocol, crowd in self.crowds.items():
                if self.keeps and crowd.playing + crowd.joining < self.wanted[protocol]:
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
        await self.until(lambda: self.playing == sum(self.wanted.values()))


@asynccontextmanager
async def crowds(engine: RunningEngine, stream: str, each: int, of_hls: int = 0) -> AsyncIterator[Crowds]:
    """Crowds that play until the end of the block."""
    raise_descriptor_limit()
    made, stop = Crowds(engine, stream, each, of_hls), threading.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, made.run, stop)
        try:
            yield made
        finally:
            stop.set()


def address_of(engine: RunningEngine, kind: str) -> tuple[str, int]:
    host, _, port = engine.addresses[kind].rpartition(":")
    return host, int(port)


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
