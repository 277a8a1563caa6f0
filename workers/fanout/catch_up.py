"""Sending to players that are not in the ranks: joining, slow, leaving.

Each has a place of its own in the log, and a task of the stream's nursery that sends to it whenever its
socket has room. What a player is owed, in this order:

  1. its tail: private bytes (response head, headers, the rest of a tag that a jump cut, a farewell)
  2. at a boundary between tags: its control bytes, if there are any
  3. the log from its place on, up to the ranks' place or the next seam
"""

import time

import trio

from shm.errors import Lapped
from shm.ring import Entry
from workers.fanout.goodbyes import Goodbyes
from workers.fanout.ground import Ground
from workers.fanout.judge import Judge
from workers.fanout.logs import Bytes
from workers.fanout.moves import Moves
from workers.fanout.player import Player, PlayerState
from workers.fanout.sinks import Sink, wait_for_room
from workers.runtime.shared_tasks import start_shared

STEP_BYTES: int = 256 * 1024
"""Most bytes offered to a socket at once: its send buffer takes no more anyway."""

EAGER_STEPS: int = 8
"""Steps tried at once before a task is made. A player with room for its whole start debt never gets one."""

PATIENCE_S: float = 0.25
"""How often a player without room is judged, seconds: well inside the smallest lag allowed, one second."""


class CatchUp:
    """Sends to the players of one ground, one at a time."""

    def __init__(self, ground: Ground, moves: Moves, goodbyes: Goodbyes) -> None:
        self._ground = ground
        self._moves = moves
        self._goodbyes = goodbyes
        self._judge = Judge(ground, moves, goodbyes)

    def begin(self, player: Player, start: Entry | None) -> None:
        """Put a new player at `start`, or let it wait for the next start point."""
        if start is None:
            self._moves.wait_for_start(player, self._ground.log.end_seq)
        else:
            self._moves.move(player, start, "joined")
        self.go_on(player)

    def admit_waiting(self) -> None:
        """Start those whose start point has come."""
        start = self._ground.source.seams.newest_start() if self._ground.waiting else None
        if start is None:
            return
        for player in [player for player in self._ground.waiting if start.seq >= player.wait_from_seq]:
            self._moves.move(player, start, "waited")
            self.go_on(player)

    def see_out(self, player: Player) -> None:
        """The stream is over for a player that waits: nothing more will come but the farewell."""
        ground = self._ground
        ground.drop(player, ground.seq, "waited")
        player.position, player.epoch = ground.position, ground.epoch
        ground.put(player, PlayerState.BEHIND)
        self.go_on(player)

    def go_on(self, player: Player) -> None:
        """Send what fits now; leave the rest to a task."""
        try:
            for _ in range(EAGER_STEPS):
                if not self._may_send(player) or not self._step(player):
                    break
        except Lapped:
            self._goodbyes.close(player, "lapped")
        except OSError:
            self._goodbyes.close(player, "connection_lost")
        self._look_after(player)

    def _look_after(self, player: Player) -> None:
        if player.state is PlayerState.WAITING and self._ground.ended:
            self.see_out(player)  # what it waits for will not come
        elif player.state is PlayerState.BEHIND and not player.tended:
            player.tended = True
            start_shared(self._ground.source.nursery, self._run, player)

    async def _run(self, player: Player) -> None:
        await self._tend(player)
        player.tended = False
        self._look_after(player)

    async def _tend(self, player: Player) -> None:
        """Send to `player` for as long as it is behind."""
        try:
            while player.state is PlayerState.BEHIND:
                if self._step(player):
                    await trio.lowlevel.checkpoint()
                else:
                    await self._wait_for_room(player)
                    self._judge.judge(player)
        except Lapped:
            self._goodbyes.close(player, "lapped")
        except (OSError, trio.ClosedResourceError):
            self._goodbyes.close(player, "connection_lost")

    async def _wait_for_room(self, player: Player) -> None:
        with trio.move_on_after(PATIENCE_S):
            await wait_for_room(player.sock)

    def _may_send(self, player: Player) -> bool:
        """Whether there is anything to send now: a waiting player stands at a boundary and may be spoken
        to.
        """
        if player.state is PlayerState.WAITING:
            return bool(player.tail or player.control or player.parting)
        return player.state is PlayerState.BEHIND

    def _step(self, player: Player) -> bool:
        """Send one thing. False when the socket has no room."""
        if player.tail:
            return self._send_tail(player)
        if player.parting and not player.control:
            self._goodbyes.close_our_side(player, player.parting)
            return True
        if player.control and (player.state is PlayerState.WAITING or self._ground.at_boundary(player)):
            player.tail, player.control = player.control, b""
            return True
        return self._send_log_or_arrive(player)

    def _send_log_or_arrive(self, player: Player) -> bool:
        log, limit = self._ground.log, self._ground.limit(player)
        if player.control:
            limit = min(limit, log.position_of(log.seq_at(player.position) + 1))
        if player.position < limit:
            return self._send_log(player, limit)
        self._arrive(player)
        return True

    def _send_tail(self, player: Player) -> bool:
        sent = _send_some(player.sock, (player.tail,))
        player.tail = player.tail[sent:]
        self._count(player, sent)
        if player.cut_bytes:
            self._ground.finish_cut_tag(player, sent)
        return sent > 0

    def _send_log(self, player: Player, limit: int) -> bool:
        log, start = self._ground.log, player.position
        if not log.safe(start):
            raise Lapped(f"player {player.client_id} was overtaken by the writer")
        sent = _send_some(player.sock, log.pieces(start, min(limit, start + STEP_BYTES)))
        if not log.intact(start):
            self._goodbyes.close(player, "overwritten")
            return True
        player.position += sent
        self._count(player, sent)
        if sent and not player.served:
            player.served = True
            self._ground.figures.joins_s.append((time.monotonic_ns() - player.joined_ns) * 1e-9)
            if player.story is not None:
                player.story.first_byte()
        return sent > 0

    def _count(self, player: Player, sent: int) -> None:
        player.bytes_sent += sent
        self._ground.figures.bytes_sent += sent

    def _arrive(self, player: Player) -> None:
        """`player` has all it may have: it crosses a seam, is done, falls in, or waits."""
        ground = self._ground
        _, seam = ground.source.seams.limit(player.epoch, ground.log)
        if seam is not None and seam.epoch <= ground.epoch and seam.start is not None:
            self._moves.move(player, seam.start, "new_epoch")
        elif ground.ended:
            self._goodbyes.part(player)
        elif player.position == ground.position:
            ground.fall_in(player)
        else:
            self._moves.wait_here(player)


def _send_some(sock: Sink, pieces: tuple[Bytes, ...]) -> int:
    """Bytes taken, 0 when there is no room. Raises OSError for a dead connection."""
    try:
        return sock.sendmsg(pieces)
    except BlockingIOError:
        return 0
