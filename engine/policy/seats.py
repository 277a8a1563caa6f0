"""The concurrency limiter's books: who has a seat, who waits for one, who is sent away. Pure.

So many calls at a time, and so many that wait for their turn; the rest is refused at once. A service that
hangs then costs a known number of connections and tasks, however many callers there are. This keeps the
numbers only: that those who wait are served in the order they came is up to whoever lets them wait.
"""

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct


class SeatLimits(Struct, frozen=True, kw_only=True):
    """How many at a time, and how many behind them."""

    seats: Annotated[int, Meta(ge=1)] = 16
    waiting: Annotated[int, Meta(ge=0)] = 64


class Place(Enum):
    """What becomes of somebody who comes."""

    SEAT = "it may go on; `leave` when done"
    QUEUE = "it waits until it is called, or else gives up"
    NONE = "it is sent away"


class Seats:
    """The books of one limiter. With new `limits` nobody loses a seat; fewer come in until they fit."""

    __slots__ = ("limits", "taken", "waiting")

    def __init__(self, limits: SeatLimits) -> None:
        self.limits = limits
        self.taken = 0
        self.waiting = 0

    def come(self) -> Place:
        """Somebody wants a seat. Nobody overtakes those who wait."""
        if self.taken < self.limits.seats and not self.waiting:
            self.taken += 1
            return Place.SEAT
        if self.waiting < self.limits.waiting:
            self.waiting += 1
            return Place.QUEUE
        return Place.NONE

    def leave(self) -> None:
        """A seat is given back."""
        self.taken -= 1

    def give_up(self) -> None:
        """Somebody who waits, waits no longer."""
        self.waiting -= 1

    @property
    def room(self) -> int:
        """How many of those who wait may be called, the first ones. Ask after each of the two above."""
        return max(0, min(self.limits.seats - self.taken, self.waiting))

    def called(self, number: int) -> None:
        """So many of those who wait have heard it, and have a seat from now on.

        It may be fewer than there was room for: somebody who is just giving up does not hear any more.
        """
        self.waiting -= number
        self.taken += number
