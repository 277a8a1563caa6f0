"""Events through a service that is down for a while, a sender that is killed again and again, and a worker
that is killed: each arrives, in the order of its stream, and each start has one end.

Nobody waits for a time: the service comes once so many events are on disk, and a sender is killed once it has
delivered some.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
from tests.workers.control.hooks.worker_process import SLOT as MORTAL
from workers.runtime import hook_line
from workers.runtime.bus import Bus
from workers.runtime.hook_line import HookLine
from workers.runtime.messages import HookNoticesTaken, HookVerdict
from workers.runtime.packets import open_inboxes

IS_NIGHTLY = "NIGHTLY" in os.environ
SESSIONS = 5_000 if IS_NIGHTLY else 240
DOWN_S = 60.0 if IS_NIGHTLY else 0.0
"""How long the service stays away besides: a minute by the clock is for the night."""

OF_THE_MORTAL = 10
"""Sessions of the worker that is killed."""

STREAMS = 20
LIVES = 4
PATIENCE_S = 100.0
LOOK_S = 0.02

Bodies = list[dict[str, Any]]


class Service:
    """Takes events at an address that is known before it is there."""

    def __init__(self) -> None:
        self._sock = socket.socket()
        self._sock.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._sock.getsockname()[1]}/hook"
        self.bodies: Bodies = []
        self._goes_on = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    def begin(self, prompt: int) -> None:
        """Be there from now on. So many are answered at once; who comes then waits until `go_on`."""
        bodies, goes_on = self.bodies, self._goes_on

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                if len(bodies) >= prompt:
                    goes_on.wait()
                with suppress(ConnectionError):  # the sender that waited for it is dead
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

    def go_on(self) -> None:
        """Answer everybody from now on."""
        self._goes_on.set()

    def events(self) -> set[str]:
        """The ids of all that has arrived."""
        return {body["event_id"] for body in list(self.bodies)}

    def close(self) -> None:
        self.go_on()
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


class Engine:
    """What the supervisor holds, and processes to be killed: one sender after another, and a worker."""

    def __init__(self, spool: Path, url: str) -> None:
        self.arena = Arena.create(Geometry(workers=3, streams=1, ring_bytes=1024 * 1024, index_entries=1024))
        self.inboxes = open_inboxes((0, 1, MORTAL))
        self.spool = spool
        self._config = f'[hooks]\nurl = "{url}"\nfolder = "{spool}"\n[outgoing]\nallow = ["127.0.0.1/32"]'
        self._sender: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    def begin_sender(self) -> None:
        """The next one; it serves when this returns."""
        outboxes = {slot: self.inboxes[slot][1].fileno() for slot in (0, MORTAL)}
        self._sender = self._begin(
            "sender_process",
            [*outboxes.values(), self.inboxes[1][0].fileno()],
            {"inbox": self.inboxes[1][0].fileno(), "outboxes": outboxes, "config": self._config},
        )

    def begin_worker(self) -> None:
        """It has told of all its sessions, and the sender has them on disk, when this returns."""
        inbox, outbox = self.inboxes[MORTAL][0].fileno(), self.inboxes[1][1].fileno()
        given = {"inbox": inbox, "outbox": outbox, "control": 1, "sessions": OF_THE_MORTAL}
        self._worker = self._begin("worker_process", [inbox, outbox], given)

    def _begin(self, module: str, fds: list[int], given: dict[str, Any]) -> subprocess.Popen[bytes]:
        ready, say_ready = os.pipe()
        given |= {"arena": self.arena.fd, "ready": say_ready}
        child = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.{module}", json.dumps(given)],
            pass_fds=[*fds, self.arena.fd, say_ready],
        )
        os.close(say_ready)  # the child alone has it: the pipe ends if that dies before it is ready
        with open(ready, "rb", buffering=0) as pipe:
            said = pipe.read(1)
        assert said == b".", f"{module} ended with {child.wait()}"
        return child

    def kill_sender(self) -> None:
        end(self._sender)
        self._sender = None

    def kill_worker(self) -> None:
        """And have somebody else in its place, as the supervisor does."""
        end(self._worker)
        self._worker = None
        Board(self.arena).worker(MORTAL).pid = os.getpid()

    def close(self) -> None:
        end(self._sender)
        end(self._worker)
        for pair in self.inboxes.values():
            for one in pair:
                one.close()
        self.arena.close()


def end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture
def there() -> Iterator[Service]:
    with service() as made:
        yield made


@pytest.fixture
def engine(tmp_path: Path, there: Service) -> Iterator[Engine]:
    made = Engine(tmp_path / "spool", there.url)
    try:
        yield made
    finally:
        made.close()


def session(number: int, holder: Holder) -> Session:
    return Session(
        id=f"s{number}", kind="play", stream=f"live/{number % STREAMS}", holder=holder, began_ms=number
    )


@pytest.fixture
def _is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed sender had not confirmed is said again at once, and nobody gives up on one."""
    monkeypatch.setattr(hook_line, "CONFIRM_S", 0.2)
    monkeypatch.setattr(hook_line, "FLUSH_S", PATIENCE_S)


@pytest.mark.slow
@pytest.mark.hard_timeout(600 if IS_NIGHTLY else 120)
@pytest.mark.usefixtures("_is_quick")
async def test_each_event_arrives_in_the_order_of_its_stream(engine: Engine, there: Service) -> None:
    holder = Holder(0, os.getpid(), start_ticks(os.getpid()))
    cell = Board(engine.arena).worker(0)
    cell.start_time, cell.pid = holder.start_ticks, holder.pid
    log = cast("Any", structlog.wrap_logger(logging.getLogger("worker")))
    bus = Bus(0, engine.inboxes[0][0], {1: engine.inboxes[1][1]}, log)
    line = HookLine(bus, 1, holder, log, Counts())
    bus.handle(HookVerdict, line.take_verdict)
    bus.handle(HookNoticesTaken, line.take_confirmation)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.run)
        nursery.start_soon(line.run)
        with trio.fail_after(PATIENCE_S + DOWN_S):
            await tell_through_many_lives(line, engine, there)
            await until(lambda: len(there.events()) >= len(EVENTS))
        nursery.cancel_scope.cancel()
    assert there.events() == EVENTS
    assert ends_of(there.bodies) == ENDS
    assert out_of_order(there.bodies) == {}


async def tell_through_many_lives(line: HookLine, engine: Engine, there: Service) -> None:
    """Two lives of the sender with nobody to deliver to, where the worker dies; then two with a service."""
    await in_thread(engine.begin_sender)
    await in_thread(engine.begin_worker)
    tell(line, 0)
    await trio.lowlevel.checkpoint()
    await in_thread(engine.kill_sender)  # while it takes what it is told
    await in_thread(engine.kill_worker)
    await in_thread(engine.begin_sender)
    tell(line, 1)
    await line.flush()  # all of it is on disk
    await trio.sleep(DOWN_S)
    assert there.bodies == []
    await in_thread(engine.kill_sender)
    there.begin(prompt=SESSIONS // LIVES)
    await in_thread(engine.begin_sender)
    tell(line, 2)
    await until(lambda: len(there.events()) >= SESSIONS // LIVES)
    await in_thread(engine.kill_sender)  # while it delivers
    assert there.events() < events_of(IDS[: 3 * SESSIONS // LIVES] + IDS[SESSIONS:]), "it had nothing left"
    there.go_on()
    await in_thread(engine.begin_sender)
    tell(line, 3)


def tell(line: HookLine, life: int) -> None:
    """A quarter of all sessions, each of them whole."""
    each = SESSIONS // LIVES
    for number in range(life * each, (life + 1) * each):
        line.tell(Began(session(number, line.holder)))
        line.tell(Ended(f"s{number}", "closed"))


async def in_thread(work: Callable[[], None]) -> None:
    await trio.to_thread.run_sync(work)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the service's threads tell nobody
        await trio.sleep(LOOK_S)


IDS = [*(f"s{number}" for number in range(SESSIONS)), *(f"w{number}" for number in range(OF_THE_MORTAL))]


def events_of(ids: list[str]) -> set[str]:
    """The ids of all events of these sessions."""
    return {f"{one}.{moment}" for one in ids for moment in ("start", "end")}


EVENTS = events_of(IDS)
ENDS = Counter(closed=SESSIONS + OF_THE_MORTAL // 2, worker_death=OF_THE_MORTAL - OF_THE_MORTAL // 2)
"""Of all sessions, by reason: whom the worker left open when it was killed, its death has ended."""


def ends_of(bodies: Bodies) -> Counter[str]:
    """How the sessions ended, each event once however often it came."""
    ended = {body["event_id"]: body["reason"] for body in bodies if body["event_id"].endswith(".end")}
    return Counter(ended.values())


def out_of_order(bodies: Bodies) -> dict[str, list[int]]:
    """Streams whose events did not first arrive as 1, 2, 3 and so on, with what they had instead."""
    arrived: dict[str, dict[str, int]] = {}
    for body in bodies:
        arrived.setdefault(body["name"], {}).setdefault(body["event_id"], int(body["sequence"]))
    found = {name: list(numbers.values()) for name, numbers in arrived.items()}
    return {name: numbers for name, numbers in found.items() if numbers != [*range(1, len(numbers) + 1)]}
