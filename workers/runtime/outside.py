"""Calls to the outside: bounded in time, number and stubbornness, whatever the other side does.

    outside = Outside.of(worker, "hooks", OutsideLimits(deadline_s=3))
    answer = await outside.call(lambda: ask(question))

A call is a deadline round retries round a breaker round a limiter round what is to be done. The order
matters. The deadline is outermost, since it is what the caller can afford, pauses included. Each attempt asks
the breaker anew, so that retrying ends when the service is known to be down, and counts for it. The limiter
is innermost: a refused call takes no seat, and whoever is refused a seat says nothing about the service.

Cancellation passes through untouched: what is cancelled gives its seat back, frees the trial's place if it
was the trial, and counts neither as success nor as failure. The deadline running out is a failure of the
service, but only of the attempt that was under way: a call that was still waiting for a seat, or resting
between attempts, blames nobody.

A refusal (BreakerOpen, LimiterFull) costs microseconds and does not yield to the event loop.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Final, Self, TypeVar

import trio

from engine.policy.outside import Blame, LimiterFull, OutsideError, OutsideLimits, TimedOut, blame_for
from engine.policy.retry import Chance, Retry
from engine.policy.seats import Place, Seats
from shm.breakers import BreakerEntry, BreakerTable
from workers.runtime.breaker_watch import Binder, Log, WatchedBreaker
from workers.runtime.worker import Worker

T = TypeVar("T")
Work = Callable[[], Awaitable[T]]

RESULTS: Final = ("ok", "failed", "timed_out", "abandoned")


class _Attempt:
    """Where a call is: with a ticket it has passed the breaker, begun it has a seat."""

    __slots__ = ("begun", "ticket")

    def __init__(self) -> None:
        self.ticket: int | None = None
        self.begun = False


class Outside:
    """One service outside. One per process and dependency; close nothing, it holds nothing.

    dependency: one of the label's values in `engine/metrics`. entry: where its breaker is published.
    """

    def __init__(
        self,
        dependency: str,
        limits: OutsideLimits,
        *,
        metrics: Binder,
        log: Log,
        entry: BreakerEntry | None = None,
        chance: Chance = random.random,
    ) -> None:
        self.dependency = dependency
        self.limits = limits
        self._log = log
        self._breaker = WatchedBreaker(dependency, limits.breaker, entry=entry, metrics=metrics, log=log)
        self._seats = Seats(limits.seats)
        self._queue = trio.lowlevel.ParkingLot()
        self._chance = chance
        self._attempts = {
            result: metrics.bind("fanlight_outside_attempts_total", dependency=dependency, result=result)
            for result in RESULTS
        }
        self._durations = metrics.bind("fanlight_outside_call_seconds", dependency=dependency)
        rejections = "fanlight_outside_rejections_total"
        self._full = metrics.bind(rejections, dependency=dependency, reason=LimiterFull.reason)
        self._forbidden = metrics.bind(rejections, dependency=dependency, reason="forbidden")

    @classmethod
    def of(cls, worker: Worker, dependency: str, limits: OutsideLimits) -> Self:
        """With the worker's metrics, log and place on the board. To be called within trio."""
        entry = BreakerTable(worker.cell).claim(dependency)
        if entry is None:
            worker.log.warning("breaker_board_full", dependency=dependency)
        return cls(dependency, limits, metrics=worker.metrics, log=worker.log, entry=entry)

    def configure(self, limits: OutsideLimits) -> None:
        """Take new limits from a reload, for calls that begin from now on."""
        self.limits = limits
        self._breaker.configure(limits.breaker)
        self._seats.limits = limits.seats
        self._call_next()

    async def call(self, work: Work[T], deadline_s: float | None = None) -> T:
        """Do `work` within `deadline_s` (without it: the limits'), with retries; what it returned.

        Raises TimedOut, BreakerOpen, LimiterFull, and what `work` raised in its last attempt. An OutsideError
        says by its `blame` how it counts; any other Exception is the service's fault, and worth another
        attempt. A caller with less patience passes it as `deadline_s` and does not cancel: who is cancelled
        blames nobody, and a service that hangs would never open the breaker.
        """
        self._breaker.check()  # before anything is set up for the call: a refusal has to be cheap
        attempt = _Attempt()
        return await self._in_time(
            self.limits.deadline_s if deadline_s is None else deadline_s,
            attempt,
            lambda: self._retried(lambda: self._admitted(attempt, lambda: self._seated(attempt, work))),
        )

    def forget(self) -> None:
        """The service is not called any more."""
        self._breaker.forget()

    def refused(self) -> None:
        """Count a call that `work`, or whoever would have called, found to be forbidden."""
        self._forbidden.inc()

    async def _in_time(self, deadline_s: float, attempt: _Attempt, go: Work[T]) -> T:
        began = trio.current_time()
        result = "abandoned"
        try:
            # Not move_on_after, which costs as much again as the scope that it makes.
            with trio.CancelScope(deadline=began + deadline_s):
                return await go()
            result = "timed_out"
            raise TimedOut(self.dependency, deadline_s)
        finally:
            if attempt.ticket is not None:
                self._settle(attempt, result)
            self._durations.observe(trio.current_time() - began)

    async def _retried(self, go: Work[T]) -> T:
        retry: Retry | None = None  # most calls need none
        while True:
            try:
                return await go()
            except Exception as error:
                if blame_for(error) is not Blame.THEIRS:
                    raise
                retry = retry or Retry(self.limits.retry, self._chance)
                pause_s = retry.failed()
                # Where no time is left for another attempt, this error says more than that time ran out.
                if pause_s is None or trio.current_time() + pause_s >= trio.current_effective_deadline():
                    raise
                self._tell_retry(retry.failures, error, pause_s)
            await trio.sleep(pause_s)

    def _tell_retry(self, attempt: int, error: Exception, pause_s: float) -> None:
        # Of strange errors the name alone: texts of our own family hold no secret, others may repeat one.
        text = str(error) if isinstance(error, OutsideError) else type(error).__name__
        self._log.warning(
            "call_retried",
            dependency=self.dependency,
            attempt=attempt,
            error=text,
            again_in_s=round(pause_s, 3),
        )

    async def _admitted(self, attempt: _Attempt, go: Work[T]) -> T:
        attempt.ticket, attempt.begun = self._breaker.admit(), False
        try:
            answer = await go()
        except Exception as error:
            self._settle(attempt, "abandoned" if blame_for(error) is Blame.OURS else "failed")
            raise
        # What is cancelled keeps its ticket as far as the deadline, which knows whether it was the reason.
        self._settle(attempt, "ok")
        return answer

    async def _seated(self, attempt: _Attempt, work: Work[T]) -> T:
        await self._sit_down()
        attempt.begun = True
        try:
            return await work()
        finally:
            self._seats.leave()
            self._call_next()

    async def _sit_down(self) -> None:
        place = self._seats.come()
        if place is Place.NONE:
            self._full.inc()
            raise LimiterFull(self.dependency, self._seats.limits)
        if place is Place.QUEUE:
            try:
                await self._queue.park()
            except BaseException:  # cancelled: who is called does not fail here any more
                self._seats.give_up()
                self._call_next()
                raise

    def _call_next(self) -> None:
        """Pass free seats on. Who is cancelled has left the lot already, even if it has not run since."""
        if self._seats.waiting and (room := self._seats.room):
            self._seats.called(len(self._queue.unpark(count=room)))

    def _settle(self, attempt: _Attempt, result: str) -> None:
        """Hand the ticket back, once."""
        ticket, attempt.ticket = attempt.ticket, None
        assert ticket is not None
        if result == "timed_out" and not attempt.begun:
            result = "abandoned"
        self._attempts[result].inc()
        if result == "ok":
            self._breaker.succeeded(ticket)
        elif result == "abandoned":
            self._breaker.abandoned(ticket)
        else:
            self._breaker.failed(ticket)
