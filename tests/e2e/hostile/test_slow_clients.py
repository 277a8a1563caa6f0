"""Clients that take their time: gone at their phase's deadline, hundreds at once, and nobody notices."""

from contextlib import suppress
from typing import Final

import pytest
import trio

from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import scrape, wait_for_figures
from tests.e2e.hostile.conftest import DEADLINE_S
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import Port, http_request, rtmp_request, stranger, upgrade_request
from tests.e2e.hostile.vitals import KIB, Vitals, vitals_of
from tests.engine.rtmp.wire import HANDSHAKE, head

pytestmark = pytest.mark.slow

EACH: Final = 75
DRIP_S: Final = 0.1
NEWCOMERS: Final = 20  # players who come while the others drip
LINGER_S: Final = 2.0  # what a refused client has to read its answer
LATE_S: Final = 5.0  # after the deadline, on a machine that is busy with something else
STRANGER_BYTES: Final = 64 * KIB  # a task, a half request, and what its sockets hold

# What each sends at once, and what it drips from then on.
SLOW: Final[dict[str, tuple[Port, bytes, bytes]]] = {
    "in the RTMP handshake": ("rtmp", b"\x03", b"\x00"),
    "after the RTMP handshake": ("rtmp", HANDSHAKE + head(0, 3, 0, 60_000, 20), b"\x05"),
    "in a request head": ("http", b"GET /live/steady.flv HTTP/1.1\r\nHost: a\r\nX: ", b"z"),
    "in a WebSocket's head": ("http", upgrade_request(b"/live/steady.flv")[:-2] + b"X: ", b"z"),
}

# Who has got an answer and does not go. The last three are players.
UNWELCOME: Final[dict[str, tuple[Port, bytes]]] = {
    "refused by HTTP": ("http", http_request(b"/live/..flv")),
    "refused by RTMP": ("rtmp", rtmp_request("play", "live", "..")),
    "broke RTMP": ("rtmp", HANDSHAKE + head(0, 3, 0, 70_000, 20)),
    "broke WebSocket": ("http", upgrade_request(b"/live/steady.flv") + b"\x89\x01x"),
    "closed its WebSocket": ("http", upgrade_request(b"/live/steady.flv") + b"\x88\x80\0\0\0\0"),
    "stopped to play": (
        "rtmp",
        rtmp_request("play", "live", "steady") + head(0, 3, 0, 3, 20) + b"\x05\x05\x05",
    ),
}


async def stay(engine: RunningEngine, port: Port, beginning: bytes, drop: bytes) -> None:
    """Say something, and then go on until the server has cut us off."""
    async with stranger(engine, port) as client:
        with suppress(ConnectionError):
            await client.say(beginning)
        await client.until_cut_off(drop, DRIP_S)


async def test_hundreds_who_drip_are_gone_at_their_deadline_and_players_miss_nothing(
    fortress: RunningEngine,
) -> None:
    before, vitals = scrape(fortress), vitals_of(fortress)
    async with steady_stream(fortress):
        with trio.fail_after(DEADLINE_S + LATE_S):
            async with trio.open_nursery() as nursery:
                for port, beginning, drop in list(SLOW.values()) * EACH:
                    nursery.start_soon(stay, fortress, port, beginning, drop)
                await trio.sleep(DEADLINE_S / 2)
                check_memory(vitals, await trio.to_thread.run_sync(vitals_of, fortress))
                for _ in range(NEWCOMERS):
                    await join(fortress)
    after = wait_for_figures(fortress, lambda figures: figures.sum("fanlight_connections") == 0)
    for protocol in ("rtmp", "http"):
        name, labels = "fanlight_handshake_failures_total", {"protocol": protocol, "reason": "timeout"}
        assert after.sum(name, **labels) - before.sum(name, **labels) == 2 * EACH


async def join(engine: RunningEngine) -> None:
    """Play until the first tag is there."""
    async with stranger(engine, "http") as client:
        await client.say(http_request(b"/live/steady.flv"))
        await client.hear(b"FLV\x01")


def check_memory(before: dict[str, Vitals], now: dict[str, Vitals]) -> None:
    grown = sum(now[name].private_bytes - before[name].private_bytes for name in now)
    assert grown < len(SLOW) * EACH * STRANGER_BYTES


async def test_who_has_his_answer_and_stays_is_cut_off(fortress: RunningEngine) -> None:
    cut_off = set[str]()

    async def stay_on(name: str, port: Port, request: bytes) -> None:
        await stay(fortress, port, request, b"x")
        cut_off.add(name)

    async with steady_stream(fortress):
        with trio.move_on_after(LINGER_S + LATE_S):
            async with trio.open_nursery() as nursery:
                for name, (port, request) in UNWELCOME.items():
                    nursery.start_soon(stay_on, name, port, request)
    assert cut_off == set(UNWELCOME)
