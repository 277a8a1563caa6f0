"""Lending the listeners of fanout workers that are down, as orders on the bus."""

from collections.abc import Iterable

from structlog.typing import FilteringBoundLogger

from workers.runtime.slots import FANOUT, WorkerSlot, of_role
from workers.supervisor.limits import LEND_AFTER_S
from workers.supervisor.loans import Loans, Order
from workers.supervisor.loop import Loop
from workers.supervisor.post import Post
from workers.supervisor.seat import Seat


class Lending:
    """Follows fanout workers going down and coming up. Does nothing where all share one listener anyway."""

    def __init__(
        self,
        slots: tuple[WorkerSlot, ...],
        loop: Loop,
        post: Post,
        log: FilteringBoundLogger,
        *,
        needed: bool,
    ) -> None:
        self._numbers = [slot.number for slot in of_role(slots, FANOUT)]
        self._loans = Loans(len(self._numbers))
        self._needed = needed
        self._loop = loop
        self._post = post
        self._log = log

    def up(self, seat: Seat) -> None:
        if self._concerns(seat):
            self._loop.cancel(_timer(seat))
            self._carry_out(self._loans.owner_up(seat.slot.index))

    def down(self, seat: Seat) -> None:
        if self._concerns(seat):
            self._carry_out(self._loans.owner_down(seat.slot.index))
            self._loop.after(_timer(seat), LEND_AFTER_S, lambda: self._overdue(seat))

    def _overdue(self, seat: Seat) -> None:
        self._carry_out(self._loans.owner_overdue(seat.slot.index))

    def _concerns(self, seat: Seat) -> bool:
        return self._needed and seat.slot.role == FANOUT

    def _carry_out(self, orders: Iterable[Order]) -> None:
        for order in orders:
            self._log.info(
                "listener_moved",
                order=type(order.message).__name__,
                owner=order.message.fanout_index,
                borrower=order.to,
            )
            self._post.send(self._numbers[order.to], order.message)


def _timer(seat: Seat) -> str:
    return f"lend {seat.slot.name}"
