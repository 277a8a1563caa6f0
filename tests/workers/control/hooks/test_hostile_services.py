"""Services that do everything wrong: the policy decides in time, and what is wrong has a name."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
import trio

from engine.config import Config, load
from engine.hooks.events import Stamp, start_of
from engine.hooks.reply import Verdict
from engine.hooks.settings import Kind
from shm.arena import Arena
from shm.board import Board
from shm.layout import Geometry
from tests.workers.control.hooks import hostile_services as hostile
from tests.workers.control.hooks.office import Counts, session
from workers.control.hooks.callers import PLAYERS, PUBLISHERS, Callers
from workers.control.hooks.decisions import Decision, Decisions
from workers.control.hooks.figures import Figures

TIMEOUT_S = 0.4
PATIENCE_S = 30.0

# httpcore leaves the question's generator to the collector when it cannot be sent; trio ends it, and says so.
LEAVES_A_GENERATOR = pytest.mark.filterwarnings(
    "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
)

REASONS = [
    (hostile.hang, "timed_out"),
    pytest.param(hostile.reset, "broken", marks=LEAVES_A_GENERATOR),
    (hostile.answer_500, "bad_status"),
    (hostile.drip, "timed_out"),
    (hostile.redirect, "redirected"),
    (hostile.send_without_end, "too_large"),
    (hostile.talk_garbage, "broken"),
    (hostile.half_an_answer, "broken"),
]


class Court:
    """Decides with the engine's own client."""

    def __init__(self, publishers: Callers, players: Callers) -> None:
        self.figures = Figures(Counts())
        log = cast("Any", structlog.wrap_logger(logging.getLogger("court")))
        self._decisions = Decisions({"publish": publishers, "play": players}, self.figures, log)
        self._hooks = Config().hooks

    async def decide(self, url: str, kind: Kind = "publish") -> Decision:
        body = start_of(session(1, kind), Stamp(1, 2, "test"))
        with trio.fail_after(PATIENCE_S):
            return await self._decisions.decide(kind, body, [url], self._hooks, TIMEOUT_S)

    @property
    def reason(self) -> str:
        return self.figures.failures[-1].reason


@asynccontextmanager
async def court(allow: str = '["127.0.0.1/32"]') -> AsyncIterator[Court]:
    arena = Arena.create(Geometry(workers=1, streams=1, ring_bytes=1024 * 1024, index_entries=1024))
    worker = SimpleNamespace(
        config=load(f"[outgoing]\nallow = {allow}", {}),
        metrics=Counts(),
        log=structlog.wrap_logger(logging.getLogger("court")),
        cell=Board(arena).worker(0),
    )
    callers = [Callers(cast("Any", worker), purpose) for purpose in (PUBLISHERS, PLAYERS)]
    try:
        yield Court(*callers)
    finally:
        for each in callers:
            await each.aclose()
        arena.close()


@pytest.mark.parametrize(("talk", "reason"), REASONS)
@pytest.mark.parametrize(("kind", "allowed"), [("publish", False), ("play", True)])
async def test_the_policy_decides(talk: hostile.Talk, reason: str, kind: Kind, *, allowed: bool) -> None:
    async with court() as judge, hostile.service(talk) as url:
        decision = await judge.decide(url, kind)
        assert (decision.verdict.allowed, decision.verdict.answered) == (allowed, False)
        assert decision.informed == decision.silent == (url,)
        assert judge.reason == reason


async def test_a_strange_certificate_is_no_service(tmp_path: Path) -> None:
    async with court() as judge, hostile.service_with_a_strange_certificate(tmp_path) as url:
        assert not (await judge.decide(url)).verdict.allowed
        assert judge.reason == "bad_certificate"


async def test_a_service_that_is_not_there_has_not_had_the_question() -> None:
    async with court() as judge:
        async with hostile.service(hostile.hang) as url:
            pass
        assert not (await judge.decide(url)).verdict.allowed
        assert judge.reason == "unreachable"


async def test_an_address_that_is_not_allowed_is_not_called() -> None:
    called = trio.Event()

    async def note(_stream: trio.abc.Stream) -> None:
        called.set()

    async with court("[]") as judge, hostile.service(note) as url:
        decision = await judge.decide(url)
        assert (decision.verdict.allowed, decision.informed) == (False, ())
        assert judge.reason == "forbidden"
        assert not called.is_set()


async def test_after_some_failures_nobody_is_asked_and_another_service_is_none_the_worse() -> None:
    async def is_well(stream: trio.abc.Stream) -> None:
        await hostile.read_request(stream)
        await stream.send_all(hostile.HEAD + b"Content-Length: 1\r\n\r\n0")

    async with (
        court() as judge,
        hostile.service(hostile.answer_500) as ill,
        hostile.service(is_well) as well,
    ):
        while not judge.figures.failures or judge.reason != "breaker_open":
            await judge.decide(ill)
        assert judge.figures.failed < 8
        assert (await judge.decide(well)).verdict.answered


async def test_a_service_that_fails_at_players_is_still_asked_about_publishers() -> None:
    async def cares_for_publishers(stream: trio.abc.Stream) -> None:
        question = await hostile.read_request(stream, until=b"}")
        if b"on_publish" in question:
            await stream.send_all(hostile.HEAD + b"Content-Length: 1\r\n\r\n0")

    async with court() as judge, hostile.service(cares_for_publishers) as url:
        while not judge.figures.failures or judge.reason != "breaker_open":
            await judge.decide(url, "play")
        assert (await judge.decide(url, "publish")).verdict == Verdict(allowed=True)
