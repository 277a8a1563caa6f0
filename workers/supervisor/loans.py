"""Who accepts for a fanout worker that is down: pure bookkeeping of lent listening sockets.

With SO_REUSEPORT the kernel goes on handing every n-th new connection to the dead worker's socket, which
the supervisor keeps open. For the milliseconds of a restart they wait in its queue; when a slot stays down,
a sibling is asked to accept there too. Two workers accepting on one socket for a moment does no harm, so
nothing here has to be exact: only that every socket has somebody, and that the borrower stops in the end.
"""

from typing import NamedTuple

from workers.runtime.messages import Lend, TakeBack


class Order(NamedTuple):
    """Send `message` to the fanout worker with index `to`."""

    to: int
    message: Lend | TakeBack


class Loans:
    """Keeps which fanout worker was asked to accept for which."""

    def __init__(self, count: int) -> None:
        self._up: set[int] = set()
        self._count = count
        self._borrowers: dict[int, set[int]] = {}

    @property
    def lent(self) -> frozenset[int]:
        """Indexes of the fanout workers whose sockets are lent."""
        return frozenset(self._borrowers)

    def owner_up(self, index: int) -> list[Order]:
        """The worker is ready: it takes its sockets back, and may borrow where nobody could so far."""
        self._up.add(index)
        orders = [Order(to, TakeBack(index)) for to in sorted(self._borrowers.pop(index, ()))]
        unserved = [owner for owner, borrowers in self._borrowers.items() if not borrowers & self._up]
        return orders + [order for owner in unserved for order in self.owner_overdue(owner)]

    def owner_down(self, index: int) -> list[Order]:
        """The worker is dead: what it had borrowed needs somebody else."""
        self._up.discard(index)
        borrowed = [owner for owner, borrowers in self._borrowers.items() if index in borrowers]
        return [order for owner in borrowed for order in self.owner_overdue(owner)]

    def owner_overdue(self, index: int) -> list[Order]:
        """The worker has been down for too long: lend its sockets to the next sibling that is up."""
        if index in self._up:
            return []
        borrowers = self._borrowers.setdefault(index, set())
        siblings = ((index + step) % self._count for step in range(1, self._count))
        borrower = next((sibling for sibling in siblings if sibling in self._up), None)
        if borrower is None or borrower in borrowers & self._up:
            return []
        borrowers.add(borrower)
        return [Order(borrower, Lend(index))]
