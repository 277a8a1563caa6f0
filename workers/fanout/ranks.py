"""The players in step: two lists in parallel, and the loop that everything else is there for.

A pass sends one object to each of them and gives way to other tasks once a millisecond, so players may come
and go in the middle of it:

  - whoever falls in during a pass is appended behind `_size`, where this pass does not go;
  - whoever leaves during a pass is replaced by a stone in both lists, so that indexes stay true; the
    lists are closed up when the pass is over;
  - `_reached` tells how far the pass is: a leaver before it has the bytes of this pass, one behind it
    has not.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

from workers.fanout.logs import Bytes
from workers.fanout.player import Player

TURN_S: float = 0.001
"""How long a pass keeps the event loop, seconds (DESIGN.md, idea 4)."""

BATCH: int = 32
"""Sends between two looks at the clock: about 0.2 ms at 1 Mbit/s, 0.5 ms at 8 Mbit/s."""

Send: TypeAlias = Callable[[Bytes], int]
Short: TypeAlias = Callable[[Player, int], None]
GiveWay: TypeAlias = Callable[[], Awaitable[None]]


def _stone(data: Bytes) -> int:
    """Stands in the list of sends for a player that left during the pass."""
    return -1


class Ranks:
    """Players that all stand at the same place."""

    def __init__(self) -> None:
        self._players: list[Player | None] = []
        self._sends: list[Send] = []
        self._passing = False
        self._size = 0  # of the running pass; those behind it fell in since
        self._reached = 0

    def __len__(self) -> int:
        return len(self._players) - (self._players.count(None) if self._passing else 0)

    def __iter__(self) -> Iterator[Player]:
        """Those here at this moment, whoever comes and goes meanwhile."""
        return iter([player for player in self._players if player is not None])

    def add(self, player: Player) -> None:
        player.index = len(self._players)
        self._players.append(player)
        self._sends.append(player.sock.send)

    def remove(self, player: Player) -> None:
        if self._passing:
            self._players[player.index] = None
            self._sends[player.index] = _stone
        else:
            self._fill_gap(player.index)
        player.index = -1

    def has_all(self, player: Player) -> bool:
        """Whether `player` has been sent everything up to the ranks' place; not before its turn in a pass."""
        return not self._passing or not self._reached <= player.index < self._size

    async def send(self, pieces: tuple[Bytes, ...], size: int, on_short: Short, give_way: GiveWay) -> int:
        """Send the same bytes to everybody; returns how many took all of them.

        `on_short(player, taken)` is called for each that did not: `taken` bytes, -1 for a dead connection.
        `give_way` lets the other tasks have a turn.
        """
        self._passing, self._size, self._reached = True, len(self._players), 0
        whole = 0
        turn_ends_s = time.perf_counter() + TURN_S
        try:
            while self._reached < self._size:
                whole += self._send_batch(pieces, size, on_short)
                if time.perf_counter() > turn_ends_s:
                    await give_way()
                    turn_ends_s = time.perf_counter() + TURN_S
        finally:
            self._passing = False
            self._close_up()
        return whole

    def _send_batch(self, pieces: tuple[Bytes, ...], size: int, on_short: Short) -> int:
        first, stop = self._reached, min(self._reached + BATCH, self._size)
        if len(pieces) == 1:
            short = _send_each(self._sends[first:stop], pieces[0], size)
        else:
            short = _sendmsg_each(self._players[first:stop], pieces, size)
        for index, taken in short:
            player = self._players[first + index]
            if player is not None:
                on_short(player, taken)
        self._reached = stop
        return stop - first - len(short)

    def _fill_gap(self, index: int) -> None:
        """The last one steps into the place of one that leaves."""
        last, send = self._players.pop(), self._sends.pop()
        if index < len(self._players):
            assert last is not None
            last.index = index
            self._players[index], self._sends[index] = last, send

    def _close_up(self) -> None:
        """Take the stones out of both lists."""
        if None not in self._players:
            return
        players = list(self)
        for index, player in enumerate(players):
            player.index = index
        self._players[:] = players
        self._sends[:] = [player.sock.send for player in players]


def _send_each(sends: list[Send], data: Bytes, size: int) -> list[tuple[int, int]]:
    """Returns (index, bytes taken) of those that did not take all of it, -1 for a dead connection."""
    short = []
    for index, send in enumerate(sends):
        try:
            taken = send(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            taken = -1
        if taken != size:
            short.append((index, taken))
    return short


def _sendmsg_each(
    players: list[Player | None], pieces: tuple[Bytes, ...], size: int
) -> list[tuple[int, int]]:
    """The same for bytes in several pieces: where the ring wraps, once per lap."""
    short = []
    for index, player in enumerate(players):
        try:
            taken = player.sock.sendmsg(pieces) if player else -1
        except BlockingIOError:
            taken = 0
        except OSError:
            taken = -1
        if taken != size:
            short.append((index, taken))
    return short
