"""Which services have a client, and what the board says of them: the worst is told, the forgotten is not."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
import structlog
import trio

from engine.access.targets import parse_target
from engine.config import load
from engine.policy.breaker import FAILURES, BreakerState
from engine.policy.outside import OutsideError
from shm.arena import Arena
from shm.board import Board
from shm.breakers import NAME_BYTES_MAX
from shm.layout import BREAKERS_MAX, Geometry
from tests.workers.control.hooks import hostile_services as hostile
from tests.workers.control.hooks.office import Counts
from workers.control.breakers import Breakers
from workers.control.hooks.callers import MAX_SERVICES, PLAYERS, PURPOSES, Callers, entry_name
from workers.control.hooks.office import origins_of
from workers.runtime.outgoing import Outgoing
from workers.runtime.slots import WorkerSlot

PATIENCE_S = 30.0
DECISIONS = "hook_decisions"
OPEN = {DECISIONS: BreakerState.OPEN}


class Exchange(NamedTuple):
    """Callers, and what the board tells of their services."""

    callers: Callers
    board: Breakers

    async def call(self, url: str) -> int | None:
        """The status of the answer, if there was one."""
        with trio.fail_after(PATIENCE_S):
            try:
                return (await self.callers.post(url, b"{}", {}, 5.0)).status
            except OutsideError:
                return None

    async def trip(self, url: str) -> None:
        for _ in range(FAILURES):
            assert await self.call(url) is None

    def told(self) -> dict[str, BreakerState]:
        return self.board.worst(time.monotonic_ns())


@asynccontextmanager
async def exchange() -> AsyncIterator[Exchange]:
    arena = Arena.create(Geometry(workers=1, streams=1, ring_bytes=1024 * 1024, index_entries=1024))
    board = Board(arena)
    worker = SimpleNamespace(
        config=load('[outgoing]\nallow = ["127.0.0.1/32"]', {}),
        metrics=Counts(),
        log=structlog.wrap_logger(logging.getLogger("exchange")),
        cell=board.worker(0),
    )
    callers = Callers(cast("Any", worker), PLAYERS)  # in the API by another name than in the metrics
    try:
        yield Exchange(callers, Breakers(board, [WorkerSlot(0, "control", 0)]))
    finally:
        await callers.aclose()
        arena.close()


async def is_well(stream: trio.abc.Stream) -> None:
    await hostile.read_request(stream)
    await stream.send_all(hostile.HEAD + b"Content-Length: 1\r\n\r\n0")


async def test_a_service_that_is_well_hides_none_that_is_down() -> None:
    async with (
        exchange() as here,
        hostile.service(hostile.answer_500) as ill,
        hostile.service(is_well) as well,
    ):
        await here.trip(ill)
        assert here.told() == OPEN
        assert await here.call(well) == 200
        assert here.told() == OPEN


async def test_a_service_out_of_the_configuration_is_told_of_no_longer() -> None:
    async with (
        exchange() as here,
        hostile.service(hostile.answer_500) as ill,
        hostile.service(is_well) as well,
    ):
        await here.trip(ill)
        assert await here.call(well) == 200
        await here.callers.keep_only({parse_target(well).origin})
        assert here.told() == {DECISIONS: BreakerState.CLOSED}
        await here.callers.keep_only(())
        assert here.told() == {}
        assert await here.call(well) == 200  # one that comes back is a new one
        assert here.told() == {DECISIONS: BreakerState.CLOSED}


async def test_a_service_that_is_being_called_is_not_forgotten_yet() -> None:
    async with exchange() as here, hostile.service(hostile.hang) as url, trio.open_nursery() as nursery:
        nursery.start_soon(here.call, url)
        await trio.testing.wait_all_tasks_blocked()
        await here.callers.keep_only(())
        assert here.told() == {DECISIONS: BreakerState.CLOSED}
        nursery.cancel_scope.cancel()


async def test_a_service_that_is_gone_before_its_turn_to_be_forgotten_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Outgoing.aclose

    async def slowly(client: Outgoing) -> None:
        await trio.lowlevel.checkpoint()
        await real(client)

    monkeypatch.setattr(Outgoing, "aclose", slowly)
    async with exchange() as here, hostile.service(is_well) as one, hostile.service(is_well) as other:
        assert [await here.call(one), await here.call(other)] == [200, 200]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.callers.keep_only, ())
            nursery.start_soon(here.callers.keep_only, ())
        assert here.told() == {}


async def test_the_successor_finds_what_was_known_when_the_callers_closed() -> None:
    async with exchange() as here, hostile.service(hostile.answer_500) as ill:
        await here.trip(ill)
        await here.callers.aclose()
        assert here.told() == OPEN


def test_the_board_has_room_for_every_client_that_control_keeps() -> None:
    assert MAX_SERVICES * len(PURPOSES) + len({"jwks", "traces"}) <= BREAKERS_MAX


def test_two_long_names_that_begin_alike_are_two_services() -> None:
    host = "https://a-long-name-of-a-service-that-somebody-gave-it.example.org:"
    names = {entry_name(DECISIONS, f"{host}{port}") for port in (8443, 9443)}
    assert len(names) == 2
    assert all(len(name) == NAME_BYTES_MAX and name.startswith(f"{DECISIONS} ") for name in names)
    assert entry_name(DECISIONS, "http://a:80") == f"{DECISIONS} http://a:80"


def test_the_services_of_a_configuration_are_those_of_all_its_paths() -> None:
    config = load(
        '[hooks]\nurl = "http://a.example/x"\non_play = "off"\n'
        '[paths."live/*"]\nhooks_on_play = ["https://b.example/y?key=1", "http://a.example/z"]',
        {},
    )
    assert origins_of(config) == {
        parse_target(f"{one}/").origin for one in ("http://a.example", "https://b.example")
    }
