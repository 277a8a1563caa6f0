"""The pump: one log out to all its players.

Theory of operation
-------------------
Players that have everything stand at one place, the pump's `position`. A pass sends the same object to each
of them, one non-blocking `send` per player, and moves that place once for all. There is nothing else in the
loop: no per-player cursor, no counter, no task switch. A `send` that took less than all of it makes that
player fall behind: it leaves the loop, gets a cursor of its own and a task that waits for room
(catch_up.py), and falls in again when it stands where the pump stands. A player that joins starts behind,
with the start debt of its GOP.

The loop gives way to other tasks once a millisecond, so players may come and go in the middle of a pass:

  - the pump's place is moved before the first send, so whoever falls in during a pass is already past it;
  - whoever leaves during a pass is replaced by a stone in both lists, so that indexes stay true; the lists
  are closed up
    when the pass is over;
  - `_reached` tells how far the pass is: a leaver before it has the bytes of this pass, one behind it has
  not.

Why not a task per player that copies from a queue: waking a task costs about ten times the `send`. Why not
one epoll loop over all sockets: readiness tells nothing new about a socket that took everything last time.
"""

import time
from collections.abc import Callable, Iterable
from typing import Protocol

import trio

from engine.policy.lag import LagLimits
from shm.errors import Lapped
from shm.ring import Entry, RingReader
from workers.fanout.catch_up import CatchUp
from workers.fanout.figures import PumpFigures
from workers.fanout.logs import Bytes, Head, Log, log_for
from workers.fanout.player import Player, PlayerState
from workers.fanout.seams import Seam, Seams
from workers.fanout.wire import Wire

TURN_S: float = 0.001
"""How long a pass keeps the event loop, seconds (DESIGN.md, idea 4)."""

BATCH: int = 32
"""Sends between two looks at the clock: about 0.2 ms at 1 Mbit/s, 0.5 ms at 8 Mbit/s."""


class Source(Protocol):
    """What a pump asks of the stream it sends."""

    seams: Seams
    reader: RingReader
    nursery: trio.Nursery
    lag_limits: LagLimits
    newest_dts_us: int

    def dts_us_of(self, seq: int) -> int:
        """Time of tag `seq`; the newest time for one that is still to come, or gone."""
        ...

    def headers_at(self, start: Entry, wire: Wire) -> bytes | None:
        """Metadata and codec headers as they go before `start`; None if they have changed since."""
        ...


def _stone(data: Bytes) -> int:
    """Stands in the list of sends for a player that left during the pass."""
    return -1


class Pump:
    """All players of one stream and one wire in this worker.

    Args:
        source: the stream.
        wire: how tags look to these players.
        head: the ring's end; the pump's log begins there, empty.
    """

    def __init__(self, source: Source, wire: Wire, head: Head) -> None:
        self.source = source
        self.wire = wire
        self.ended = ""  # why the stream is over, once it is
        self.behind: set[Player] = set()
        self.waiting: set[Player] = set()
        self.figures = PumpFigures()
        self._players: list[Player | None] = []
        self._sends: list[Callable[[Bytes], int]] = []
        self._passing = False
        self._pass_size = 0  # players in the running pass; those behind it fell in since
        self._reached = 0
        self._catch_up = CatchUp(self)
        self.renew(head)

    def renew(self, head: Head) -> None:
        """Begin at `head` with an empty log."""
        self.log: Log = log_for(self.wire, self.source.reader, head)
        self.epoch = head.newest.epoch
        self.position, self.seq = self.log.end, self.log.end_seq
        self._origin = (self.position, self.seq)  # where the running pass began

    @property
    def player_count(self) -> int:
        return self.in_step_count + len(self.behind) + len(self.waiting)

    @property
    def in_step_count(self) -> int:
        return len(self._players) if not self._passing else sum(p is not None for p in self._players)

    def players(self) -> Iterable[Player]:
        yield from [player for player in self._players if player is not None]
        yield from list(self.behind)
        yield from list(self.waiting)

    # -- coming and going

    def join(self, player: Player, start: Entry | None) -> None:
        """Take in a new player at `start`, or at the next start point if there is none."""
        self._catch_up.begin(player, start)

    def leave(self, player: Player, reason: str) -> None:
        """The connection is over; book what the player got. Harmless when it has left already."""
        if player.state is PlayerState.IN_STEP:
            self.fall_out(player)
        elif player.state is PlayerState.BEHIND:
            self._catch_up.settle(player)
        self.behind.discard(player)
        self.waiting.discard(player)
        if not player.done:
            player.state = PlayerState.DONE
            player.reason = reason

    def divert(self, player: Player, control: bytes) -> None:
        """Send `control` to this player at the next boundary between tags."""
        player.control += control
        if player.state is PlayerState.IN_STEP:
            self.fall_out(player)
            self._catch_up.go_on(player)
        elif player.state is PlayerState.WAITING:
            self._catch_up.speak_while_waiting(player)

    def part(self, player: Player, farewell: bytes, reason: str) -> None:
        """End this player with a last word at the next boundary between tags."""
        player.parting = reason
        self.divert(player, farewell)

    def finish(self, reason: str) -> None:
        """The stream is over: everybody gets the rest, a farewell, and the end of the connection."""
        self.ended = reason
        for player in self.players():
            if player.state is PlayerState.IN_STEP:
                self.fall_out(player)
                self._catch_up.go_on(player)
            elif player.state is PlayerState.WAITING:
                self._catch_up.see_out(player)

    def fall_in(self, player: Player) -> None:
        """`player` has everything up to the pump's place: from now on it costs one send per pass."""
        self.behind.discard(player)
        self.figures.tags_sent += max(0, self.seq - player.seq_from)
        player.settle(self.seq)
        player.state = PlayerState.IN_STEP
        player.offset = player.bytes_sent - self.position
        player.debt_bytes = player.debt_us = 0
        player.index = len(self._players)
        self._players.append(player)
        self._sends.append(player.sock.send)

    def fall_out(self, player: Player) -> None:
        """Take `player` out of step, with a cursor of its own where it really stands."""
        position, seq = (self.position, self.seq) if self._has_all(player) else self._origin
        self._remove(player)
        player.position = position
        player.bytes_sent = player.offset + position
        player.settle(seq)
        player.epoch = self.epoch
        player.state = PlayerState.BEHIND
        self.behind.add(player)

    def _has_all(self, player: Player) -> bool:
        return not self._passing or not self._reached <= player.index < self._pass_size

    def _remove(self, player: Player) -> None:
        if self._passing:
            self._players[player.index] = None
            self._sends[player.index] = _stone
        else:
            last = self._players.pop()
            send = self._sends.pop()
            if last is not player and last is not None:
                last.index = player.index
                self._players[player.index] = last
                self._sends[player.index] = send
        player.index = -1

    # -- a pass

    async def run_pass(self, head: Head) -> None:
        """Bring everybody in step up to `head`, as far as its epochs allow."""
        try:
            self.log.advance(head)
        except Lapped:
            self._catch_up.renew_log(head)
        first = self.seq
        while await self._advance():
            pass
        self._catch_up.admit_waiting()
        self._sample_latency(first)
        if self.log.holds_copies:
            self.log.trim(self._catch_up.oldest_needed())

    def _sample_latency(self, first_seq: int) -> None:
        """How long the oldest tag of this pass took from ingest to the last player's socket."""
        if self.seq > first_seq and self._players:
            try:
                ingest_ns = self.source.reader.entry(first_seq).ingest_ns
            except Lapped:
                return
            self.figures.latencies_s.append((time.monotonic_ns() - ingest_ns) * 1e-9)

    def lag_us(self, player: Player) -> int:
        """Media time between a player behind and the newest tag."""
        return self._catch_up.lag_us(player)

    def sample_lags_s(self) -> list[float]:
        """Seconds behind the newest tag: of each player behind, and once for all in step."""
        lags_us = [self._catch_up.lag_us(player) for player in self.behind]
        if self._players:
            lags_us.append(max(0, self.source.newest_dts_us - self.source.dts_us_of(self.seq)))
        return [lag_us * 1e-6 for lag_us in lags_us]

    def take_figures(self) -> PumpFigures:
        """What was counted since the last time."""
        figures, self.figures = self.figures, PumpFigures()
        return figures

    async def _advance(self) -> bool:
        """One stretch: up to a seam or the end. False when there is nothing to do."""
        limit, seam = self.source.seams.limit(self.epoch, self.log)
        if self.position < limit:
            await self._send_up_to(limit)
            return True
        if seam is None or seam.start is None:
            return False
        await self._cross(seam)
        return True

    async def _send_up_to(self, limit: int) -> None:
        if not self._players:
            self._move_to(limit)
        elif not self.log.safe(self.position):
            await self._relocate("lapped")
        else:
            pieces = self.log.pieces(self.position, limit)
            await self._send_to_all(pieces)

    def _move_to(self, position: int) -> None:
        self._origin = (self.position, self.seq)
        self.position = position
        self.seq = self.log.end_seq if position == self.log.end else self.log.seq_at(position)

    async def _send_to_all(self, pieces: tuple[Bytes, ...]) -> None:
        size = sum(map(len, pieces))
        self._move_to(self.position + size)
        self._passing, self._pass_size, self._reached = True, len(self._players), 0
        turn_ends_s = time.perf_counter() + TURN_S
        try:
            while self._reached < self._pass_size:
                self._send_batch(min(self._reached + BATCH, self._pass_size), pieces, size)
                if time.perf_counter() > turn_ends_s:
                    await trio.lowlevel.checkpoint()
                    turn_ends_s = time.perf_counter() + TURN_S
        finally:
            self._passing = False
            self._close_up()
        self._check_intact()

    def _send_batch(self, stop: int, pieces: tuple[Bytes, ...], size: int) -> None:
        first = self._reached
        if len(pieces) == 1:
            short = _send_each(self._sends[first:stop], pieces[0], size)
        else:
            short = _sendmsg_each(self._players[first:stop], pieces, size)
        self.figures.bytes_sent += size * (stop - first)
        self.figures.tags_sent += (self.seq - self._origin[1]) * (stop - first)
        for index, sent in short:
            self._fell_short(self._players[first + index], sent, size)
        self._reached = stop

    def _fell_short(self, player: Player | None, sent: int, size: int) -> None:
        self.figures.bytes_sent -= size - max(0, sent)
        self.figures.tags_sent -= self.seq - self._origin[1]
        if player is None:
            return
        self.fall_out(player)  # stands at the origin: `_reached` has not passed it yet
        if sent < 0:
            self._catch_up.lose(player)
            return
        player.position += sent
        player.bytes_sent += sent
        self._catch_up.go_on(player)

    def _close_up(self) -> None:
        """Take the stones out of both lists."""
        if None not in self._players:
            return
        players = [player for player in self._players if player is not None]
        for index, player in enumerate(players):
            player.index = index
        self._players[:] = players
        self._sends[:] = [player.sock.send for player in players]

    def _check_intact(self) -> None:
        """If the writer came by while we were sending, those bytes are wrong: nothing can mend those
        connections.
        """
        if self.log.intact(self._origin[0]):
            return
        for player in [player for player in self._players if player is not None]:
            self._catch_up.close(player, "overwritten")

    # -- places where the bytes do not simply go on

    async def _cross(self, seam: Seam) -> None:
        """Everybody in step goes over to the seam's start point, with the headers of the new epoch."""
        assert seam.start is not None
        self.epoch = seam.epoch
        await self._move_all(seam.start, "new_epoch")

    async def _relocate(self, reason: str) -> None:
        """The worker slept longer than the ring is long: go on at the newest start point, or wait for one."""
        start = self.source.seams.newest_start()
        if start is None or not self.log.safe(start.pos):
            self._catch_up.park_all(reason)
            self._move_to(self.log.end)
        else:
            await self._move_all(start, reason)

    async def _move_all(self, start: Entry, reason: str) -> None:
        players = [player for player in self._players if player is not None]
        for player in players:
            self.fall_out(player)
        self._origin = (self.position, self.seq)
        self.log.reach(start.seq)
        self.position, self.seq = self.log.position_of(start.seq), start.seq
        for done, player in enumerate(players, 1):
            if player.state is PlayerState.BEHIND:
                self._catch_up.move(player, start, reason, whole=True)
                self._catch_up.go_on(player)
            if done % BATCH == 0:
                await trio.lowlevel.checkpoint()


def _send_each(sends: list[Callable[[Bytes], int]], data: Bytes, size: int) -> list[tuple[int, int]]:
    """The loop that everything else is there for. Returns (index, bytes taken) of those that did not take
    all of it, with -1 for a dead connection."""
    short = []
    for index, send in enumerate(sends):
        try:
            sent = send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = -1
        if sent != size:
            short.append((index, sent))
    return short


def _sendmsg_each(
    players: list[Player | None], pieces: tuple[Bytes, ...], size: int
) -> list[tuple[int, int]]:
    """The same for bytes that wrap around the ring's end: once per lap of the ring."""
    short = []
    for index, player in enumerate(players):
        try:
            sent = player.sock.sendmsg(pieces) if player else -1
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = -1
        if sent != size:
            short.append((index, sent))
    return short
