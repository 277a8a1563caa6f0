"""The doors of a fanout worker: its own listeners, those it accepts on for a sibling that is down, and who is
let in there.
"""

import math
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from engine.access.bans import Ban
from engine.config import Config, load
from tests.engine.proxy.headers import LOCAL, v1
from tests.workers.control.house import Lines
from workers.fanout import proxy_door
from workers.fanout.audience import Audience
from workers.fanout.guard import Guard
from workers.fanout.main import DOORS, INSIDE_TLS, Door, Doors
from workers.runtime.bans import write_bans
from workers.runtime.bus import Descriptors, Envelope
from workers.runtime.messages import Lend, TakeBack
from workers.runtime.worker import Worker

ENVELOPE = Envelope(0, 0)


def listening() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return listener


async def test_worker_that_is_lent_a_siblings_doors_accepts_at_both_of_them() -> None:
    listeners = {kind: [listening(), listening()] for kind in (*DOORS, *INSIDE_TLS)}
    worker = SimpleNamespace(
        listeners=listeners, own_listener=lambda kind: listeners[kind][0], config=Config()
    )
    visitors, opened = trio.open_memory_channel[str](8)

    def door(kind: str) -> Door:
        async def serve(audience: Audience, sock: socket.socket, remote: str) -> None:
            sock.close()
            await visitors.send(kind)

        return serve

    by_kind = {kind: door(kind) for kind in listeners}
    async with trio.open_nursery() as connections, trio.open_nursery() as accepting:
        audience = cast("Any", SimpleNamespace(guard=Guard.open()))
        doors = Doors(cast("Worker", worker), audience, connections, by_kind)
        doors.open(accepting)
        await doors.lend(Lend(1), ENVELOPE, Descriptors())
        for kind, (own, lent) in listeners.items():
            for listener in (own, lent):
                with socket.create_connection(listener.getsockname()):
                    assert await opened.receive() == kind
        await doors.take_back(TakeBack(1), ENVELOPE, Descriptors())
        await doors.lend(Lend(1), ENVELOPE, Descriptors())
        with socket.create_connection(listeners["http"][1].getsockname()):
            assert await opened.receive() == "http"
        accepting.cancel_scope.cancel()
    for pair in listeners.values():
        for listener in pair:
            listener.close()


# -- behind a proxy that says whom it speaks for

BEHIND_A_PROXY = """
[access]
trusted_proxies = ["127.0.0.1"]
proxy_protocol = ["rtmp"]
[addresses]
max_connections = 2
exempt = ""
"""
CLIENT, OTHER = ip_address("192.0.2.7"), ip_address("192.0.2.8")


class Report:
    """What was counted of those who did not get in."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def handshake_failed(self, kind: str, reason: str) -> None:
        self.failed.append(reason)


class ProxiedDoor:
    """One door; who gets in stays until it leaves."""

    def __init__(self, nursery: trio.Nursery, folder: Path) -> None:
        self.folder = folder
        self.report, self.lines = Report(), Lines()
        self._listener = listening()
        self._inside, self._heard = trio.open_memory_channel[str](16)
        config = load(BEHIND_A_PROXY, {})
        worker = SimpleNamespace(
            listeners={"rtmp": [self._listener]},
            own_listener=lambda kind: self._listener,
            config=config,
            log=self.lines.logger(),
        )
        audience = SimpleNamespace(guard=Guard(config, 1, folder), report=self.report)
        self._doors = Doors(
            cast("Worker", worker), cast("Audience", audience), nursery, {"rtmp": self._serve}
        )
        self._doors.open(nursery)

    async def _serve(self, audience: Audience, sock: socket.socket, remote: str) -> None:
        with sock:
            self._inside.send_nowait(remote)
            await trio.lowlevel.wait_readable(sock)  # until it leaves
        self._inside.send_nowait("")

    async def came_in(self) -> str:
        """Who has come in, or "" for one that has left."""
        return await self._heard.receive()

    def connect(self, header: bytes = b"") -> socket.socket:
        """A connection of the proxy's."""
        sock = socket.create_connection(self._listener.getsockname())
        sock.sendall(header)
        sock.setblocking(False)
        return sock

    async def is_closed(self, sock: socket.socket) -> bool:
        """Wait for the end of a connection that is not let in."""
        await trio.lowlevel.wait_readable(sock)
        return sock.recv(1) == b""

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
async def door(
    nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ProxiedDoor]:
    monkeypatch.setattr(proxy_door, "PROXY_S", math.inf)  # the silent ones wait, however slow this machine is
    opened = ProxiedDoor(nursery, tmp_path)
    yield opened
    nursery.cancel_scope.cancel()
    opened.close()


async def test_behind_a_proxy_each_client_has_what_an_address_may_have(door: ProxiedDoor) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(door.connect()) for _ in range(5)]  # more than an address may have
        here = [stack.enter_context(door.connect(v1(CLIENT, 4000 + number))) for number in range(2)]
        assert {await door.came_in() for _ in here} == {"192.0.2.7:4000", "192.0.2.7:4001"}
        assert await door.is_closed(stack.enter_context(door.connect(v1(CLIENT, 4002))))
        assert door.report.failed == ["address_connections"]
        assert [line["remote"] for line in door.lines.lines] == ["192.0.2.7:4002"]
        stack.enter_context(door.connect(v1(OTHER, 5000)))
        assert await door.came_in() == "192.0.2.8:5000"
        here[0].close()
        assert await door.came_in() == ""
        silent[0].sendall(v1(CLIENT, 4003))
        assert await door.came_in() == "192.0.2.7:4003"


async def test_behind_a_proxy_it_is_the_client_who_is_banned(door: ProxiedDoor) -> None:
    def ban(address: str) -> None:
        banned = Ban(id="1", kind="address", value=address, reason="", since_s=time.time(), until_s=None)
        write_bans(door.folder, [banned])

    with ExitStack() as stack:
        ban("192.0.2.7/32")
        assert await door.is_closed(stack.enter_context(door.connect(v1(CLIENT, 4000))))
        assert door.report.failed == ["banned"]
        ban("127.0.0.0/8")  # where the proxy is
        stack.enter_context(door.connect(v1(CLIENT, 4001)))
        assert await door.came_in() == "192.0.2.7:4001"
        assert await door.is_closed(stack.enter_context(door.connect(LOCAL)))  # it speaks for itself
        assert door.report.failed == ["banned", "banned"]
