"""The circuit breaker: whether a service that keeps failing is asked at all. Pure; time is an argument.

A service that is down costs each caller its whole time-out, and the calls that pile up keep it down. After
`failures` failures in a row the breaker opens, and calls are refused on the spot. `open_s` later one call,
the trial, is let through while all others are still refused: if it succeeds the breaker closes, if it fails
it stays open for another `open_s`.

    closed --- so many failures in a row ---> open
    open --- a call, open_s later ---> half-open, and that call is the trial
    half-open --- the trial succeeds ---> closed
    half-open --- the trial fails ---> open

The rules:

- Only the trial moves a breaker that is not closed. A call from before it opened may come back at any time,
  and says nothing about the service of now: its result is not looked at. For this every call has a ticket,
  the number of the lap it was let in; a lap ends with each transition.
- A call that was abandoned (cancelled, or refused by ourselves) has no result. An abandoned trial frees its
  place: the breaker stays half-open and the next call is the trial.
- Nothing happens by time alone. A breaker that nobody asks stays open, and its next call is the trial: a
  timer would be one more thing to cancel. Whoever looks on is told that it is half-open by then, which is how
  it would treat a call (`state_seen`); else one that nobody asks would seem to keep calls out for ever.

Why failures in a row and not a rate: the calls here are few, a handful a second at the most, and a rate over
so few is noise. Envoy's outlier ejection counts the same way, five by default.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

from msgspec import Meta, Struct

FAILURES: Final = 5
"""In a row until it opens: Envoy's outlier detection ejects after five, pybreaker's default is five."""

OPEN_S: Final = 10.0
"""Until the trial: long enough for a service to restart, short enough that nobody notices it is back."""


class BreakerState(IntEnum):
    """How bad it is: the larger, the worse."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


def state_seen(state: BreakerState, retry_in_s: float) -> BreakerState:
    """What an onlooker says of a breaker that moved to `state` and lets a trial through in `retry_in_s`."""
    return BreakerState.HALF_OPEN if state is BreakerState.OPEN and retry_in_s <= 0 else state


class BreakerInput(Enum):
    """What moves a breaker."""

    TRIP = "so many failures in a row, or the trial failed"
    TRY = "a call after the time-out"
    MEND = "the trial succeeded"


TRANSITIONS: Final[Mapping[BreakerState, Mapping[BreakerInput, BreakerState]]] = MappingProxyType(
    {
        BreakerState.CLOSED: {BreakerInput.TRIP: BreakerState.OPEN},
        BreakerState.OPEN: {BreakerInput.TRY: BreakerState.HALF_OPEN},
        BreakerState.HALF_OPEN: {
            BreakerInput.TRIP: BreakerState.OPEN,
            BreakerInput.MEND: BreakerState.CLOSED,
        },
    }
)


class BreakerLimits(Struct, frozen=True, kw_only=True):
    """When it opens, and for how long."""

    failures: Annotated[int, Meta(ge=1)] = FAILURES
    open_s: Annotated[float, Meta(ge=0)] = OPEN_S


class KnownState(NamedTuple):
    """What is known of a breaker before its first call: its predecessor's last words."""

    state: BreakerState
    failures: int
    open_for_s: float
    """From now on; of an open one."""


class Breaker:
    """One service's breaker. `limits` may be replaced; `now` is in seconds of one clock that never goes
    back."""

    __slots__ = ("_failures", "_lap", "_retry_at", "_state", "_trial", "limits")

    def __init__(self, limits: BreakerLimits) -> None:
        self.limits = limits
        self._state = BreakerState.CLOSED
        self._failures = 0
        self._retry_at = 0.0
        self._lap = 1
        self._trial = False

    def recall(self, known: KnownState, now: float) -> None:
        """Begin where a predecessor ended. Its trial, if one was under way, died with it."""
        self._state, self._failures = known.state, known.failures
        self._retry_at = now + min(max(known.open_for_s, 0.0), self.limits.open_s)

    @property
    def state(self) -> BreakerState:
        return self._state

    @property
    def failures(self) -> int:
        """How many in a row, as far as a closed breaker has counted."""
        return self._failures

    @property
    def retry_at(self) -> float:
        """When an open breaker lets a trial through."""
        return self._retry_at

    def retry_in(self, now: float) -> float:
        """Seconds until a call may be let through, at the earliest."""
        return max(0.0, self._retry_at - now) if self._state is BreakerState.OPEN else 0.0

    def refuses(self, now: float) -> bool:
        """Whether a call would not be let in."""
        return self._state is not BreakerState.CLOSED and (self._trial or now < self._retry_at)

    def admit(self, now: float) -> int | None:
        """Let a call in, or not. Every ticket given must be handed back, once, to one of the three below."""
        if self.refuses(now):
            return None
        if self._state is BreakerState.CLOSED:
            return self._lap
        if self._state is BreakerState.OPEN:
            self._move(BreakerInput.TRY)
        self._trial = True
        return self._lap

    def succeeded(self, ticket: int) -> None:
        """The service did what it was asked."""
        if ticket != self._lap:
            return
        self._failures = 0
        if self._state is BreakerState.HALF_OPEN:
            self._move(BreakerInput.MEND)

    def failed(self, ticket: int, now: float) -> None:
        """It did not, and that is its own fault: refused, broke off, was late."""
        if ticket != self._lap:
            return
        self._failures += 1
        if self._state is BreakerState.HALF_OPEN or self._failures >= self.limits.failures:
            self._retry_at = now + self.limits.open_s
            self._move(BreakerInput.TRIP)

    def abandoned(self, ticket: int) -> None:
        """Nobody knows what would have come of it."""
        if ticket == self._lap:
            self._trial = False

    def _move(self, cause: BreakerInput) -> None:
        self._state = TRANSITIONS[self._state][cause]
        self._lap += 1
        self._trial = False
