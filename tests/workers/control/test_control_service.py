"""The control role from `serve` to drained; the other workers are played by the test."""

import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
import trio
import trio.testing

from engine.config import Config, Hooks, Log
from shm.board import WorkerState
from tests.workers.control.house import SLOTS, CountingMetrics, House, Lines
from workers.control import host_watch
from workers.control.main import serve
from workers.control.service import ORDERS_ARRIVE_S
from workers.runtime.bus import Bus
from workers.runtime.metrics import Metrics
from workers.runtime.worker import API, METRICS, Worker


class MetricsOnDisk(CountingMetrics):
    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory


def listener() -> socket.socket:
    opened = socket.create_server(("127.0.0.1", 0))
    opened.setblocking(False)
    return opened


@pytest.fixture
def worker(house: House, lines: Lines, tmp_path: Path) -> Iterator[Worker]:
    seated = Worker(
        slot=SLOTS[3],
        slots=SLOTS,
        config=Config(),
        arena=house.arena,
        board=house.board,
        cell=house.board.worker(3),
        directory=house.directory,
        listeners={API: [listener()], METRICS: [listener()]},
        doorbells={},
        bus=cast("Bus", house.bus),
        log=lines.logger(),
        metrics=cast("Metrics", MetricsOnDisk(tmp_path)),
        srt_secret=b"",
    )
    yield seated
    seated.close_listeners()


@pytest.fixture
async def running(worker: Worker, nursery: trio.Nursery) -> AsyncIterator[Worker]:
    nursery.start_soon(serve, worker)
    with trio.fail_after(10):
        await worker.is_ready.wait()
    yield worker
    worker.drain(0)


async def ask(worker: Worker, kind: str, path: str) -> httpx.Response:
    host, port = worker.listeners[kind][0].getsockname()
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://{host}:{port}{path}")


async def test_both_listeners_are_served_once_it_says_ready(house: House, running: Worker) -> None:
    house.publish("live/a")
    streams = (await ask(running, API, "/api/v1/streams")).json()["streams"]
    assert [stream["name"] for stream in streams] == ["live/a"]
    text = (await ask(running, METRICS, "/metrics")).text
    assert 'fanlight_streams{state="live"} 1.0' in text


async def paths_of_disks(worker: Worker) -> set[str]:
    text = (await ask(worker, METRICS, "/metrics")).text
    return set(re.findall(r'^fanlight_host_disk_ratio{path="([^"]+)"}', text, re.MULTILINE))


async def until_disks_are(worker: Worker, paths: set[Path]) -> None:
    wanted = {str(path) for path in paths}
    with trio.fail_after(10):
        while await paths_of_disks(worker) != wanted:  # noqa: ASYNC110 - a thread tells nobody
            await trio.sleep(0.05)


async def test_the_folder_of_the_log_is_watched_and_follows_a_reload(
    worker: Worker, nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_watch, "LOOK_S", 0.05)
    always = {Path("/"), worker.metrics.directory.parent}
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    worker.config = Config(log=Log(file=str(old / "engine.log")), hooks=Hooks(folder=str(tmp_path / "none")))
    nursery.start_soon(serve, worker)
    await worker.is_ready.wait()
    await until_disks_are(worker, always | {old})
    worker.reload(Config(log=Log(file=str(new / "engine.log")), hooks=worker.config.hooks))
    await until_disks_are(worker, always | {new})
    worker.drain(0)


async def test_while_others_drain_it_goes_on_answering_and_says_not_ready(
    house: House, worker: Worker, nursery: trio.Nursery
) -> None:
    done = trio.Event()

    async def live() -> None:
        await serve(worker)
        done.set()

    nursery.start_soon(live)
    await worker.is_ready.wait()
    address = worker.listeners[METRICS][0].getsockname()
    for slot in SLOTS[:3]:
        house.seat(slot.number, state=WorkerState.DRAINING)
    worker.drain(30)
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://{address[0]}:{address[1]}/readyz")
    assert (answer.status_code, done.is_set()) == (503, False)
    for slot in SLOTS[:3]:
        house.seat(slot.number, state=WorkerState.GONE)
    with trio.fail_after(10):
        await done.wait()


async def test_alone_told_to_leave_it_leaves(worker: Worker, autojump_clock: trio.testing.MockClock) -> None:
    worker.drain(30)
    await serve(worker)
    assert trio.current_time() == pytest.approx(ORDERS_ARRIVE_S, abs=0.1)
