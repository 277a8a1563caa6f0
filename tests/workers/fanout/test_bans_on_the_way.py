"""Who is banned while it is on its way in: the ban ends those who are in, and these are not yet."""

import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from engine.access.bans import Ban, BanKind
from engine.config import Config
from tests.engine.http2.talk import request
from tests.engine.rtmp.wire import HANDSHAKE, command
from tests.workers.fanout.http2_stage import Http2Stage, connected
from tests.workers.fanout.stage import Stage, staged
from workers.fanout.audience import Audience, Full
from workers.fanout.guard import BANNED, Guard
from workers.fanout.http2_wire import Http2Wire
from workers.fanout.http_connection import serve_http
from workers.fanout.rtmp_connection import serve_rtmp
from workers.runtime.bans import write_bans

HOST = "192.0.2.1"
FLV_PATH = "/live/a.flv"
PATIENCE_S = 60.0


def ban(kind: BanKind, value: str) -> Ban:
    return Ban(id="1", kind=kind, value=value, reason="", since_s=time.time(), until_s=None)


class Raid:
    """A ban, and right behind it the round that ends whoever it is about and is in."""

    def __init__(self, play: Http2Stage, folder: Path, what: Ban) -> None:
        self.audience = play.audience
        self._folder = folder
        self._what = what
        self._has_come = False
        play.audience.guard = Guard(Config(), 1, folder)

    def come_if_it_has_not(self) -> None:
        if not self._has_come:
            self.come()

    def come(self) -> None:
        self._has_come = True
        write_bans(self._folder, [self._what])
        self.audience._obey_guard()

    def come_as_a_feed_opens(self) -> None:
        hub = cast("Any", self.audience.hub)
        opened: Callable[[object], Awaitable[object]] = hub.feed

        async def feed(record: object) -> object:
            self.come()
            await trio.lowlevel.checkpoint()
            return await opened(record)

        hub.feed = feed


async def ask_over_http1(play: Http2Stage) -> bytes:
    return await heard(play, serve_http, f"GET {FLV_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


async def ask_over_rtmp(play: Http2Stage) -> bytes:
    said = HANDSHAKE + command("connect", 1, {"app": "live", "tcUrl": "rtmp://host/live"})
    said += command("createStream", 2, None) + command("play", 3, None, "a", csid=8, stream=1)
    return await heard(play, serve_rtmp, said)


async def ask_over_http2(play: Http2Stage) -> bytes:
    status, _, body = await play.browser.get(request(FLV_PATH.encode()))
    return f"{status} ".encode() + body


async def heard(
    play: Http2Stage, serve: Callable[[Audience, socket.socket, str], Awaitable[None]], said: bytes
) -> bytes:
    """All that a connection answers to this, until it is closed."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    answer = b""
    with trio.socket.from_stdlib_socket(theirs) as client:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, play.audience, ours, f"{HOST}:4000")
            await client.send(said)
            while data := await client.recv(1 << 16):
                answer += data
            client.close()
    return answer


@pytest.mark.parametrize(
    ("ask", "protocol", "refusal"),
    [
        (ask_over_http1, "http-flv", b"HTTP/1.1 403 "),
        (ask_over_http2, "http-flv", b"403 "),
        (ask_over_rtmp, "rtmp", b"this address is banned"),
    ],
)
async def test_a_player_is_refused_whose_ban_came_as_its_feed_was_opened(
    ask: Callable[[Http2Stage], Awaitable[bytes]],
    protocol: str,
    refusal: bytes,
    tmp_path: Path,
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        Raid(play, tmp_path, ban("address", HOST)).come_as_a_feed_opens()
        with trio.fail_after(PATIENCE_S):
            answer = await ask(play)
        assert refusal in answer
        assert play.told("play_refused", protocol, BANNED) == 1
        assert not any(told[0] == "player_started" for told in play.report.told)


async def test_a_player_over_http2_is_in_before_a_ban_can_come_between(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one would come as it waits for room for the head of its answer."""
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        raid = Raid(play, tmp_path, ban("address", HOST))

        async def wait_for_room(wire: Http2Wire) -> None:
            raid.come_if_it_has_not()
            await trio.lowlevel.checkpoint()

        monkeypatch.setattr(Http2Wire, "wait_for_room", wait_for_room)
        with trio.fail_after(PATIENCE_S):
            stream_id = play.browser.ask(request(FLV_PATH.encode()))
            await play.browser.until(lambda: stream_id in play.browser.heads)
            raid.come_if_it_has_not()
            await play.browser.until(lambda: stream_id in play.browser.resets)
            await wait_all_tasks_blocked()
        assert len(play.audience) == 0


@pytest.mark.parametrize("what", [ban("address", "192.0.2.0/24"), ban("key", "van")])
async def test_nobody_gets_a_feed_who_was_banned_while_it_opened(
    what: Ban, tmp_path: Path, autojump_clock: MockClock
) -> None:
    stage = Stage()
    async with staged(stage), connected(stage) as play:
        Raid(play, tmp_path, what).come_as_a_feed_opens()
        for host, key_id in (("198.51.100.1", "studio"), ("198.51.100.1", "")):
            assert await play.audience.feed_for(stage.feed.record, host, key_id) is stage.feed
        write_bans(tmp_path, [])
        with pytest.raises(Full) as full:
            await play.audience.feed_for(stage.feed.record, HOST, "van")
        assert full.value.reason == BANNED
