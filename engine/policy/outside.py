"""What is said of calls to the outside: their limits, their errors, and whose fault an error is.

One family of errors, so that a caller has one thing to catch, and each says in `hint` what an operator can do
about it. Texts name the service and never a whole URL: its query may hold a key.
"""

from enum import Enum
from typing import Annotated, ClassVar, Final

from msgspec import Meta, Struct, field

from engine.policy.breaker import BreakerLimits
from engine.policy.retry import RetryLimits
from engine.policy.seats import SeatLimits

DEADLINE_S: Final = 3.0
"""For a call with all its attempts and pauses. Players and encoders wait about 5 s for an answer to their
first command, and ours is a part of that."""


class OutsideLimits(Struct, frozen=True, kw_only=True):
    """Everything that bounds the calls to one service."""

    deadline_s: Annotated[float, Meta(gt=0)] = DEADLINE_S
    retry: RetryLimits = field(default_factory=RetryLimits)
    breaker: BreakerLimits = field(default_factory=BreakerLimits)
    seats: SeatLimits = field(default_factory=SeatLimits)


class Blame(Enum):
    """Whose fault a failed call is."""

    THEIRS = "it counts for the breaker, and another attempt may help"
    THEIRS_FOR_GOOD = "it counts for the breaker, and another attempt would end the same way"
    OURS = "it says nothing about the service, and is not tried again"


class OutsideError(Exception):
    """A call to the outside that gave no answer. `str()` is a sentence with the hint; `reason` a word for
    metrics."""

    reason: ClassVar[str] = "failed"
    blame: ClassVar[Blame] = Blame.THEIRS

    def __init__(self, dependency: str, what: str, hint: str) -> None:
        super().__init__(f"{dependency}: {what}; {hint}")
        self.dependency = dependency
        self.hint = hint


class TimedOut(OutsideError):
    """No answer within the deadline, all attempts together."""

    reason = "timed_out"

    def __init__(self, dependency: str, deadline_s: float) -> None:
        hint = "see whether the service is up and how long it takes, or allow more time"
        super().__init__(dependency, f"no answer in {deadline_s:g} s", hint)
        self.deadline_s = deadline_s


class BreakerOpen(OutsideError):
    """The service has failed so often that it was not asked. `retry_in_s`: when it may be, at the
    earliest."""

    reason = "breaker_open"
    blame = Blame.OURS

    def __init__(self, dependency: str, retry_in_s: float) -> None:
        hint = f"mend the service; it is tried again in {retry_in_s:.1f} s"
        super().__init__(dependency, "not asked, since it keeps failing", hint)
        self.retry_in_s = retry_in_s


class LimiterFull(OutsideError):
    """So many calls are under way and waiting that this one was not begun."""

    reason = "limiter_full"
    blame = Blame.OURS

    def __init__(self, dependency: str, limits: SeatLimits) -> None:
        hint = "make the service faster, or allow more calls at a time"
        what = f"{limits.seats} calls are under way and {limits.waiting} wait"
        super().__init__(dependency, what, hint)


def blame_for(error: Exception) -> Blame:
    """Whose fault it is: what an error of the family says, and of any other that of the service."""
    return error.blame if isinstance(error, OutsideError) else Blame.THEIRS
