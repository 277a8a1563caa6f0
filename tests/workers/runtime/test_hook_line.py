"""A worker's line to the sender of webhooks: never waits where it must not, loses nothing while it lives."""

import logging
import socket
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import structlog
import trio
from trio.testing import MockClock

from engine.config import load
from engine.config.tree import Hooks
from engine.hooks.notices import AnyNotice, Began, Ended
from engine.hooks.reply import Verdict
from engine.hooks.sessions import Holder, Session
from workers.runtime.bus import BusFull, Envelope
from workers.runtime.hook_line import BATCH, CONFIRM_S, MAX_TOLD, HookLine
from workers.runtime.messages import AnyMessage, HookAsk, HookNotices, HookNoticesTaken, HookVerdict
from workers.runtime.packets import MAX_PACKET_BYTES, Descriptors, Packet, send_packet

FROM_CONTROL = Envelope(9, 0)
HOLDER = Holder(1, 2, 3)
HOOKS = load('[hooks]\nurl = "http://hooks.example/"', {}).hooks


def session(number: int = 1, kind: str = "publish") -> Session:
    return Session(id=f"s{number}", kind=cast("Any", kind), stream="live/cam", holder=HOLDER, began_ms=number)


class Counter:
    def __init__(self) -> None:
        self.count = 0.0

    def inc(self, amount: float = 1) -> None:
        self.count += amount

    dec = set = observe = inc

    def bind(self, name: str, **labels: str) -> "Counter":
        return self


class Control:
    """Takes what the line sends. `deaf` swallows it, `full` refuses it."""

    def __init__(self) -> None:
        self.line: HookLine
        self.dropped = Counter()
        self.deaf = self.full = False
        self.batches: list[HookNotices] = []
        self.asks: list[HookAsk] = []
        self.verdicts: deque[Verdict] = deque()

    async def send(self, to: int, message: AnyMessage) -> None:
        assert to == FROM_CONTROL.source
        await trio.lowlevel.checkpoint()
        if self.full:
            raise BusFull("full")
        if self.deaf:
            return
        if isinstance(message, HookNotices):
            self.batches.append(message)
            await self.line.take_confirmation(HookNoticesTaken(message.batch), FROM_CONTROL, Descriptors())
        elif isinstance(message, HookAsk):
            self.asks.append(message)
            if self.verdicts:
                answer = HookVerdict(message.number, self.verdicts.popleft())
                await self.line.take_verdict(answer, FROM_CONTROL, Descriptors())

    @property
    def heard(self) -> list[AnyNotice]:
        return [notice for batch in self.batches for notice in batch.notices]


@pytest.fixture
async def control(nursery: trio.Nursery) -> AsyncIterator[Control]:
    control = Control()
    log = cast("Any", structlog.wrap_logger(logging.getLogger("line")))
    control.line = HookLine(control, FROM_CONTROL.source, HOLDER, log, control.dropped)
    nursery.start_soon(control.line.run)
    yield control
    nursery.cancel_scope.cancel()


async def test_the_answer_is_the_senders(control: Control, autojump_clock: MockClock) -> None:
    control.verdicts.append(Verdict(allowed=False, reason="no"))
    verdict = await control.line.begin(session(), HOOKS)
    assert (verdict.allowed, verdict.reason) == (False, "no")
    assert control.asks[0].timeout_s < HOOKS.timeout_s


@pytest.mark.parametrize(("kind", "allowed"), [("publish", False), ("play", True)])
async def test_a_silent_sender_costs_the_time_out_and_no_more(
    control: Control, autojump_clock: MockClock, kind: str, *, allowed: bool
) -> None:
    control.deaf = True
    began_s = trio.current_time()
    verdict = await control.line.begin(session(1, kind), HOOKS)
    assert (verdict.allowed, verdict.answered) == (allowed, False)
    assert trio.current_time() - began_s == pytest.approx(HOOKS.timeout_s)


async def test_a_client_with_less_patience_is_decided_about_sooner(
    control: Control, autojump_clock: MockClock
) -> None:
    control.deaf = True
    began_s = trio.current_time()
    await control.line.begin(session(), HOOKS, patience_s=2.0)
    assert trio.current_time() - began_s == pytest.approx(2.0)


async def test_who_was_let_in_without_an_answer_is_told_of_when_the_sender_is_back(
    control: Control, autojump_clock: MockClock
) -> None:
    control.deaf = True
    await control.line.begin(session(1, "play"), HOOKS)
    control.deaf = False
    await control.line.flush()
    assert control.heard == [Began(session(1, "play"))]


async def test_an_answer_that_comes_too_late_is_nobodys(control: Control, autojump_clock: MockClock) -> None:
    await control.line.begin(session(1), HOOKS)
    late = HookVerdict(control.asks[0].number, Verdict(allowed=True))
    await control.line.take_verdict(late, FROM_CONTROL, Descriptors())
    control.verdicts.append(Verdict(allowed=False, reason="no"))
    verdict = await control.line.begin(session(2), HOOKS)
    assert (verdict.allowed, verdict.reason) == (False, "no")


async def test_nobody_is_asked_where_only_ends_are_told(control: Control, autojump_clock: MockClock) -> None:
    hooks = load('[hooks]\non_unpublish = "http://hooks.example/"', {}).hooks
    assert (await control.line.begin(session(), hooks)).allowed
    await control.line.flush()
    assert (control.asks, control.heard) == ([], [Began(session())])


async def test_nothing_is_said_where_there_are_no_hooks(control: Control, autojump_clock: MockClock) -> None:
    assert (await control.line.begin(session(), Hooks())).allowed
    await control.line.flush()
    assert (control.asks, control.heard) == ([], [])


async def test_what_is_not_confirmed_is_said_again_in_the_same_words(
    control: Control, autojump_clock: MockClock
) -> None:
    control.deaf = True
    control.line.tell(Ended("s1", "finished"))
    await trio.sleep(3 * CONFIRM_S)
    control.full, control.deaf = True, False
    await trio.sleep(3 * CONFIRM_S)
    control.full = False
    await trio.sleep(2 * CONFIRM_S)
    assert control.heard == [Ended("s1", "finished")]


async def test_notices_arrive_in_order_and_in_batches(control: Control, autojump_clock: MockClock) -> None:
    notices = [Ended(f"s{number}", "finished") for number in range(3 * BATCH)]
    for notice in notices:
        control.line.tell(notice)
    await control.line.flush()
    assert control.heard == notices
    assert len(control.batches) == 3


async def test_a_sender_that_stays_away_costs_the_oldest_notices_and_no_memory(
    control: Control, autojump_clock: MockClock
) -> None:
    control.deaf = True
    for number in range(MAX_TOLD + 5):
        control.line.tell(Ended(f"s{number}", "finished"))
    assert control.dropped.count == 5
    control.deaf = False
    await control.line.flush()
    assert control.heard[0] == Ended("s5", "finished")


async def test_a_worker_that_leaves_does_not_wait_for_ever(
    control: Control, autojump_clock: MockClock
) -> None:
    control.deaf = True
    control.line.tell(Ended("s1", "finished"))
    began_s = trio.current_time()
    await control.line.flush()
    assert trio.current_time() - began_s < 3


def test_the_longest_batch_fits_a_packet() -> None:
    name = "/".join(["x" * 64] * 4)
    longest = Session(
        id="f" * 40,
        kind="publish",
        stream=name,
        asked=name,
        holder=HOLDER,
        began_ms=2**50,
        client_id="ingest99-" + "f" * 12,
        connection_id="fanout99-" + "f" * 12,
        request_id="r" * 64,
        ip="f" * 45,
        protocol="http-flv",
        param="\U0001f3a5" * 1024,
        user_agent="\U0001f3a5" * 256,
    )
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        message = HookNotices(2**41, [Began(longest)] * BATCH)
        send_packet(ours, Packet(1, 0, False, message))
        assert len(theirs.recv(MAX_PACKET_BYTES)) < MAX_PACKET_BYTES
