"""Putting a player at a start point, or having it wait for one.

Jumps land on start points only. A tag that is partly sent is completed from a private copy first, so that
what a player receives is always whole tags. What lies between is dropped, and counted by reason.
"""

from shm.errors import Lapped
from shm.ring import Entry
from workers.fanout.goodbyes import Goodbyes
from workers.fanout.ground import Ground
from workers.fanout.player import Player, PlayerState


class Moves:
    """Moves players of one ground that are out of its ranks."""

    def __init__(self, ground: Ground, goodbyes: Goodbyes) -> None:
        self._ground = ground
        self._goodbyes = goodbyes

    def move(self, player: Player, start: Entry, reason: str, *, whole: bool = False) -> None:
        """Go on at `start`, or wait for a later one if its headers are not to be had any more.

        `whole`: the player is known to stand between two tags, with its accounts settled.
        """
        try:
            if player.joined and player.state is PlayerState.BEHIND and not whole:
                player.tail += self._rest_of_tag(player)
            self._move(player, start, reason)
        except Lapped:
            self._goodbyes.close(player, "lapped")

    def _move(self, player: Player, start: Entry, reason: str) -> None:
        ground = self._ground
        if start.seq >= ground.log.end_seq:  # written since the last pass: the next one begins with it
            self.wait_for_start(player, start.seq)
            return
        ground.log.reach(start.seq)
        headers = self._headers(player, start)
        if headers is None:
            self.wait_for_start(player, start.seq + 1)
            return
        self._begin_accounts(player, start.seq)
        ground.drop(player, start.seq, reason)
        player.tail += headers
        player.position = ground.log.position_of(start.seq)
        player.epoch, player.generation = start.epoch, start.generation
        player.debt_bytes = ground.log.end - player.position
        player.debt_us = max(0, ground.source.newest_dts_us - start.dts_us)
        ground.put(player, PlayerState.BEHIND)

    def _headers(self, player: Player, start: Entry) -> bytes | None:
        """What the decoder must be told before `start`; nothing if it has been told already."""
        if (player.epoch, player.generation) == (start.epoch, start.generation):
            return b""
        return self._ground.source.headers_at(start, self._ground.wire)

    def wait_for_start(self, player: Player, from_seq: int) -> None:
        """Hold `player` until a start point at or after `from_seq` comes."""
        self._begin_accounts(player, from_seq)
        player.wait_from_seq = from_seq
        self._ground.put(player, PlayerState.WAITING)

    def wait_here(self, player: Player) -> None:
        """The same for a player between two tags, from its place on: the ranks may be on their way to it."""
        seq = self._ground.log.seq_at(player.position)
        self._ground.book(player, seq)
        self.wait_for_start(player, seq)

    def wait_after_tag(self, player: Player) -> None:
        """The same for a player in the middle of things."""
        player.tail += self._rest_of_tag(player)
        self.wait_for_start(player, self._ground.log.end_seq)

    def _begin_accounts(self, player: Player, seq: int) -> None:
        if not player.joined:
            player.joined = True
            player.seq_from = seq

    def _rest_of_tag(self, player: Player) -> bytes:
        """A private copy of what is missing of the tag `player` is in the middle of.

        The tags before it are booked; it counts once the copy is out.
        """
        ground, start = self._ground, player.position
        seq = ground.log.seq_at(start)
        if ground.at_boundary(player):
            ground.book(player, seq)
            return b""
        rest = b"".join(ground.log.pieces(start, ground.log.position_of(seq + 1)))
        if not ground.log.intact(start):
            raise Lapped("the rest of a tag was overwritten before it was sent")
        ground.book(player, seq)
        player.seq_from, player.cut_bytes = seq + 1, len(rest)
        return rest
