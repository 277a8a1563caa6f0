"""The limiter's books against a model of people and seats."""

from collections import deque

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.policy.seats import Place, SeatLimits, Seats

limits = st.builds(SeatLimits, seats=st.integers(1, 4), waiting=st.integers(0, 4))


class AnyCrowd(RuleBasedStateMachine):
    """People come, leave, tire of waiting, and the house is refurnished meanwhile."""

    @initialize(limits=limits)
    def open(self, limits: SeatLimits) -> None:
        self.seats = Seats(limits)
        self.seated = 0
        self.queue: deque[int] = deque()
        self.number = 0

    @rule()
    def somebody_comes(self) -> None:
        self.number += 1
        place = self.seats.come()
        if self.seated < self.seats.limits.seats and not self.queue:
            assert place is Place.SEAT
            self.seated += 1
        elif len(self.queue) < self.seats.limits.waiting:
            assert place is Place.QUEUE
            self.queue.append(self.number)
        else:
            assert place is Place.NONE

    @precondition(lambda self: self.seated)
    @rule(deaf=st.booleans())
    def somebody_leaves(self, deaf: bool) -> None:
        self.seats.leave()
        self.seated -= 1
        self.call(deaf)

    @precondition(lambda self: self.queue)
    @rule(deaf=st.booleans())
    def somebody_tires_of_waiting(self, deaf: bool) -> None:
        self.queue.pop()
        self.seats.give_up()
        self.call(deaf)

    def call(self, deaf: bool) -> None:
        """Call whom there is room for; one of them may not hear."""
        room = self.seats.room
        assert room == min(len(self.queue), max(0, self.seats.limits.seats - self.seated))
        hear = max(0, room - deaf)
        self.seats.called(hear)
        for _ in range(hear):
            self.queue.popleft()
            self.seated += 1

    @rule(limits=limits)
    def the_limits_change(self, limits: SeatLimits) -> None:
        self.seats.limits = limits

    @invariant()
    def the_books_are_right(self) -> None:
        if hasattr(self, "seats"):
            assert (self.seats.taken, self.seats.waiting) == (self.seated, len(self.queue))


TestAnyCrowd = AnyCrowd.TestCase


def test_nobody_overtakes_those_who_wait() -> None:
    seats = Seats(SeatLimits(seats=1, waiting=2))
    assert [seats.come() for _ in range(4)] == [Place.SEAT, Place.QUEUE, Place.QUEUE, Place.NONE]
    seats.leave()
    assert seats.room == 1
    seats.called(1)
    assert seats.come() is Place.QUEUE
    assert (seats.taken, seats.waiting) == (1, 2)
