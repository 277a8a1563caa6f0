"""Where the players of one log stand.

Players that have everything stand together in the ranks, at the ground's `position`; the others have a place
of their own. Everything that moves a player from one state to another (pump, catch_up, moves, judge,
goodbyes) does it here, so that lists, states and accounts cannot disagree.
"""

from collections.abc import Iterator
from typing import Protocol

import trio

from engine.policy.lag import LagLimits
from shm.errors import Lapped
from shm.ring import Entry, RingReader
from workers.fanout.figures import PumpFigures
from workers.fanout.logs import Head, Log
from workers.fanout.mp4_log import log_for
from workers.fanout.player import Player, PlayerState
from workers.fanout.ranks import Ranks
from workers.fanout.seams import Seams
from workers.fanout.wire import Wire


class Source(Protocol):
    """What is asked of the stream that is sent."""

    seams: Seams
    reader: RingReader
    nursery: trio.Nursery
    lag_limits: LagLimits
    newest_dts_us: int

    async def give_way(self) -> None:
        """Let the other tasks have a turn, without counting it as part of the pass."""
        ...

    def dts_us_of(self, seq: int) -> int:
        """Time of tag `seq`; the newest time for one that is still to come, or gone."""
        ...

    def codec_headers(self) -> bytes:
        """Metadata and codec headers as they are now, as whole FLV tags."""
        ...

    def headers_at(self, start: Entry, wire: Wire) -> bytes | None:
        """Metadata and codec headers as they go before `start`; None if they have changed since."""
        ...


class Ground:
    """All players of one stream and one wire in this worker.

    Args:
        source: the stream.
        wire: how tags look to these players.
        head: the ring's end; the log begins there, empty.
    """

    log: Log

    def __init__(self, source: Source, wire: Wire, head: Head) -> None:
        self.source = source
        self.wire = wire
        self.ended = ""  # why the stream is over, once it is
        self.ranks = Ranks()
        self.behind: set[Player] = set()
        self.waiting: set[Player] = set()
        self.figures = PumpFigures()
        self.renew(head)

    def renew(self, head: Head) -> None:
        """Begin at `head` with an empty log."""
        self.log = log_for(self.wire, self.source, head)
        self.epoch = head.newest.epoch
        self.position, self.seq = self.log.end, self.log.end_seq
        self.origin = (self.position, self.seq)  # where the running pass began

    def __len__(self) -> int:
        return len(self.ranks) + len(self.behind) + len(self.waiting)

    def __iter__(self) -> Iterator[Player]:
        """Those here at this moment, whoever changes places meanwhile."""
        return iter([*self.ranks, *self.behind, *self.waiting])

    def stand_at(self, position: int, seq: int) -> None:
        """Move the ranks' place."""
        self.origin = (self.position, self.seq)
        self.position, self.seq = position, seq

    def advance_to(self, position: int) -> None:
        """Move the ranks' place to a boundary further on in the log."""
        self.stand_at(position, self.log.end_seq if position == self.log.end else self.log.seq_at(position))

    # -- from state to state

    def fall_in(self, player: Player) -> None:
        """`player` has everything up to the ranks' place: from now on it costs one send per pass."""
        self.behind.discard(player)
        self.book(player, self.seq)
        player.state = PlayerState.IN_STEP
        player.offset = player.bytes_sent - self.position
        player.debt_bytes = player.debt_us = 0
        self.ranks.add(player)

    def fall_out(self, player: Player) -> None:
        """Take `player` out of the ranks, with a place of its own where it really stands."""
        position, seq = (self.position, self.seq) if self.ranks.has_all(player) else self.origin
        self.ranks.remove(player)
        player.position = position
        player.bytes_sent = player.offset + position
        player.settle(seq)  # passes have put these tags into the figures already
        player.epoch = self.epoch
        player.state = PlayerState.BEHIND
        self.behind.add(player)

    def put(self, player: Player, state: PlayerState) -> None:
        """Change the state of a player that is not in the ranks."""
        self.behind.discard(player)
        self.waiting.discard(player)
        player.state = state
        if state is PlayerState.BEHIND:
            self.behind.add(player)
        elif state is PlayerState.WAITING:
            self.waiting.add(player)

    # -- accounts

    def book(self, player: Player, seq: int) -> None:
        """Tags before `seq` were delivered to a player out of the ranks."""
        self.figures.tags_sent += max(0, seq - player.seq_from)
        player.settle(seq)

    def finish_cut_tag(self, player: Player, sent_bytes: int) -> None:
        """So much went out to a player whose tail begins with the rest of a tag; the last byte counts it."""
        player.cut_bytes = max(0, player.cut_bytes - sent_bytes)
        if not player.cut_bytes:
            player.delivered += 1
            self.figures.tags_sent += 1

    def give_up_cut_tag(self, player: Player, reason: str) -> None:
        """The rest of that tag will never go out."""
        if player.cut_bytes:
            player.cut_bytes = 0
            player.dropped += 1
            self.figures.tags_dropped[reason] += 1

    def drop(self, player: Player, seq: int, reason: str) -> None:
        """Tags before `seq` that are not booked will never be sent."""
        if skipped := player.skip_to(seq):
            self.figures.tags_dropped[reason] += skipped

    # -- distances

    def limit(self, player: Player) -> int:
        """How far a player out of the ranks may be sent: to their place, or to the next seam before it."""
        limit, _ = self.source.seams.limit(player.epoch, self.log)
        return min(limit, self.position)

    def at_boundary(self, player: Player) -> bool:
        """Whether the player's place is between two tags. Raises Lapped."""
        log = self.log
        return player.position == log.end or log.position_of(log.seq_at(player.position)) == player.position

    def lag_us(self, player: Player) -> int:
        """Media time between a player behind and the newest tag."""
        try:
            seq = self.log.seq_at(player.position)
        except Lapped:
            return 0
        return max(0, self.source.newest_dts_us - self.source.dts_us_of(seq))

    def oldest_needed(self) -> int:
        """The first byte of the log that somebody, or the next to join, may ask for."""
        needed = min([self.position, *(player.position for player in self.behind)])
        start = self.source.seams.newest_start()
        try:
            return needed if start is None else min(needed, self.log.position_of(start.seq))
        except Lapped:
            return needed
