"""One engine, one numbered stream, any number of players: what stories about books and deaths begin with."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import trio

from bench.stream import Shape
from shm.arena import Arena
from tests.e2e.books import conn_of
from tests.e2e.clients import PATIENCE_S, Player, TookTooLong, url_of
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import scrape
from tests.e2e.numbered_publisher import SHAPE, NumberedPublisher
from tests.e2e.shared_memory import RingRecord, arena_of
from tests.e2e.tls import over_tls
from tests.e2e.wires import PROTOCOLS

STREAM: Final = "live/numbered"
LOOK_S: Final = 0.02
MOST_JOINS: Final = 40  # the kernel deals connections out to workers by their port numbers


class Studio:
    """What a story has at hand. Everything in it ends with the `async with` block of `studio`.

    With `tls` all its connections are over TLS.
    """

    def __init__(
        self, engine: RunningEngine, arena: Arena, nursery: trio.Nursery, shape: Shape, *, tls: bool
    ) -> None:
        self.engine = engine
        self.nursery = nursery
        self._tls = tls
        self.publisher = NumberedPublisher(self._reached(engine.rtmp_url(STREAM)), shape=shape)
        self.players: list[Player] = []
        self._arena = arena

    async def open(self) -> None:
        """Begin to publish, and to record what goes into the ring."""
        await self.nursery.start(self.publisher.run)
        await self.publisher.more(2)
        self.ring = await self._find_ring()
        self.nursery.start_soon(self._record)

    async def _find_ring(self) -> RingRecord:
        with trio.fail_after(PATIENCE_S):
            while True:
                try:
                    return RingRecord(self._arena, STREAM)
                except AssertionError:
                    await trio.sleep(LOOK_S)

    async def _record(self) -> None:
        while not self.publisher.finishing:
            self.ring.read()
            await trio.sleep(LOOK_S)

    async def join(self, protocol: str, start: str = "", *, small_buffer: bool = False) -> Player:
        """One more player; it is connected when this returns."""
        url = self._reached(url_of(self.engine, protocol, STREAM, start))
        player = Player(protocol, url, small_buffer=small_buffer)
        self.players.append(player)
        await self.nursery.start(player.play)
        return player

    def _reached(self, url: str) -> str:
        return over_tls(self.engine, url) if self._tls else url

    async def join_playing(self, protocol: str, start: str = "") -> Player:
        """One more player; its first picture is there when this returns."""
        player = await self.join(protocol, start)
        await player.until(lambda player: bool(player.numbers))
        return player

    async def join_every_worker(self) -> dict[str, list[Player]]:
        """At least one player of every protocol in every fanout worker; by the worker's name."""
        found: dict[str, list[Player]] = {"fanout0": [], "fanout1": []}
        for protocol in PROTOCOLS:
            for _ in range(MOST_JOINS):
                player = await self.join_playing(protocol)
                found[await self.worker_of(player)].append(player)
                if all(any(one.protocol == protocol for one in players) for players in found.values()):
                    break
        return found

    async def conn_of(self, player: Player) -> str:
        """What the engine calls this player, once it has let it in."""
        return await trio.to_thread.run_sync(conn_of, player, self.engine.log)

    async def worker_of(self, player: Player) -> str:
        """The worker that has this player."""
        return (await self.conn_of(player)).partition("-")[0]

    async def jumps_of(self, player: Player) -> int:
        """How often the engine has moved this player forward."""
        conn = await self.conn_of(player)
        clients = (await trio.to_thread.run_sync(self.engine.api, "clients"))["clients"]
        return next(int(client["jumps"]) for client in clients if client["id"] == conn)

    async def until_jumped(self, player: Player) -> None:
        """Wait until the engine moves this player, which does not read, forward once more."""
        before = await self.jumps_of(player)
        with trio.move_on_after(PATIENCE_S):
            while await self.jumps_of(player) == before:  # noqa: ASYNC110 - the engine tells nobody
                await trio.sleep(LOOK_S)
            return
        clients = await trio.to_thread.run_sync(self.engine.api, "clients")
        raise TookTooLong(f"{await self.conn_of(player)} does not jump: {clients}")

    async def stream(self) -> dict[str, Any]:
        """What the API says of the stream."""
        streams = (await trio.to_thread.run_sync(self.engine.api, "streams"))["streams"]
        return next(dict(stream) for stream in streams if stream["name"] == STREAM)

    async def until_state(self, state: str) -> None:
        """Wait until the API says that the stream is in this state."""
        with trio.fail_after(PATIENCE_S):
            while (await self.stream())["state"] != state:  # noqa: ASYNC110 - as above
                await trio.sleep(LOOK_S)

    async def until_connected(self, count: int) -> None:
        """Wait until the engine has so many players, those included that wait for a stream."""
        with trio.fail_after(PATIENCE_S):
            while await self._connections() < count:  # noqa: ASYNC110 - as above
                await trio.sleep(LOOK_S)

    async def _connections(self) -> float:
        figures = await trio.to_thread.run_sync(scrape, self.engine)
        return figures.sum("fanlight_connections")

    async def kill(self, worker: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal this worker; its successor is ready when this returns."""
        await trio.to_thread.run_sync(replace_worker, self.engine, worker, number)

    async def hold(self) -> int:
        """Stop the publisher for a while; gives the sequence of the next tag, when all before is in the
        ring.
        """
        number = await self.publisher.hold()
        await self.recorded(number)
        return self.ring.end_seq

    async def recorded(self, number: int) -> None:
        """Wait until everything before this number is in the ring."""
        with trio.fail_after(PATIENCE_S):
            while not (self.ring.numbers and self.ring.numbers[-1] >= number - 1):
                await trio.sleep(LOOK_S)
                self.ring.read()

    async def end(self) -> None:
        """Let the publisher say good-bye, and everybody get what is theirs."""
        await self.hold()
        self.publisher.finish()
        await self.publisher.ended()
        for player in self.players:
            player.read_on()
            await player.ended()


def signal_worker(engine: RunningEngine, worker: str, number: signal.Signals = signal.SIGKILL) -> int:
    """Signal this worker; gives the process that it was."""
    pid = engine.pids()[worker]
    os.kill(pid, number)
    return pid


def wait_for_successor(engine: RunningEngine, worker: str, pid: int) -> None:
    """Wait until this process of the worker's is dead and another one ready in its place."""
    died = engine.log.wait_for("worker_died", where=lambda line: line["pid"] == pid)
    engine.log.wait_for(
        "worker_ready", where=lambda line: line["slot"] == worker and str(line["at"]) > str(died["at"])
    )


def replace_worker(engine: RunningEngine, worker: str, number: signal.Signals = signal.SIGKILL) -> None:
    wait_for_successor(engine, worker, signal_worker(engine, worker, number))


@asynccontextmanager
async def studio(engine: RunningEngine, shape: Shape = SHAPE, *, tls: bool = False) -> AsyncIterator[Studio]:
    """A stream that is being published, and recorded. What goes wrong is told with the engine's log."""
    with arena_of(engine.process.pid) as arena:
        try:
            async with trio.open_nursery() as nursery:
                stage = Studio(engine, arena, nursery, shape, tls=tls)
                await stage.open()
                yield stage
                nursery.cancel_scope.cancel()
        except BaseException:
            print(engine.log)
            raise
