"""Requests that wait for something, and what a player is told that waits in vain."""

from engine.protocols.http import Fields

MAX_HELD: int = 10_000
"""Requests of one worker that wait for something, all players together."""

MAX_HELD_PER_ADDRESS: int = 256
"""The same of one address: a large household, or an office behind one router."""


class Unanswerable(Exception):
    """There is no such thing, or not now, or not for this player: `status`, a sentence for the player, and
    fields of the answer's head. `refusal` is why a player was not let in, in the counters' words; empty where
    that is not what happened.
    """

    def __init__(self, status: int, text: str, fields: Fields = (), *, refusal: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.fields = fields
        self.refusal = refusal


class NotInTime(Unanswerable):
    """What a request waited for did not come."""

    def __init__(self) -> None:
        super().__init__(503, "it did not come in time")


class TooManyHeld(Unanswerable):
    """As many requests wait as may: of the "address", or of all in this "worker" (`reason`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(503, "too many requests wait here already")
        self.reason = reason


class Holds:
    """Requests that wait, counted."""

    def __init__(self) -> None:
        self.total = 0
        self._by_address: dict[str, int] = {}

    def has_room(self, address: str) -> bool:
        """Whether one more may wait."""
        return self.total < MAX_HELD and self._by_address.get(address, 0) < MAX_HELD_PER_ADDRESS

    def take(self, address: str) -> None:
        """One more. Raises TooManyHeld."""
        if self.total >= MAX_HELD:
            raise TooManyHeld("worker")
        if self._by_address.get(address, 0) >= MAX_HELD_PER_ADDRESS:
            raise TooManyHeld("address")
        self.total += 1
        self._by_address[address] = self._by_address.get(address, 0) + 1

    def release(self, address: str) -> None:
        self.total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
