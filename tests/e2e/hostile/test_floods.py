"""Clients in numbers: such that reset, that send without end, and that come and go by the thousand."""

import os
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import trio

from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import Figures, wait_for_figures
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import (
    Port,
    exchange,
    http_request,
    rtmp_request,
    stranger,
    upgrade_request,
)
from tests.e2e.hostile.vitals import MIB, Vitals, vitals_of
from tests.engine.rtmp.wire import HANDSHAKE, command, head, message

pytestmark = pytest.mark.slow

PATH: Final = b"/live/steady.flv"
GOODBYE: Final = command("deleteStream", 4, None, 1.0)
FRAME: Final = message(6, 9, b"\x17\x01\x00\x00\x00frame", stream=1)

RESETS: Final[dict[str, tuple[Port, bytes]]] = {
    "without a word": ("rtmp", b""),
    "in the RTMP handshake": ("rtmp", HANDSHAKE[:100]),
    "when refused by RTMP": ("rtmp", http_request(PATH)),
    "when refused to play": ("rtmp", rtmp_request("play", "live", "..")),
    "when refused to publish": ("rtmp", rtmp_request("publish", "live", "..")),
    "as a player": ("rtmp", rtmp_request("play", "live", "steady")),
    "as a publisher": ("rtmp", rtmp_request("publish", "live", "reset") + FRAME),
    "when its goodbye is answered": ("rtmp", rtmp_request("publish", "live", "reset") + GOODBYE),
    "in a head": ("http", b"GET "),
    "when refused by HTTP": ("http", b"nonsense\r\n\r\n"),
    "as a player of HTTP": ("http", http_request(PATH)),
    "as a player of WebSocket": ("http", upgrade_request(PATH)),
    "when refused by WebSocket": ("http", upgrade_request(PATH) + b"\x89\x01x"),
    "of the API": ("api", http_request(b"/api/v1/streams")),
    "of metrics": ("metrics", http_request(b"/metrics")),
}
RESETS_EACH: Final = 20


async def test_a_reset_at_any_moment_is_nobody_elses_trouble(fortress: RunningEngine) -> None:
    before = fortress.pids()
    async with steady_stream(fortress):
        for port, beginning in list(RESETS.values()) * RESETS_EACH:
            async with stranger(fortress, port) as client:
                await client.say(beginning)
                client.reset()
    assert fortress.pids() == before, "a worker died of it"


ENDLESS: Final[dict[str, tuple[Port, bytes, bytes]]] = {
    "a player who talks HTTP": ("http", http_request(PATH), bytes(16_384)),
    "a player who pings": ("http", upgrade_request(PATH), b"\x89\x80\x00\x00\x00\x00" * 1_000),
    "a player who sends messages": ("http", upgrade_request(PATH), b"\x82\xfe\x40\x00" + bytes(4 + 16_384)),
    "an RTMP player who pings": (
        "rtmp",
        rtmp_request("play", "live", "steady"),
        message(2, 4, b"\x00\x06\x00\x00\x00\x01") * 500,
    ),
    "a publisher of nothing": (
        "rtmp",
        rtmp_request("publish", "live", "endless") + head(0, 4, 0, 0, 8, 1),
        b"\xc4" * 20_000,
    ),
    "who was refused": ("http", http_request(b"/live/..flv"), bytes(65_536)),
}


async def test_who_sends_without_end_is_cut_off_and_players_miss_nothing(fortress: RunningEngine) -> None:
    """By the engine's own account: a sender whose last bytes found no room hears of it a minute later."""
    async with steady_stream(fortress) as players:
        before = await trio.to_thread.run_sync(
            wait_for_figures, fortress, lambda now: only_there(now, len(players))
        )
        assert only_there(before, len(players)), "somebody from before is still there"
        async with trio.open_nursery() as nursery:
            for port, beginning, block in ENDLESS.values():
                nursery.start_soon(flood, fortress, port, beginning, block)
            after = await trio.to_thread.run_sync(
                wait_for_figures, fortress, lambda now: cut_off(before, now) == len(ENDLESS)
            )
            nursery.cancel_scope.cancel()
        assert cut_off(before, after) == len(ENDLESS)


def only_there(now: Figures, players: int) -> bool:
    """Whether there are these players and their publisher, and nobody from earlier stories."""
    return (now.sum("fanlight_connections"), now.sum("fanlight_publishers")) == (players + 1, 1)


def cut_off(before: Figures, now: Figures) -> float:
    """How many have come since then, and are not there any more."""
    come, there = "fanlight_connections_accepted_total", "fanlight_connections"
    return now.sum(come) - before.sum(come) - (now.sum(there) - before.sum(there))


async def flood(engine: RunningEngine, port: Port, beginning: bytes, block: bytes) -> None:
    """Send as fast as the server takes it, and read nothing."""
    async with stranger(engine, port) as client:
        await client.say(beginning)
        await client.until_cut_off(block, 0.0)


# -- coming and going

Visit = Callable[[RunningEngine], Awaitable[object]]


async def watch(engine: RunningEngine) -> None:
    async with stranger(engine, "http") as client:
        await client.say(http_request(PATH))
        await client.hear(b"FLV\x01")


async def watch_websocket(engine: RunningEngine) -> None:
    async with stranger(engine, "http") as client:
        await client.say(upgrade_request(PATH))
        await client.hear(b"FLV\x01")


async def watch_rtmp(engine: RunningEngine) -> None:
    async with stranger(engine, "rtmp") as client:
        await client.say(rtmp_request("play", "live", "steady"))
        await client.hear(b"NetStream.Play.Start")


async def publish(engine: RunningEngine) -> None:
    await exchange(engine, "rtmp", rtmp_request("publish", "live", "visitor") + FRAME + GOODBYE)


async def vanish(engine: RunningEngine) -> None:
    async with stranger(engine, "rtmp") as client:
        await client.say(rtmp_request("publish", "live", "visitor") + FRAME)
        client.reset()


async def be_refused(engine: RunningEngine) -> None:
    await exchange(engine, "http", http_request(b"/live/..flv"))


async def say_nothing(engine: RunningEngine) -> None:
    async with stranger(engine, "rtmp"):
        pass


async def break_rtmp(engine: RunningEngine) -> None:
    await exchange(engine, "rtmp", HANDSHAKE + head(0, 3, 0, 70_000, 20))


VISITS: Final[tuple[Visit, ...]] = (
    watch,
    watch_websocket,
    watch_rtmp,
    publish,
    vanish,
    be_refused,
    say_nothing,
    break_rtmp,
)
ROUNDS: Final = 12_500 if "NIGHTLY" in os.environ else 250
AT_ONCE: Final = 8
# Caches, the allocator's own reserve, and what waits for the collector's next full turn.
GROWTH_BYTES: Final = 2 * MIB + 128 * ROUNDS * len(VISITS)


@pytest.mark.hard_timeout(1800 if "NIGHTLY" in os.environ else 120)
async def test_thousands_who_come_and_go_leave_nothing_behind(fortress: RunningEngine) -> None:
    async with steady_stream(fortress):
        await receive_visitors(fortress, 20)
    before = await at_rest(fortress)
    async with steady_stream(fortress):
        await receive_visitors(fortress, ROUNDS)
    after = await at_rest(fortress)
    assert {name: (one.descriptors, one.threads) for name, one in after.items()} == {
        name: (one.descriptors, one.threads) for name, one in before.items()
    }
    for name, one in after.items():
        assert one.private_bytes - before[name].private_bytes < GROWTH_BYTES, name


async def receive_visitors(engine: RunningEngine, rounds: int) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(visit, engine, rounds // AT_ONCE)


async def visit(engine: RunningEngine, rounds: int) -> None:
    for _ in range(rounds):
        for pay_a_visit in VISITS:
            await pay_a_visit(engine)


async def at_rest(engine: RunningEngine) -> dict[str, Vitals]:
    """The vitals once everybody has left and every stream is gone."""
    names = ("fanlight_connections", "fanlight_players", "fanlight_publishers", "fanlight_streams")
    gone = await trio.to_thread.run_sync(
        wait_for_figures, engine, lambda figures: not any(figures.sum(name) for name in names)
    )
    assert not any(gone.sum(name) for name in names)
    return vitals_of(engine)
