"""What all pumps have in common, whatever they send: a feed drives them without knowing which is which."""

from collections.abc import Iterable
from typing import Protocol

from shm.ring import Entry
from workers.fanout.figures import PumpFigures
from workers.fanout.logs import Head
from workers.fanout.player import Player
from workers.fanout.wire import Wire


class AnyPump(Protocol):
    """One stream in one wire format, out to its players."""

    wire: Wire

    @property
    def player_count(self) -> int: ...

    def players(self) -> Iterable[Player]: ...

    def join(self, player: Player, start: Entry | None) -> None:
        """Take in a new player at `start`, or at the next start point if there is none."""
        ...

    def leave(self, player: Player, reason: str) -> None:
        """The connection is over; book what the player got. Harmless when it has left already."""
        ...

    def divert(self, player: Player, control: bytes) -> None:
        """Send `control` to this player at the next boundary between tags."""
        ...

    def part(self, player: Player, farewell: bytes, reason: str) -> None:
        """End this player with a last word at the next boundary between tags."""
        ...

    def finish(self, reason: str) -> None:
        """The stream is over: everybody gets the rest, a farewell, and the end of the connection."""
        ...

    async def run_pass(self, head: Head) -> None:
        """Bring everybody up to `head`."""
        ...

    def totals(self, player: Player) -> tuple[int, int]:
        """(bytes, whole tags) that `player` has been sent up to now."""
        ...

    def lag_us(self, player: Player) -> int:
        """Media time between a player and the newest tag."""
        ...

    def sample_lags_s(self) -> list[float]:
        """Seconds behind the newest tag, one sample per player behind and one for all others."""
        ...

    def take_figures(self) -> PumpFigures:
        """What was counted since the last time."""
        ...
