"""Events through a service that is down for a while and a sender that is killed again and again: each
arrives, in the order of its stream, and nothing is asked of the worker but to go on.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
import trio
import trio.lowlevel

from engine.hooks.notices import Began, Ended
from engine.hooks.sessions import Holder, Session
from shm.arena import Arena
from shm.board import Board
from shm.layout import Geometry
from shm.process import start_ticks
from tests.workers.control.hooks.office import Counts
from workers.runtime.bus import Bus
from workers.runtime.hook_line import HookLine
from workers.runtime.messages import HookNoticesTaken, HookVerdict
from workers.runtime.packets import open_inboxes

SESSIONS = 5_000 if "NIGHTLY" in os.environ else 400
STREAMS = 20
LIVES = 4
PATIENCE_S = 100.0
LOOK_S = 0.05


class Service:
    """Takes events at an address that is known before it is there."""

    def __init__(self) -> None:
        self._sock = socket.socket()
        self._sock.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._sock.getsockname()[1]}/hook"
        self.bodies: list[dict[str, Any]] = []
        self._server: ThreadingHTTPServer | None = None

    def begin(self) -> None:
        """Be there from now on."""
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-length", "1")
                self.end_headers()
                self.wfile.write(b"0")

            def log_message(self, *_args: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = self._sock
        self._server.daemon_threads = True
        self._server.server_activate()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
        self._sock.close()


@contextmanager
def service() -> Iterator[Service]:
    made = Service()
    try:
        yield made
    finally:
        made.close()


class Lives:
    """One sender after another, each with what the supervisor holds for it."""

    def __init__(self, folder: Path, url: str, arena: Arena, inboxes: dict[int, tuple[Any, Any]]) -> None:
        self._ready, ready = os.pipe()
        kept = {"inbox": inboxes[1][0].fileno(), "outbox": inboxes[0][1].fileno(), "arena": arena.fd}
        config = f'[hooks]\nurl = "{url}"\nfolder = "{folder}"\n[outgoing]\nallow = ["127.0.0.1/32"]'
        self._argument = json.dumps({**kept, "ready": ready, "config": config})
        self._fds = (*kept.values(), ready)
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """The next one; it serves when this returns."""
        module = "tests.workers.control.hooks.sender_process"
        self._process = subprocess.Popen([sys.executable, "-m", module, self._argument], pass_fds=self._fds)
        assert os.read(self._ready, 1) == b"."

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


def session(number: int, holder: Holder) -> Session:
    return Session(
        id=f"s{number}", kind="play", stream=f"live/{number % STREAMS}", holder=holder, began_ms=number
    )


@pytest.mark.slow
async def test_each_event_arrives_in_the_order_of_its_stream(tmp_path: Path) -> None:
    arena = Arena.create(Geometry(workers=2, streams=1, ring_bytes=1024 * 1024, index_entries=1024))
    holder = Holder(0, os.getpid(), start_ticks(os.getpid()))
    cell = Board(arena).worker(0)
    cell.start_time, cell.pid = holder.start_ticks, holder.pid
    inboxes = open_inboxes((0, 1))
    log = cast("Any", structlog.wrap_logger(logging.getLogger("worker")))
    bus = Bus(0, inboxes[0][0], {1: inboxes[1][1]}, log)
    line = HookLine(bus, 1, holder, log, Counts())
    bus.handle(HookVerdict, line.take_verdict)
    bus.handle(HookNoticesTaken, line.take_confirmation)
    with service() as there:
        lives = Lives(tmp_path / "spool", there.url, arena, inboxes)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bus.run)
                nursery.start_soon(line.run)
                with trio.fail_after(PATIENCE_S):
                    await tell_through_many_lives(line, lives, there, holder)
                    await until_all_have_arrived(there)
                nursery.cancel_scope.cancel()
        finally:
            lives.kill()
    check_order(there.bodies)
    for pair in inboxes.values():
        for end in pair:
            end.close()
    arena.close()


async def tell_through_many_lives(line: HookLine, lives: Lives, there: Service, holder: Holder) -> None:
    """The service comes after half of the lives; each but the last is killed at work."""
    each = SESSIONS // LIVES
    for life in range(LIVES):
        await trio.to_thread.run_sync(lives.begin)
        if life == LIVES // 2:
            there.begin()
        for number in range(life * each, (life + 1) * each):
            line.tell(Began(session(number, holder)))
            line.tell(Ended(f"s{number}", "closed"))
            if number % 10 == 0:
                await trio.lowlevel.checkpoint()
        await trio.sleep(0.3)
        if life < LIVES - 1:
            await trio.to_thread.run_sync(lives.kill)


async def until_all_have_arrived(there: Service) -> None:
    while arrived(there) < 2 * SESSIONS:  # noqa: ASYNC110 - the service's threads tell nobody
        await trio.sleep(LOOK_S)


def arrived(there: Service) -> int:
    return len({body["event_id"] for body in list(there.bodies)})


def check_order(bodies: list[dict[str, Any]]) -> None:
    """The first arrivals of each stream are in the order in which they were told, without a gap."""
    assert {body["event_id"] for body in bodies} == {
        f"s{number}.{moment}" for number in range(SESSIONS) for moment in ("start", "end")
    }
    for stream in range(STREAMS):
        arrived = [body for body in bodies if body["name"] == f"live/{stream}"]
        first = {body["event_id"]: int(body["sequence"]) for body in reversed(arrived)}
        in_order = list(dict.fromkeys(body["event_id"] for body in arrived))
        assert [first[event] for event in in_order] == sorted(first.values())
        numbers = range(stream, SESSIONS, STREAMS)
        assert in_order == [f"s{number}.{moment}" for number in numbers for moment in ("start", "end")]
