"""A breaker that is seen: each transition is a log line, a count, and a word on the board.

A breaker belongs to one process, which learns by its own calls; but what a process has learnt outlives it.
The board keeps it for the successor in the same slot, which begins with the known state: a worker that dies
while a service is down must not send the next one into five time-outs first. What siblings know is not taken
over: that a service cannot be reached from there is no proof that it cannot be reached from here, and each
finds out in five calls.

The state as a metric is read off the board by whoever is scraped (workers/control/breakers.py): a dependency
may have several services, and a figure of this process would say what the last of them did.
"""

import time
from typing import Final, NoReturn, Protocol

import trio

from engine.policy.breaker import Breaker, BreakerLimits, BreakerState, KnownState
from engine.policy.outside import BreakerOpen
from shm.breakers import BreakerEntry
from workers.runtime.metrics import Child

NS_PER_S: Final = 1_000_000_000
STATE_NAMES: Final = {
    BreakerState.CLOSED: "closed",
    BreakerState.HALF_OPEN: "half_open",
    BreakerState.OPEN: "open",
}


class Binder(Protocol):
    """The part of the runtime's metrics that is used here."""

    def bind(self, name: str, **labels: str) -> Child: ...


class Log(Protocol):
    """The part of a logger that is used here."""

    def info(self, event: str, **fields: object) -> object: ...

    def warning(self, event: str, **fields: object) -> object: ...


class WatchedBreaker:
    """The breaker of one dependency. Without an `entry` on the board it is this process's alone."""

    def __init__(
        self, dependency: str, limits: BreakerLimits, *, entry: BreakerEntry | None, metrics: Binder, log: Log
    ) -> None:
        self.dependency = dependency
        self._machine = Breaker(limits)
        self._entry = entry
        self._log = log
        self._moves = {
            state: metrics.bind("fanlight_breaker_transitions_total", dependency=dependency, to=name)
            for state, name in STATE_NAMES.items()
        }
        self._refused = metrics.bind(
            "fanlight_outside_rejections_total", dependency=dependency, reason=BreakerOpen.reason
        )
        self._recall()

    @property
    def state(self) -> BreakerState:
        return self._machine.state

    def configure(self, limits: BreakerLimits) -> None:
        """Take new limits from a reload; the state stays."""
        self._machine.limits = limits

    def check(self) -> None:
        """Raises BreakerOpen if a call would not be let in."""
        now = trio.current_time()
        if self._machine.refuses(now):
            self._refuse(now)

    def admit(self) -> int:
        """A ticket, to be handed back to one of the three below. Raises BreakerOpen."""
        before, now = self._machine.state, trio.current_time()
        ticket = self._machine.admit(now)
        if ticket is None:
            self._refuse(now)
        if self._machine.state is not before:
            self._tell()
        return ticket

    def succeeded(self, ticket: int) -> None:
        before = self._machine.state, self._machine.failures
        self._machine.succeeded(ticket)
        self._note(*before)

    def failed(self, ticket: int) -> None:
        before = self._machine.state, self._machine.failures
        self._machine.failed(ticket, trio.current_time())
        self._note(*before)

    def abandoned(self, ticket: int) -> None:
        self._machine.abandoned(ticket)

    def forget(self) -> None:
        """The service is not called any more: nobody is told of it from now on."""
        if self._entry is not None:
            self._entry.give_back()
            self._entry = None

    def _refuse(self, now: float) -> NoReturn:
        self._refused.inc()
        if self._entry is not None:
            self._entry.rejections += 1
        raise BreakerOpen(self.dependency, self._machine.retry_in(now))

    def _note(self, state: BreakerState, failures: int) -> None:
        if self._machine.failures != failures and self._entry is not None:
            self._entry.failures = self._machine.failures
        if self._machine.state is not state:
            self._tell()

    def _tell(self) -> None:
        machine = self._machine
        retry_in_s = machine.retry_in(trio.current_time())
        self._moves[machine.state].inc()
        if self._entry is not None:
            self._entry.move(machine.state, int(retry_in_s * NS_PER_S), time.monotonic_ns())
        fields: dict[str, object] = {
            "dependency": self.dependency,
            "state": STATE_NAMES[machine.state],
            "failures": machine.failures,
            "retry_in_s": round(retry_in_s, 3),
        }
        if machine.state is BreakerState.OPEN:
            self._log.warning("breaker_moved", **fields)
        else:
            self._log.info("breaker_moved", **fields)

    def _recall(self) -> None:
        """Begin where the slot's previous process ended."""
        entry = self._entry
        if entry is not None and entry.state in STATE_NAMES:
            open_for_s = (entry.retry_at_ns - time.monotonic_ns()) / NS_PER_S
            known = KnownState(BreakerState(entry.state), entry.failures, open_for_s)
            self._machine.recall(known, trio.current_time())
