"""The pump: one log out to all its players.

Theory of operation
-------------------
Players that have everything stand at one place. A pass sends the same object to each of them, one
non-blocking `send` per player, and moves that place once for all: no cursor, no counter, no task switch per
player. A `send` that took less than all of it makes that player fall behind: it leaves the ranks (ranks.py),
gets a place of its own and a task that waits for room (catch_up.py), and falls in again when it has caught
up. A player that joins starts behind, with the start debt of its GOP.

The place is moved before the first send of a pass, so whoever falls in during the pass is already past it.

Why not a task per player that copies from a queue: waking a task costs about ten times the `send`. Why not
one epoll loop over all sockets: readiness tells nothing new about a socket that took everything last time.
"""

import time
from collections.abc import Iterable

import trio

from shm.errors import Lapped
from shm.ring import Entry
from workers.fanout.catch_up import CatchUp
from workers.fanout.figures import PumpFigures
from workers.fanout.goodbyes import LINGER_S, Goodbyes
from workers.fanout.ground import Ground, Source
from workers.fanout.logs import Head
from workers.fanout.moves import Moves
from workers.fanout.player import Player, PlayerState
from workers.fanout.wire import Wire

MOVES_PER_TURN: int = 32
"""Players moved to another place between two turns of the event loop: about a millisecond."""

MAX_CONTROL_BYTES: int = 64 * 1024
"""Answers that may wait for a player to read. Who asks and does not listen has no use for more."""


class Pump:
    """Sends one stream in one wire format.

    Args:
        source: the stream.
        wire: how tags look to these players.
        head: the ring's end; the pump begins there.
    """

    def __init__(self, source: Source, wire: Wire, head: Head) -> None:
        self.wire = wire
        self._ground = Ground(source, wire, head)
        self._goodbyes = Goodbyes(self._ground)
        self._moves = Moves(self._ground, self._goodbyes)
        self._catch_up = CatchUp(self._ground, self._moves, self._goodbyes)

    # -- players

    @property
    def player_count(self) -> int:
        return len(self._ground)

    def players(self) -> Iterable[Player]:
        return iter(self._ground)

    def join(self, player: Player, start: Entry | None) -> None:
        """Take in a new player at `start`, or at the next start point if there is none."""
        self._catch_up.begin(player, start)

    def leave(self, player: Player, reason: str) -> None:
        """The connection is over; book what the player got. Harmless when it has left already."""
        self._goodbyes.leave(player, reason)

    def divert(self, player: Player, control: bytes) -> None:
        """Send `control` to this player at the next boundary between tags."""
        player.control += control
        if len(player.control) > MAX_CONTROL_BYTES:
            self._goodbyes.close(player, "too_slow")
        elif player.state is PlayerState.IN_STEP:
            self._ground.fall_out(player)
            self._catch_up.go_on(player)
        elif player.state is PlayerState.WAITING:
            self._catch_up.go_on(player)

    def part(self, player: Player, farewell: bytes, reason: str) -> None:
        """End this player with a last word at the next boundary between tags, if it has room for it."""
        player.parting = reason
        player.linger_until_s = trio.current_time() + LINGER_S
        self.divert(player, farewell)
        if player.state is PlayerState.WAITING:  # without room; and nobody looks after it until a start comes
            self._goodbyes.close(player, reason)

    def finish(self, reason: str) -> None:
        """The stream is over: everybody gets the rest, a farewell, and the end of the connection.

        Who has not taken the rest after the time that a player may lag is cut off: the ring is kept for it.
        """
        self._ground.ended = reason
        until_s = trio.current_time() + self._ground.source.lag_limits.max_lag_s + LINGER_S
        for player in self._ground:
            player.linger_until_s = until_s
            if player.state is PlayerState.IN_STEP:
                self._ground.fall_out(player)
                self._catch_up.go_on(player)
            elif player.state is PlayerState.WAITING:
                self._catch_up.see_out(player)

    # -- what is known about them

    def totals(self, player: Player) -> tuple[int, int]:
        """(bytes, whole tags) that `player` has been sent up to now."""
        ground = self._ground
        if player.state is not PlayerState.IN_STEP:
            return player.bytes_sent, player.delivered
        return player.offset + ground.position, player.delivered + max(0, ground.seq - player.seq_from)

    def lag_us(self, player: Player) -> int:
        """Media time between a player behind and the newest tag."""
        return self._ground.lag_us(player)

    def sample_lags_s(self) -> list[float]:
        """Seconds behind the newest tag: of each player behind, and once for all in step."""
        ground = self._ground
        lags_us = [ground.lag_us(player) for player in ground.behind]
        if len(ground.ranks):
            lags_us.append(max(0, ground.source.newest_dts_us - ground.source.dts_us_of(ground.seq)))
        return [lag_us * 1e-6 for lag_us in lags_us]

    def take_figures(self) -> PumpFigures:
        """What was counted since the last time."""
        figures, self._ground.figures = self._ground.figures, PumpFigures()
        figures.message_bytes += self._ground.log.take_message_bytes()
        return figures

    # -- a pass

    async def run_pass(self, head: Head) -> None:
        """Bring everybody in step up to `head`, as far as their epoch goes."""
        ground = self._ground
        try:
            ground.log.advance(head)
        except Lapped:
            self._renew(head)
        first_seq = ground.seq
        while await self._advance():
            pass
        self._catch_up.admit_waiting()
        self._sample_latency(first_seq)
        if ground.log.holds_copies:
            ground.log.trim(ground.oldest_needed())

    async def _advance(self) -> bool:
        """One stretch: up to a seam or the end. False when there is nothing to do."""
        ground = self._ground
        limit, seam = ground.source.seams.limit(ground.epoch, ground.log)
        if ground.position < limit:
            await self._send_up_to(limit)
            return True
        if seam is None or seam.start is None:
            return False
        await self._move_all(seam.start, "new_epoch")
        return True

    async def _send_up_to(self, limit: int) -> None:
        ground = self._ground
        if not len(ground.ranks):
            ground.advance_to(limit)
        elif not ground.log.safe(ground.position):
            await self._jump_all("lapped")
        else:
            await self._send_to_ranks(limit)

    async def _send_to_ranks(self, limit: int) -> None:
        ground = self._ground
        pieces = ground.log.pieces(ground.position, limit)
        size = sum(map(len, pieces))
        ground.advance_to(ground.position + size)
        tags = ground.seq - ground.origin[1]
        whole = await ground.ranks.send(pieces, size, self._fell_short, ground.source.give_way)
        ground.figures.bytes_sent += size * whole
        ground.figures.tags_sent += tags * whole
        if not ground.log.intact(ground.origin[0]):
            self._close_ranks("overwritten")

    def _fell_short(self, player: Player, taken: int) -> None:
        self._ground.fall_out(player)  # where the pass began: its turn is not over yet
        if taken < 0:
            self._goodbyes.close(player, "connection_lost")
            return
        player.position += taken
        player.bytes_sent += taken
        self._ground.figures.bytes_sent += taken
        self._catch_up.go_on(player)

    def _close_ranks(self, reason: str) -> None:
        """The writer came by while we were sending: those bytes are wrong, and nothing mends the
        connections.
        """
        for player in self._ground.ranks:
            self._goodbyes.close(player, reason)

    def _sample_latency(self, first_seq: int) -> None:
        """How long the oldest tag of this pass took from ingest to the last player's socket."""
        ground = self._ground
        if ground.seq > first_seq and len(ground.ranks):
            try:
                ingest_ns = ground.source.reader.entry(first_seq).ingest_ns
            except Lapped:
                return
            ground.figures.latencies_s.append((time.monotonic_ns() - ingest_ns) * 1e-9)

    # -- when everybody must move

    async def _jump_all(self, reason: str) -> None:
        """The worker slept longer than the ring is long: go on at the newest start point, or wait for one."""
        ground = self._ground
        start = ground.source.seams.newest_start()
        if start is None or start.seq >= ground.log.end_seq or not ground.log.safe(start.pos):
            self._wait_all(reason)
        else:
            ground.figures.jumps[reason] += len(ground.ranks)
            await self._move_all(start, reason)

    async def _move_all(self, start: Entry, reason: str) -> None:
        ground = self._ground
        try:
            ground.log.reach(start.seq)
            position = ground.log.position_of(start.seq)
        except Lapped:
            self._wait_all("lapped")
            return
        players = list(ground.ranks)
        for player in players:
            ground.fall_out(player)  # still in the old epoch: the move tells it the headers of the new one
        ground.epoch = start.epoch
        ground.stand_at(position, start.seq)
        for number, player in enumerate(players, 1):
            if player.state is PlayerState.BEHIND:
                self._moves.move(player, start, reason, whole=True)
                self._catch_up.go_on(player)
            if number % MOVES_PER_TURN == 0:
                await ground.source.give_way()

    def _wait_all(self, reason: str) -> None:
        """Let everybody in step wait at the log's end; the seams before it are behind us."""
        ground = self._ground
        self._park_all(reason)
        ground.advance_to(ground.log.end)
        ground.epoch = ground.source.seams.epoch

    def _park_all(self, reason: str) -> None:
        """There is nothing to go on with: everybody in step waits for the next start point."""
        ground = self._ground
        ground.figures.jumps[reason] += len(ground.ranks)
        for player in ground.ranks:
            ground.fall_out(player)
            self._moves.wait_for_start(player, ground.log.end_seq)

    def _renew(self, head: Head) -> None:
        """The ring was faster than a derived log: the log begins anew at the head."""
        for player in list(self._ground.behind):
            self._goodbyes.close(player, "lapped")
        self._park_all("lapped")
        self._ground.renew(head)
