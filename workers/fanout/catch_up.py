"""Players that do not stand where the pump stands: joining, slow, waiting, leaving.

Each such player has a cursor, and a task of the stream's nursery that sends to it whenever its socket has
room. What a player is owed, in this order:

    1. its tail: private bytes (response head, headers, the rest of a tag that a jump cut, a control frame, a
    farewell) 2. at a boundary between tags: its control bytes, if there are any
    3. the log from its cursor, up to the pump's place or the next seam

Jumps land on start points only. A tag that is partly sent is completed from a private copy first, so that
what a player receives is always whole tags.
"""

import contextlib
import fcntl
import socket
import struct
import termios
import time
from typing import TYPE_CHECKING

import trio

from engine.policy.lag import SlowPlayer, Verdict
from shm.errors import Lapped
from shm.ring import Entry
from workers.fanout.logs import Bytes, Head
from workers.fanout.player import Player, PlayerState

if TYPE_CHECKING:
    from workers.fanout.pump import Pump

STEP_BYTES: int = 256 * 1024
"""Most bytes offered to a socket at once: its send buffer takes no more anyway."""

EAGER_STEPS: int = 8
"""Steps tried at once before a task is made. A player with room for its whole start debt never gets one."""

PATIENCE_S: float = 0.25
"""How often a player without room is judged, seconds: well inside the smallest lag allowed, one second."""

LINGER_S: float = 2.0
"""How long a player has to take what is queued for it after its farewell, and to close, seconds."""


class CatchUp:
    """Everything a pump does for one player at a time."""

    def __init__(self, pump: "Pump") -> None:
        self._pump = pump

    # -- beginning

    def begin(self, player: Player, start: Entry | None) -> None:
        """Put a new player at `start`, or let it wait for the next start point."""
        pump = self._pump
        if start is None:
            self.wait_for_start(player, pump.log.end_seq)
            return
        self.move(player, start, "joined")
        if player.state is PlayerState.BEHIND:
            player.debt_bytes = pump.log.end - player.position
            player.debt_us = max(0, pump.source.newest_dts_us - start.dts_us)
            self.go_on(player)

    def _stand_at(self, player: Player, start: Entry, headers: bytes) -> None:
        player.tail += headers
        player.position = self._pump.log.position_of(start.seq)
        player.epoch = start.epoch
        self._set_state(player, PlayerState.BEHIND)

    def wait_for_start(self, player: Player, from_seq: int) -> None:
        """Hold `player` until a start point at or after `from_seq` comes."""
        player.wait_from_seq = from_seq
        if not player.joined:
            player.seq_from = self._pump.log.end_seq
            player.joined = True
        self._set_state(player, PlayerState.WAITING)
        self._try_tail(player)

    def _set_state(self, player: Player, state: PlayerState) -> None:
        pump = self._pump
        pump.behind.discard(player)
        pump.waiting.discard(player)
        player.state = state
        if state is PlayerState.BEHIND:
            pump.behind.add(player)
        elif state is PlayerState.WAITING:
            pump.waiting.add(player)

    def admit_waiting(self) -> None:
        """Start those whose start point has come."""
        pump = self._pump
        if not pump.waiting:
            return
        start = pump.source.seams.newest_start()
        if start is None:
            return
        for player in [player for player in pump.waiting if start.seq >= player.wait_from_seq]:
            self.move(player, start, "waited")
            self.go_on(player)

    # -- sending

    def go_on(self, player: Player) -> None:
        """Send what fits now; leave the rest to a task."""
        try:
            for _ in range(EAGER_STEPS):
                if player.state is not PlayerState.BEHIND or not self._step(player):
                    break
        except Lapped:
            self.close(player, "lapped")
        except OSError:
            self.lose(player)
        if player.state is PlayerState.BEHIND:
            self._pump.source.nursery.start_soon(self._run, player)

    async def _run(self, player: Player) -> None:
        try:
            while player.state is PlayerState.BEHIND:
                if self._step(player):
                    await trio.lowlevel.checkpoint()
                else:
                    await self._wait_for_room(player)
                    self._judge(player)
        except Lapped:
            self.close(player, "lapped")
        except (OSError, trio.ClosedResourceError):
            self.lose(player)

    async def _wait_for_room(self, player: Player) -> None:
        with trio.move_on_after(PATIENCE_S):
            await trio.lowlevel.wait_writable(player.sock)

    def _step(self, player: Player) -> bool:
        """Send one thing. False when the socket has no room."""
        if player.tail:
            return self._send_tail(player)
        if player.parting and not player.control:
            self._close_our_side(player, player.parting)
            return True
        if player.control and self._at_boundary(player):
            player.tail, player.control = player.control, b""
            return True
        limit = self._limit(player)
        if player.position < limit:
            return self._send_log(player, limit)
        self._arrive(player)
        return True

    def _limit(self, player: Player) -> int:
        pump = self._pump
        limit, _ = pump.source.seams.limit(player.epoch, pump.log)
        limit = min(limit, pump.position)
        if player.control:
            limit = min(limit, pump.log.position_of(pump.log.seq_at(player.position) + 1))
        return limit

    def _at_boundary(self, player: Player) -> bool:
        log = self._pump.log
        return player.position == log.end or log.position_of(log.seq_at(player.position)) == player.position

    def _send_tail(self, player: Player) -> bool:
        sent = _send_some(player.sock, (player.tail,))
        player.tail = player.tail[sent:]
        player.bytes_sent += sent
        self._pump.figures.bytes_sent += sent
        return sent > 0

    def _send_log(self, player: Player, limit: int) -> bool:
        log = self._pump.log
        start = player.position
        if not log.safe(start):
            raise Lapped(f"player {player.client_id} was overtaken by the writer")
        sent = _send_some(player.sock, log.pieces(start, min(limit, start + STEP_BYTES)))
        if not log.intact(start):
            self.close(player, "overwritten")
            return True
        player.position += sent
        player.bytes_sent += sent
        self._pump.figures.bytes_sent += sent
        if sent and not player.served:
            self._note_first_byte(player)
        return sent > 0

    def _note_first_byte(self, player: Player) -> None:
        player.served = True
        self._pump.figures.joins_s.append((time.monotonic_ns() - player.joined_ns) * 1e-9)

    def _arrive(self, player: Player) -> None:
        """`player` has all it may have: it crosses a seam, falls in, or is done."""
        pump = self._pump
        _, seam = pump.source.seams.limit(player.epoch, pump.log)
        if seam is not None and seam.epoch <= pump.epoch and seam.start is not None:
            self.move(player, seam.start, "new_epoch")
        elif pump.ended:
            self._part(player)
        elif player.position == pump.position:
            pump.fall_in(player)
        else:
            self.wait_for_start(player, pump.log.end_seq)

    # -- moving

    def move(self, player: Player, start: Entry, reason: str, *, whole: bool = False) -> None:
        """Go on at `start`: the tag in hand is completed, what lies between is dropped and counted.

        `whole`: the player is known to stand between two tags, with its accounts settled.
        """
        try:
            if player.joined and player.state is PlayerState.BEHIND and not whole:
                player.tail += self._rest_of_tag(player)
            self._move(player, start, reason)
        except Lapped:
            self.close(player, "lapped")

    def _move(self, player: Player, start: Entry, reason: str) -> None:
        pump = self._pump
        pump.log.reach(start.seq)
        headers = pump.source.headers_at(start, pump.wire)
        if headers is None:
            self.wait_for_start(player, start.seq + 1)
            return
        if not player.joined:
            player.seq_from = start.seq
            player.joined = True
        skipped = player.skip_to(start.seq)
        if skipped:
            pump.figures.tags_dropped[reason] += skipped
        self._stand_at(player, start, headers)

    def _rest_of_tag(self, player: Player) -> bytes:
        """A private copy of what is missing of the tag `player` is in the middle of; books the tags before
        its end.
        """
        log = self._pump.log
        seq = log.seq_at(player.position)
        if player.position == log.end or log.position_of(seq) == player.position:
            self._book(player, seq)
            return b""
        start = player.position
        rest = b"".join(log.pieces(start, log.position_of(seq + 1)))
        if not log.intact(start):
            raise Lapped("the rest of a tag was overwritten before it was sent")
        self._book(player, seq + 1)
        return rest

    def _book(self, player: Player, seq: int) -> None:
        self._pump.figures.tags_sent += max(0, seq - player.seq_from)
        player.settle(seq)

    def settle(self, player: Player) -> None:
        """Book what a player that leaves while behind has got in whole."""
        with contextlib.suppress(Lapped):  # then it cannot be known; such a player never closed cleanly
            self._book(player, self._pump.log.seq_at(player.position))

    # -- judging

    def _judge(self, player: Player) -> None:
        """Has this player too much before it?"""
        pump = self._pump
        if player.state is not PlayerState.BEHIND:
            return
        if player.slow is None:
            player.slow = SlowPlayer(pump.source.lag_limits)
        lag_us, lag_bytes = self.lag(player)
        verdict = player.slow.judge(lag_us, lag_bytes, player.debt_us, player.debt_bytes, trio.current_time())
        if verdict is Verdict.CLOSE:
            self.close(player, "too_slow")
        elif verdict is Verdict.WAIT:
            self._wait_after_tag(player)
        elif verdict is Verdict.JUMP:
            self._jump(player)

    def lag(self, player: Player) -> tuple[int, int]:
        """How far behind: microseconds of media in the ring, and bytes with those still in the kernel's
        queue.
        """
        pump = self._pump
        return self.lag_us(player), pump.log.end - player.position + _queued_bytes(player.sock)

    def lag_us(self, player: Player) -> int:
        """Media time between a player behind and the newest tag."""
        source = self._pump.source
        try:
            return max(0, source.newest_dts_us - source.dts_us_of(self._pump.log.seq_at(player.position)))
        except Lapped:
            return 0

    def _jump(self, player: Player) -> None:
        pump = self._pump
        start = pump.source.seams.newest_start()
        if start is None or start.seq <= pump.log.seq_at(player.position):
            self._wait_after_tag(player)
            return
        player.jumps += 1
        pump.figures.jumps["too_slow"] += 1
        self.move(player, start, "too_slow")

    def _wait_after_tag(self, player: Player) -> None:
        player.jumps += 1
        self._pump.figures.jumps["waited"] += 1
        player.tail += self._rest_of_tag(player)
        self.wait_for_start(player, self._pump.log.end_seq)

    # -- ending

    def speak_while_waiting(self, player: Player) -> None:
        """A waiting player stands at a boundary: its control bytes may go at once."""
        player.tail += player.control
        player.control = b""
        self._try_tail(player)
        if player.parting:
            self._close_our_side(player, player.parting)

    def _try_tail(self, player: Player) -> None:
        try:
            while player.tail and self._send_tail(player):
                pass
        except OSError:
            self.lose(player)

    def see_out(self, player: Player) -> None:
        """The stream is over for a player that waits: it has nothing more to come but the farewell."""
        player.position, player.epoch = self._pump.position, self._pump.epoch
        self._set_state(player, PlayerState.BEHIND)
        self.go_on(player)

    def _part(self, player: Player) -> None:
        """Everything was sent: say good-bye, and once that is out close our side; the peer closes the
        other.
        """
        if player.farewell is None:
            self._close_our_side(player, self._pump.ended)
        else:
            player.tail, player.farewell = player.farewell(), None

    def _close_our_side(self, player: Player, reason: str) -> None:
        self.settle(player)
        self._set_state(player, PlayerState.DONE)
        player.reason = reason
        player.linger_until_s = trio.current_time() + LINGER_S
        with contextlib.suppress(OSError):  # the peer was quicker
            player.sock.shutdown(socket.SHUT_WR)

    def lose(self, player: Player) -> None:
        self.close(player, "connection_lost")

    def close(self, player: Player, reason: str) -> None:
        """End this player now, whatever is still owed to it."""
        if player.done:
            return
        self._pump.leave(player, reason)
        player.hang_up()

    # -- the whole audience

    def park_all(self, reason: str) -> None:
        """There is nothing to go on with: everybody waits for the next start point."""
        pump = self._pump
        for player in list(pump.players()):
            if player.state is PlayerState.IN_STEP:
                pump.fall_out(player)
                pump.figures.jumps[reason] += 1
                self.wait_for_start(player, pump.log.end_seq)

    def renew_log(self, head: Head) -> None:
        """The ring was faster than a derived log: the log begins anew at the head, and everybody waits for a
        start.
        """
        pump = self._pump
        for player in list(pump.behind):
            self.close(player, "lapped")
        self.park_all("lapped")
        pump.renew(head)

    def oldest_needed(self) -> int:
        """The first byte of the log that somebody, or the next to join, may ask for."""
        pump = self._pump
        needed = min([pump.position, *(player.position for player in pump.behind)])
        start = pump.source.seams.newest_start()
        try:
            return needed if start is None else min(needed, pump.log.position_of(start.seq))
        except Lapped:
            return needed


def _send_some(sock: socket.socket, pieces: tuple[Bytes, ...]) -> int:
    """Bytes taken, 0 when there is no room. Raises OSError for a dead connection."""
    try:
        return sock.sendmsg(pieces)
    except BlockingIOError:
        return 0


def _queued_bytes(sock: socket.socket) -> int:
    """SIOCOUTQ: bytes that the peer has not acknowledged yet."""
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return 0
    return int(struct.unpack("=i", answer)[0])
