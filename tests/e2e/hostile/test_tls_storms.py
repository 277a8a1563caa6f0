"""TLS handshakes begun by the hundred and never finished: bounded, counted, and nobody else's trouble."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import cycle, islice
from typing import Final

import pytest
import trio

from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import Figures, scrape, wait_for_figures
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import (
    Port,
    Stranger,
    http_request,
    status_of,
    stranger,
    stranger_over_tls,
)
from tests.e2e.hostile.vitals import KIB, vitals_of
from tests.e2e.tls import client_hello, tls_section
from workers.fanout.accept import MAX_STRANGERS

pytestmark = pytest.mark.slow

HELLO: Final = client_hello()
BEGINNINGS: Final = (b"", HELLO[:7], HELLO[:-1], HELLO)
"""Nothing, a part of a head, all but a byte, and what the worker has to sign something for."""

PLAYERS: Final = 3
STORM: Final = 300  # that all find room
EACH_BYTES: Final = 128 * KIB
"""Of memory for a handshake: OpenSSL's own buffers, and the certificates that it has sent."""

SETTINGS: Final[Settings] = {
    "workers": {"fanout": 1, "drain_s": 5.0},
    "fanout": {"max_players": PLAYERS, "max_lag_s": 30.0},
}


@pytest.fixture(params=["https", "rtmps"])
def port(request: pytest.FixtureRequest) -> Port:
    port: Port = request.param
    return port


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """It waits for handshakes longer than a test takes."""
    yield from running(tmp_path_factory, handshake_timeout_s=60.0)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """It does not."""
    yield from running(tmp_path_factory, handshake_timeout_s=1.0)


def running(folders: pytest.TempPathFactory, handshake_timeout_s: float) -> Iterator[RunningEngine]:
    folder = folders.mktemp("engine")
    tls = tls_section(folder, handshake_timeout_s=handshake_timeout_s)
    with RunningEngine(folder, {**SETTINGS, "tls": tls}) as engine:
        before = engine.pids()
        yield engine
        assert engine.pids() == before, f"a worker died\n{engine.log}"
    faults = {"error", "critical"}
    assert not [line for line in engine.log.lines if line.get("level") in faults or "raw" in line]


@asynccontextmanager
async def storm(engine: RunningEngine, port: Port, count: int) -> AsyncIterator[list[Stranger]]:
    """So many who have begun, each in one of the ways there are, and say nothing more."""
    async with AsyncExitStack() as stack:
        strangers = []
        for beginning in islice(cycle(BEGINNINGS), count):
            client = await stack.enter_async_context(stranger(engine, port))
            with suppress(OSError):  # turned away
                await client.say(beginning)
            strangers.append(client)
        yield strangers


def handshakes(now: Figures, port: Port, result: str) -> float:
    return now.sum("fanlight_tls_handshakes_total", port=port, result=result)


async def counted(engine: RunningEngine, port: Port, result: str, wanted: float) -> float:
    """How many there are, once there are as many as wanted, or a while has passed."""
    now = await trio.to_thread.run_sync(
        wait_for_figures, engine, lambda now: handshakes(now, port, result) >= wanted
    )
    return handshakes(now, port, result)


async def is_served(engine: RunningEngine) -> bool:
    """Whether somebody is who does finish the handshake."""
    async with stranger_over_tls(engine, "https") as client:
        await client.say(http_request(b"/", b"Connection: close"))
        return status_of(await client.hear(b"\r\n\r\n")) == 200


async def test_handshakes_that_are_never_finished_are_ended_and_counted(
    hasty: RunningEngine, port: Port
) -> None:
    ended = handshakes(scrape(hasty), port, "timeout") + STORM
    async with steady_stream(hasty, of_each=1), storm(hasty, port, STORM) as strangers:
        assert await counted(hasty, port, "timeout", ended) == ended
        for client in strangers:
            await client.hear()  # to the end
        assert await is_served(hasty)


async def test_a_storm_of_handshakes_ends_at_the_door_and_in_bounded_memory(
    patient: RunningEngine, port: Port
) -> None:
    before = scrape(patient)
    at_rest = vitals_of(patient)["fanout0"].private_bytes
    async with steady_stream(patient, of_each=1):
        async with storm(patient, port, MAX_STRANGERS + 1):  # the players' places are taken
            refused = handshakes(before, port, "too_many_connections") + 1
            assert await counted(patient, port, "too_many_connections", refused) == refused
            grown = vitals_of(patient)["fanout0"].private_bytes - at_rest
            assert grown < MAX_STRANGERS * EACH_BYTES
        lost = handshakes(before, port, "connection_lost") + MAX_STRANGERS
        assert await counted(patient, port, "connection_lost", lost) == lost
        assert await is_served(patient)
