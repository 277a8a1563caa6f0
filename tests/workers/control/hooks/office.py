"""The sender with everything but workers and network: a real spool in a folder, a service that the test
plays."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import structlog
import trio

from engine.config import Config, load
from engine.hooks.lanes import Lanes
from engine.hooks.notices import AnyNotice
from engine.hooks.reply import Verdict
from engine.hooks.sessions import Holder, Session
from tests.workers.control.hooks.services import FakeService
from workers.control.hooks.decisions import Decisions
from workers.control.hooks.desk import HookDesk
from workers.control.hooks.figures import Figures
from workers.control.hooks.readdress import readdress
from workers.control.hooks.sender import Sender
from workers.control.hooks.spool import Spool
from workers.runtime.stream_settings import StreamSettings

URL = "http://hooks.example/hook"
MIB = 1024 * 1024
FANOUT, INGEST = Holder(1, 100, 1), Holder(0, 200, 2)


class Counts:
    """Metrics that remember what was counted."""

    def __init__(self) -> None:
        self.counted: dict[str, float] = {}

    def bind(self, name: str, **labels: str) -> "Child":
        return Child(self.counted, ",".join([name, *labels.values()]))


class Child:
    def __init__(self, counted: dict[str, float], key: str) -> None:
        self._counted = counted
        self._key = key

    def inc(self, amount: float = 1) -> None:
        self._counted[self._key] = self._counted.get(self._key, 0) + amount

    dec = set = observe = inc


def config_of(text: str = f'[hooks]\nurl = "{URL}"') -> Config:
    return load(text, {})


def session(number: int = 1, kind: str = "publish", stream: str = "live/cam") -> Session:
    return Session(
        id=f"s{number}",
        kind=cast("Any", kind),
        stream=stream,
        holder=FANOUT,
        began_ms=1_700_000_000_000,
        client_id=f"c{number}",
    )


async def at_once(work: Callable[[], None]) -> None:
    """What blocks blocks here: under the test's clock no time passes for a thread."""
    await trio.lowlevel.checkpoint()
    work()


class SmallOffice:
    """One life of the sender."""

    def __init__(self, folder: Path, service: FakeService, config: Config, limit_bytes: int) -> None:
        log = cast("Any", structlog.wrap_logger(logging.getLogger("office")))
        self.log = log
        worker = SimpleNamespace(config=config)
        self.worker = worker
        self.counts = Counts()
        self.figures = Figures(self.counts)
        self.lanes = Lanes()
        self.dropped: list[int] = []
        self.spool = Spool(folder, limit_bytes, self._drop, log, self.counts.bind("spool_errors"), at_once)
        settings = StreamSettings(cast("Any", worker))
        book = self.spool.book
        self.sender = Sender(self.lanes, book, self.spool.append, service, settings, self.figures, log)
        decisions = Decisions({"publish": service, "play": service}, self.figures, log)
        self.desk = HookDesk(book, self.spool.append, self.sender, decisions, settings, log)

    async def reload(self, config: Config) -> None:
        old, self.worker.config = self.worker.config, config
        self.sender.hold()
        await readdress(self.spool.book, self.sender, self.spool.note, old, config, self.log)
        self.sender.go_on()

    def _drop(self, numbers: list[int]) -> None:
        self.dropped += numbers
        for number in numbers:
            self.spool.book.pending.pop(number, None)
        self.lanes.drop(set(numbers), trio.current_time())

    async def tell(self, *notices: AnyNotice) -> None:
        """As a worker does; on disk when this returns."""
        await self.spool.append(self.desk.take(notices))

    async def ask(self, asked: Session, timeout_s: float = 3.0) -> Verdict:
        """As a worker does."""
        verdict, records = await self.desk.decide(asked, timeout_s)
        await self.spool.append(records)
        return verdict

    async def until_empty(self) -> None:
        with trio.fail_after(3600):
            while len(self.lanes):  # noqa: ASYNC110 - the sender tells nobody
                await trio.sleep(0.05)

    def open_sessions(self) -> set[str]:
        return set(self.spool.book.ledger.open)


@asynccontextmanager
async def small_office(
    folder: Path,
    service: FakeService,
    config: Config | None = None,
    *,
    limit_bytes: int = 4 * MIB,
    sends: bool = True,
) -> AsyncIterator[SmallOffice]:
    """One life; at its end the folder is left as a killed process leaves it."""
    office = SmallOffice(folder, service, config or config_of(), limit_bytes)
    await office.spool.open()
    for _, event in sorted(office.spool.book.pending.items()):
        office.sender.add(event)
    async with trio.open_nursery() as nursery:
        if sends:
            nursery.start_soon(office.sender.run)
        yield office
        nursery.cancel_scope.cancel()
    office.spool.close_now()
