"""Who may in: names and keys, through every door that a stranger can knock at."""

import signal
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

import pytest
import trio

from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import Figures, scrape
from tests.e2e.hostile.conftest import KEY, NEXT_KEY
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import (
    PATIENCE_S,
    codes,
    exchange,
    http_request,
    rtmp_request,
    status_of,
    stranger,
    upgrade_request,
)
from tests.engine.rtmp.wire import command

pytestmark = pytest.mark.slow

NAMES: Final = (
    "..",
    "...",
    ".",
    "../../../../etc/passwd",
    "../../../../tmp/pwned",  # Node-Media-Server#689
    "live/../../x",
    "live//x",
    "a/b/c/d/e",
    "x" * 65,
    "x" * 500,
    "x y",
    "x\x00y",
    "x\ny",
    "x\r\ny",
    "x\\y",
    "x%2fy",
    "%2e%2e",
    "%252e%252e",
    "x:y",
    "$(id)",
    "`id`",
    "x;y",
    "é",
    "ⅷ",
    "x\u202ey",
    "\ufeffx",
    "\ud7ff",
    "🎥",
)

AGREED: Final = 20  # publishers let in one after the other: the kernel deals them out to all workers

Knock = Callable[[RunningEngine, str], Awaitable[bool]]


async def publish_by_name(engine: RunningEngine, name: str) -> bool:
    answer = await exchange(engine, "rtmp", rtmp_request("publish", "live", name))
    return codes(answer)[-1] == "NetStream.Publish.BadName"


async def publish_by_app(engine: RunningEngine, name: str) -> bool:
    answer = await exchange(engine, "rtmp", rtmp_request("publish", f"live/{name}", "x"))
    return codes(answer)[-1] == "NetStream.Publish.BadName"


async def play_by_name(engine: RunningEngine, name: str) -> bool:
    answer = await exchange(engine, "rtmp", rtmp_request("play", "live", name))
    return codes(answer)[-1] == "NetStream.Play.StreamNotFound"


async def ask_by_path(engine: RunningEngine, name: str) -> bool:
    target = f"/live/{quote(name, safe='/')}.flv".encode()
    return status_of(await exchange(engine, "http", http_request(target))) == 400


async def ask_by_path_as_it_is(engine: RunningEngine, name: str) -> bool:
    target = f"/live/{name}.flv".encode()
    return status_of(await exchange(engine, "http", http_request(target))) == 400


async def upgrade_by_path(engine: RunningEngine, name: str) -> bool:
    target = f"/live/{quote(name, safe='/')}.flv".encode()
    return status_of(await exchange(engine, "http", upgrade_request(target))) == 400


PUBLISH: Final = "fanlight_publish_refusals_total"
PLAY: Final = "fanlight_play_refusals_total"
DOORS: Final[dict[str, tuple[Knock, str]]] = {
    "RTMP publish": (publish_by_name, PUBLISH),
    "the app of RTMP publish": (publish_by_app, PUBLISH),
    "RTMP play": (play_by_name, PLAY),
    "HTTP": (ask_by_path, PLAY),
    "HTTP without encoding": (ask_by_path_as_it_is, PLAY),
    "WebSocket": (upgrade_by_path, PLAY),
}


@pytest.mark.parametrize(("knock", "figure"), DOORS.values(), ids=DOORS.keys())
async def test_names_that_are_none_are_refused_at_every_door_and_counted(
    knock: Knock, figure: str, fortress: RunningEngine
) -> None:
    before, streams = scrape(fortress), streams_of(fortress)
    let_through = [name for name in NAMES if not await knock(fortress, name)]
    assert let_through == []
    assert counted_since(before, fortress, figure, "bad_name", "bad_request") == len(NAMES)
    assert streams_of(fortress) <= streams


def streams_of(engine: RunningEngine) -> set[str]:
    return {str(stream["name"]) for stream in engine.api("streams")["streams"]}


def counted_since(before: Figures, engine: RunningEngine, figure: str, *reasons: str) -> float:
    after = scrape(engine)
    return sum(after.sum(figure, reason=reason) - before.sum(figure, reason=reason) for reason in reasons)


PLAYED: Final = {
    "a start mode": "start=burst",
    "a start mode that is none": "start=%00",
    "forty parameters": "&".join(f"a{number}=1" for number in range(40)),
    "one endless parameter": "a=" + "b" * 4_000,
    "separators alone": "&;=" * 1_000,
}


@pytest.mark.parametrize("query", PLAYED.values(), ids=PLAYED.keys())
async def test_a_player_is_served_whatever_its_query_says(query: str, fortress: RunningEngine) -> None:
    async with steady_stream(fortress, of_each=1), stranger(fortress, "rtmp") as client:
        await client.say(rtmp_request("play", "live", f"steady?{query}"))
        assert b"NetStream.Play.Start" in await client.hear(b"NetStream.Play.Start")


# What comes behind the name of a guarded stream, and why its publisher is not let in.
KEYS: Final = {
    "nothing": ("", "key_missing"),
    "an empty key": ("?key=", "key_missing"),
    "another parameter": (f"?password={KEY}", "key_missing"),
    "another key": ("?key=open-sesame", "key_wrong"),
    "the key of others": (f"?key={NEXT_KEY}", "key_wrong"),
    "half of the key": (f"?key={KEY[:-1]}", "key_wrong"),
    "more than the key": (f"?key={KEY}x", "key_wrong"),
    "the key in capitals": (f"?key={KEY.upper()}", "key_wrong"),
    "the key behind a NUL": (f"?key=%00{KEY}", "key_wrong"),
    "thirty-two wrong ones first": ("?" + "key=x&" * 32 + f"key={KEY}", "key_wrong"),
}


@pytest.mark.parametrize(("behind", "reason"), KEYS.values(), ids=KEYS.keys())
async def test_a_publisher_without_the_key_is_refused_and_counted_by_reason(
    behind: str, reason: str, fortress: RunningEngine
) -> None:
    before = scrape(fortress)
    answer = await exchange(fortress, "rtmp", rtmp_request("publish", "guarded", f"cam{behind}"))
    assert codes(answer)[-1] == "NetStream.Publish.BadName"
    assert KEY.encode() not in answer
    assert counted_since(before, fortress, PUBLISH, reason) == 1


RIGHT: Final = {
    "in the name": ("guarded", f"cam?key={KEY}"),
    "as a token": ("guarded", f"cam?token={KEY}"),
    "in the app": (f"guarded?key={KEY}", "cam"),
    "percent-encoded": ("guarded", "cam?key=" + "".join(f"%{ord(letter):02x}" for letter in KEY)),
    "beside others": ("guarded", f"cam?x=1&key={KEY}&y=2"),
}


@pytest.mark.parametrize(("app", "name"), RIGHT.values(), ids=RIGHT.keys())
async def test_a_publisher_with_the_key_is_let_in(app: str, name: str, fortress: RunningEngine) -> None:
    assert await may_publish(fortress, app, name)


async def may_publish(engine: RunningEngine, app: str, name: str) -> bool:
    """Publish for a moment, if we are let in."""
    request = rtmp_request("publish", app, name)
    told = codes(await exchange(engine, "rtmp", request + command("deleteStream", 4, None, 1.0)))
    return "NetStream.Publish.Start" in told


async def test_a_new_key_holds_from_the_reload_on_and_is_not_told_to_anybody(fortress: RunningEngine) -> None:
    text = fortress.config_path.read_text()
    await reload(fortress, text.replace(KEY, NEXT_KEY), NEXT_KEY)
    assert not await may_publish(fortress, "guarded", f"cam?key={KEY}")
    await reload(fortress, text, KEY)
    assert not await may_publish(fortress, "guarded", f"cam?key={NEXT_KEY}")


async def reload(engine: RunningEngine, text: str, key: str) -> None:
    """Have the engine read its file again; returns when workers let publishers in with this key."""
    engine.config_path.write_text(text)
    engine.process.send_signal(signal.SIGHUP)
    let_in = 0
    with trio.fail_after(PATIENCE_S):
        while let_in < AGREED:
            let_in = let_in + 1 if await may_publish(engine, "guarded", f"cam?key={key}") else 0
