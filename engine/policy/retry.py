"""The retry schedule: how often something is tried, and how long to wait in between. Pure; chance is an
argument.

The pause doubles from one try to the next, up to a maximum. Of each pause a part is left to chance: all
callers of a service that has just come back would otherwise return at the same moment, again and again. Half
by default, so that the pauses still grow (AWS calls this equal jitter; with the whole pause left to chance
every other retry would come sooner than the one before).
"""

from collections.abc import Callable
from typing import Annotated, Final

from msgspec import Meta, Struct

Chance = Callable[[], float]
"""A number from [0, 1), like `random.random`."""

MAX_DOUBLINGS: Final = 32
"""The exponent is bounded before the power is taken: something may be down for weeks."""


class RetryLimits(Struct, frozen=True, kw_only=True):
    """How often, and how fast. `attempts` counts the first one too; None: for ever."""

    attempts: Annotated[int, Meta(ge=1)] | None = 1
    first_delay_s: Annotated[float, Meta(ge=0)] = 0.1
    max_delay_s: Annotated[float, Meta(ge=0)] = 5.0
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """The part of each pause that is left to chance."""


class Retry:
    """One thing that is tried again. `chance` gives numbers from [0, 1)."""

    __slots__ = ("_chance", "_failures", "_limits")

    def __init__(self, limits: RetryLimits, chance: Chance) -> None:
        self._limits = limits
        self._chance = chance
        self._failures = 0

    @property
    def failures(self) -> int:
        """Since the beginning, or since it last succeeded."""
        return self._failures

    def failed(self) -> float | None:
        """Count a failed attempt; how long to wait before the next one, None if that was the last."""
        self._failures += 1
        attempts = self._limits.attempts
        if attempts is not None and self._failures >= attempts:
            return None
        return self._pause_s()

    def succeeded(self) -> None:
        """It works: what fails after this is a new trouble, with short pauses and all its attempts again."""
        self._failures = 0

    def _pause_s(self) -> float:
        limits = self._limits
        doublings = min(self._failures - 1, MAX_DOUBLINGS)
        longest_s = min(limits.first_delay_s * 2.0**doublings, limits.max_delay_s)
        return longest_s * (1.0 - limits.jitter * self._chance())
