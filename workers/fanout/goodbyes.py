"""How a player's time with a pump ends: lost, closed by us, gone by itself, or seen out in order."""

import contextlib
import socket

import trio

from shm.errors import Lapped
from workers.fanout.ground import Ground
from workers.fanout.player import Player, PlayerState

LINGER_S: float = 2.0
"""How long a player has to take what is queued for it after its farewell, and to close, seconds."""


class Goodbyes:
    """Ends players of one ground."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def leave(self, player: Player, reason: str) -> None:
        """The connection is over; book what the player got. Harmless when it has left already."""
        if player.done:
            return
        if player.state is PlayerState.IN_STEP:
            self._ground.fall_out(player)
        self._settle(player)
        self._ground.put(player, PlayerState.DONE)
        player.reason = reason

    def close(self, player: Player, reason: str) -> None:
        """End this player now, whatever is still owed to it."""
        if not player.done:
            self.leave(player, reason)
            player.hang_up()

    def part(self, player: Player) -> None:
        """Everything was sent: say good-bye, and once that is out close our side; the peer closes the
        other.
        """
        if player.farewell is None:
            self.close_our_side(player, self._ground.ended)
        else:
            player.tail, player.farewell = player.farewell(), None

    def close_our_side(self, player: Player, reason: str) -> None:
        """No more from us; what is queued still arrives."""
        self.leave(player, reason)
        player.linger_until_s = trio.current_time() + LINGER_S
        with contextlib.suppress(OSError):  # the peer was quicker
            player.sock.shutdown(socket.SHUT_WR)

    def _settle(self, player: Player) -> None:
        """Close the books of a player: tags it has whole are delivered, the rest it will never get."""
        ground = self._ground
        if not player.joined:
            return  # it never got as far as a place
        if player.state is PlayerState.BEHIND:
            with contextlib.suppress(Lapped):  # then it cannot be known; such a player never closed cleanly
                ground.book(player, ground.log.seq_at(player.position))
        ground.give_up_cut_tag(player, "left")
        ground.drop(player, ground.log.end_seq, "left")
