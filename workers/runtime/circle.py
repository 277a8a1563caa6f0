"""Many UDP connections served by one task.

A packet every two milliseconds is too much for a task switch each, and nothing is in a hurry: a receiver
holds media back for its latency (120 ms and more) anyway. So the circle wakes when any of its sockets has
something or any deadline has come, serves all that are due, and then rests for some milliseconds so that the
next datagrams may gather.

Why an epoll of our own below trio's: trio arms one waiting task per socket and wake-up; here one descriptor,
the epoll's own, stands for hundreds of sockets.
"""

import heapq
import math
import os
import select
import time
from typing import Final, Protocol

import trio

REST_S: Final = 0.005
"""Time for datagrams to gather, seconds: two or three of a 5 Mbit/s stream. Adds as much to the round
trip.
"""

NEVER: Final = 2**62
"""A deadline that will not come, microseconds: the member waits for its socket alone."""

IDLE_S: Final = math.inf
"""The sleep of a circle without a deadline: whoever comes or hurries rings. Looking once a second all the
same cost every worker a tenth of a percent of a core.
"""


class Member(Protocol):
    """A connection in the circle."""

    def fileno(self) -> int: ...

    def serve(self, now_us: int) -> int:
        """Do what is due; returns when to be served next at the latest, microseconds."""
        ...

    def fail(self, error: Exception) -> None:
        """`serve` has raised what it should not: end this connection, the others go on."""
        ...


def now_us() -> int:
    """The one clock of all connections: monotonic, the same in every process of the machine."""
    return time.monotonic_ns() // 1000


class Circle:
    """Serves its members until cancelled.

    Args:
        rest_s: time for what they get to gather, between two rounds.
        turn_members: those that have something to read are served at most so many at once, and then the other
            tasks have their turn; -1 for all.
    """

    def __init__(self, rest_s: float = REST_S, turn_members: int = -1) -> None:
        self._rest_s = rest_s
        self._turn_members = turn_members
        self._epoll = select.epoll()
        self._members: dict[int, Member] = {}
        self._deadlines: list[tuple[int, int]] = []  # (when, descriptor); stale ones are passed over
        self._due: dict[int, int] = {}
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)  # wakes the circle for a change of plans
        self._epoll.register(self._bell, select.EPOLLIN)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, member: Member) -> None:
        """Serve `member` from now on, beginning at once."""
        descriptor = member.fileno()
        self._members[descriptor] = member
        self._epoll.register(descriptor, select.EPOLLIN)
        self._schedule(descriptor, 0)
        os.eventfd_write(self._bell, 1)

    def remove(self, member: Member) -> None:
        """Stop serving; before its socket is closed. Harmless for one that is not there."""
        descriptor = member.fileno()
        if self._members.get(descriptor) is member:
            del self._members[descriptor], self._due[descriptor]
            if not self._epoll.closed:
                self._epoll.unregister(descriptor)

    def hurry(self, member: Member, when_us: int) -> None:
        """Serve `member` at `when_us`, if that is sooner than planned."""
        descriptor = member.fileno()
        if when_us < self._due.get(descriptor, 0):
            self._schedule(descriptor, when_us)
            os.eventfd_write(self._bell, 1)

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            while True:
                with trio.move_on_after(self._next_deadline_s()):
                    await trio.lowlevel.wait_readable(self._epoll.fileno())
                self._serve_due()
                await trio.sleep(self._rest_s)
        finally:
            self.close()

    def close(self) -> None:
        """Give up the descriptors; members keep theirs."""
        if not self._epoll.closed:
            self._epoll.close()
            os.close(self._bell)

    def _next_deadline_s(self) -> float:
        while self._deadlines and self._due.get(self._deadlines[0][1]) != self._deadlines[0][0]:
            heapq.heappop(self._deadlines)
        if not self._deadlines:
            return IDLE_S
        return max(0.0, (self._deadlines[0][0] - now_us()) * 1e-6)

    def _serve_due(self) -> None:
        now = now_us()
        ready = {descriptor for descriptor, _ in self._epoll.poll(0, self._turn_members)}
        if self._bell in ready:
            os.eventfd_read(self._bell)
        while self._deadlines and self._deadlines[0][0] <= now:
            when, descriptor = heapq.heappop(self._deadlines)
            if self._due.get(descriptor) == when:
                ready.add(descriptor)
        for descriptor in ready:
            member = self._members.get(descriptor)
            if member is not None:
                self._serve(member, descriptor, now_us())  # the others have taken their time

    def _serve(self, member: Member, descriptor: int, now: int) -> None:
        try:
            when = member.serve(now)
        except Exception as error:  # a bug, and that of one connection
            member.fail(error)
            self.remove(member)
            return
        if descriptor in self._members:
            self._schedule(descriptor, when)

    def _schedule(self, descriptor: int, when_us: int) -> None:
        if self._due.get(descriptor) != when_us:
            self._due[descriptor] = when_us
            if when_us >= NEVER:
                return  # no stale entry of it must stay in the heap for ever
            heapq.heappush(self._deadlines, (when_us, descriptor))
