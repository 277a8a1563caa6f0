"""The circle: each member is served when something came or its time has come, whatever the others do."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import trio
from trio.testing import MockClock

from workers.runtime import circle as module
from workers.runtime.circle import REST_S, Circle

AN_HOUR_S = 3600.0
MS = 1_000
FAR_US = 1 << 62


def fake_now_us() -> int:
    return round(trio.current_time() * 1e6)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> MockClock:
    """One clock for trio and the circle, which jumps where nobody has anything to do."""
    monkeypatch.setattr(module, "now_us", fake_now_us)
    return autojump_clock


class Member:
    """Reads its socket dry, notes when it was served, and says when it wants to be served next."""

    def __init__(self, plan: Callable[[int], int] = lambda now_us: FAR_US) -> None:
        self.sock, self.peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.served_us: list[int] = []
        self.received: list[bytes] = []
        self.failures: list[Exception] = []
        self._plan = plan

    def fileno(self) -> int:
        return self.sock.fileno()

    def serve(self, now_us: int) -> int:
        self.served_us.append(now_us)
        try:
            while True:
                self.received.append(self.sock.recv(100))
        except BlockingIOError:
            return self._plan(now_us)

    def fail(self, error: Exception) -> None:
        self.failures.append(error)

    def close(self) -> None:
        self.sock.close()
        self.peer.close()


@contextmanager
def members(*plans: Callable[[int], int]) -> Iterator[list[Member]]:
    made = [Member(plan) for plan in plans]
    yield made
    for member in made:
        member.close()


@asynccontextmanager
async def running(*first: Member) -> AsyncIterator[Circle]:
    circle = Circle()
    async with trio.open_nursery() as nursery:
        for member in first:
            circle.add(member)
        nursery.start_soon(circle.run)
        yield circle
        nursery.cancel_scope.cancel()


def never(now_us: int) -> int:
    return FAR_US


def every(interval_us: int) -> Callable[[int], int]:
    return lambda now_us: now_us + interval_us


async def test_a_member_is_served_at_once_and_then_at_its_deadlines(clock: MockClock) -> None:
    with members(every(100 * MS), never) as (busy, idle):
        async with running(busy, idle):
            await trio.sleep(0.55)
        assert busy.served_us[0] == idle.served_us[0] == 0
        assert len(busy.served_us) == 6
        for turn, served_us in enumerate(busy.served_us):
            assert 0 <= served_us - turn * 100 * MS <= turn * REST_S * 1e6
        assert len(idle.served_us) == 1


async def test_what_comes_is_read_without_a_deadline(clock: MockClock) -> None:
    with members(never, never) as (one, other):
        async with running(one, other):
            await trio.sleep(AN_HOUR_S)
            one.peer.send(b"hello")
            await trio.sleep(2 * REST_S)
            assert one.received == [b"hello"]
            assert len(one.served_us) == 2
            assert len(other.served_us) == 1


async def test_datagrams_gather_while_the_circle_rests(clock: MockClock) -> None:
    with members(never) as (member,):
        async with running(member):
            await trio.sleep(AN_HOUR_S)
            member.peer.send(b"first")
            await trio.sleep(REST_S / 2)
            for number in range(5):
                member.peer.send(bytes([number]))
            await trio.sleep(3 * REST_S)
        assert len(member.received) == 6
        assert len(member.served_us) == 3


async def test_a_hurry_brings_a_deadline_forward_and_never_back(clock: MockClock) -> None:
    with members(every(900 * MS)) as (member,):
        async with running(member) as circle:
            await trio.sleep(0.1)
            circle.hurry(member, fake_now_us() + 50 * MS)
            circle.hurry(member, fake_now_us() + 500 * MS)
            await trio.sleep(0.2)
            assert len(member.served_us) == 2
            assert 150 * MS <= member.served_us[1] <= 150 * MS + 2 * REST_S * 1e6


async def test_who_has_left_is_not_served_and_cannot_be_hurried(clock: MockClock) -> None:
    with members(every(50 * MS), every(50 * MS)) as (gone, stays):
        async with running(gone, stays) as circle:
            await trio.sleep(0.1)
            circle.remove(gone)
            circle.remove(gone)
            before = len(gone.served_us)
            gone.peer.send(b"too late")
            circle.hurry(gone, 0)
            await trio.sleep(0.3)
            assert len(gone.served_us) == before
            assert len(stays.served_us) >= 6
            assert len(circle) == 1


async def test_a_member_that_fails_leaves_and_the_others_go_on(clock: MockClock) -> None:
    def broken(now_us: int) -> int:
        raise ZeroDivisionError("a bug")

    with members(broken, every(50 * MS)) as (bad, good):
        async with running(bad, good) as circle:
            await trio.sleep(0.3)
            assert [type(error) for error in bad.failures] == [ZeroDivisionError]
            assert len(bad.served_us) == 1
            assert len(good.served_us) >= 5
            assert len(circle) == 1


async def test_a_member_may_leave_others_and_itself_while_it_is_served(clock: MockClock) -> None:
    def leave_all(now_us: int) -> int:
        for member in everybody:
            circle.remove(member)
        return now_us

    with members(leave_all, leave_all) as everybody:
        async with running(*everybody) as circle:
            await trio.sleep(0.1)
            assert sum(len(member.served_us) for member in everybody) == 1
            assert len(circle) == 0


def move_to(member: Member, number: int) -> None:
    """Give its socket the descriptor `number`, which the kernel would do if no lower one were free."""
    if member.fileno() != number:
        os.dup2(member.fileno(), number, inheritable=False)
        member.sock.close()
        member.sock = socket.socket(fileno=number)


async def test_a_descriptor_that_is_used_again_belongs_to_its_new_member(clock: MockClock) -> None:
    with members(every(20 * MS)) as (old,), members(never) as (new,):
        async with running(old) as circle:
            await trio.sleep(0.1)
            number = old.fileno()
            circle.remove(old)
            old.close()
            move_to(new, number)
            circle.add(new)
            await trio.sleep(0.2)
            assert len(new.served_us) == 1
            circle.remove(new)


async def test_deadlines_that_were_replaced_are_forgotten_in_time(clock: MockClock) -> None:
    with members(every(10 * MS)) as (member,):
        async with running(member) as circle:
            for _ in range(200):
                circle.hurry(member, fake_now_us() + 2 * MS)
                await trio.sleep(0.005)
            assert len(circle._deadlines) < 20


async def test_a_circle_gives_its_descriptors_back() -> None:
    circle = Circle()
    with trio.move_on_after(0.01):
        await circle.run()
    circle.close()
    assert circle._epoll.closed
