"""The pump of SRT players: what `Pump` is for byte streams.

A pass encodes the new tags once and gives the same pieces to every link; each adds a header and, if it must,
encryption, and hands the kernel as many datagrams per call as it takes. There is no catching up: a link that
cannot keep up drops what is too late for its peer, as the protocol has it, and counts that.

Players begin where their start mode says, as far as the log goes back: it began when the first of them came,
and holds no more than the GOP limits allow.
"""

import contextlib
import itertools
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from engine.media.gop import GopLimits
from shm.errors import Lapped
from shm.ring import Entry
from workers.fanout.figures import PumpFigures
from workers.fanout.ground import Source
from workers.fanout.logs import Head
from workers.fanout.player import Player, PlayerState
from workers.fanout.srt_player import SrtPlayer
from workers.fanout.ts_log import Piece, TsLog
from workers.fanout.wire import FLV, Wire
from workers.runtime.circle import Circle, now_us


class TsSource(Source, Protocol):
    """What is asked of the stream beside that."""

    gop_limits: GopLimits


class TsPump:
    """Sends one stream to SRT players.

    Args:
        source: the stream.
        wire: its name, for counters.
        circle: serves the links between passes.
        head: how far the stream's seams are known; later ones by the passes.
    """

    def __init__(self, source: TsSource, wire: Wire, circle: Circle, head: Head) -> None:
        self.wire = wire
        self._source = source
        self._head = head
        self._circle = circle
        self._log = TsLog(source.reader)
        self._players: set[SrtPlayer] = set()
        self._figures = PumpFigures()

    @property
    def player_count(self) -> int:
        return len(self._players)

    def players(self) -> Iterable[Player]:
        return list(self._players)

    def join(self, player: Player, start: Entry | None) -> None:
        """Take in a new player: it begins at `start`, at the first start point behind it that the log still
        has, or at the next to come."""
        assert isinstance(player, SrtPlayer)
        player.state = PlayerState.WAITING
        self._players.add(player)
        self._circle.add(player)
        if self._log.seq < 0 and start is not None and not self._begin_with(start):
            start = None
        player.wait_from_seq = player.seq_from = self._end_seq() if start is None else start.seq
        found = self._log.from_start(player.wait_from_seq)
        if found is not None:
            player.seq_from = found[0]
            self._start(player, found[1])

    def leave(self, player: Player, reason: str) -> None:
        """The connection is over. Harmless when it has left already."""
        assert isinstance(player, SrtPlayer)
        if player.done:
            return
        self._players.discard(player)
        self._circle.remove(player)
        if player.state is not PlayerState.WAITING:
            player.settle(self._log.seq)
            self._note_dropped("left", player.give_up_pending())
        self._count(player)
        player.bytes_sent = player.sent_bytes
        player.state = PlayerState.DONE
        player.reason = reason
        if not self._players:  # nobody to encode for: whoever comes next begins a log of their own
            self._log = TsLog(self._source.reader)

    def finish(self, reason: str) -> None:
        """The stream is over: SRT says goodbye to everybody."""
        for player in list(self._players):
            self.leave(player, reason)
            player.over.set()

    # -- a pass

    async def run_pass(self, head: Head) -> None:
        """Encode what is new, and give it to everybody."""
        self._head = head
        if not self._players:
            return
        try:
            pieces = self._advance(head)
        except Lapped:
            self._restart("lapped")
            return
        if pieces:
            playing = [player for player in self._players if player.state is not PlayerState.WAITING]
            self._send(playing, pieces)
            self._start_waiting()
            self._log.trim(self._source.gop_limits)
            self._figures.latencies_s.append((time.monotonic_ns() - head.newest.ingest_ns) * 1e-9)

    def _advance(self, head: Head) -> list[Piece]:
        """New pieces up to the ring's head, crossing into a new epoch at its first start point."""
        if self._log.seq < 0 or head.newest.epoch != self._log.epoch:
            start = self._source.seams.newest_start()
            if start is None or start.epoch != head.newest.epoch or not self._is_wanted(start):
                return []
            if not self._begin(start, "new_epoch"):
                return []
        return self._log.advance(head.seq)

    def _is_wanted(self, start: Entry) -> bool:
        """Whether somebody plays, or waits for a start point no later than this."""
        return any(
            player.state is not PlayerState.WAITING or player.wait_from_seq <= start.seq
            for player in self._players
        )

    def _begin_with(self, start: Entry) -> bool:
        """Begin the log for its first player, as far as the last pass has seen the stream."""
        if not self._begin(start, "joined"):
            return False
        if start.epoch == self._head.newest.epoch:
            with contextlib.suppress(Lapped):  # the next pass will notice
                self._log.advance(self._head.seq)
        return True

    def _begin(self, start: Entry, reason: str) -> bool:
        """Begin the log at `start`; False if its headers are not to be had any more."""
        headers = self._source.headers_at(start, FLV)
        if headers is None:
            return False
        for player in self._players:
            if player.state is not PlayerState.WAITING and start.seq > self._log.seq:
                player.settle(self._log.seq)
                self._note_dropped(reason, player.skip_to(start.seq))
        self._log.begin(start, headers)
        return True

    def _restart(self, reason: str) -> None:
        """The worker slept longer than the ring is long."""
        start = self._source.seams.newest_start()
        playing = sum(player.state is not PlayerState.WAITING for player in self._players)
        if start is not None and self._begin(start, reason):
            self._figures.jumps[reason] += playing

    def _start_waiting(self) -> None:
        """Start those whose start point has come."""
        for player in [each for each in self._players if each.state is PlayerState.WAITING]:
            found = self._log.from_start(player.wait_from_seq)
            if found is not None:
                self._note_dropped("waited", player.skip_to(found[0]))
                self._start(player, found[1])

    def _start(self, player: SrtPlayer, pieces: list[Piece]) -> None:
        player.state = PlayerState.BEHIND
        player.owe(pieces)
        self._send((player,), ())

    def _send(self, players: Iterable[SrtPlayer], pieces: Sequence[Piece]) -> None:
        now = now_us()
        for player in players:
            try:
                player.send(pieces, now)
            except Exception as error:  # a bug, and that of one connection, as in the circle
                player.fail(error)
                continue
            if not player.served and player.is_served:
                player.served = True
                self._figures.joins_s.append((time.monotonic_ns() - player.joined_ns) * 1e-9)
                if player.story is not None:
                    player.story.first_byte()
            self._circle.hurry(player, player.next_us(now))

    def _end_seq(self) -> int:
        """The first tag that is not encoded yet, or still to come."""
        return self._log.seq if self._log.seq >= 0 else self._source.reader.head_seq

    # -- what is known about them

    def totals(self, player: Player) -> tuple[int, int]:
        """(bytes, whole tags) that `player` has been sent up to now."""
        assert isinstance(player, SrtPlayer)
        tags = player.delivered
        if player.state in (PlayerState.BEHIND, PlayerState.IN_STEP):
            tags += max(0, self._log.seq - player.seq_from) - player.pending_tags
        return player.sent_bytes, max(0, tags)

    def lag_us(self, player: Player) -> int:
        """Media time between what the player has been sent and the newest tag. What it is behind at its own
        end is its latency, and its own choice."""
        assert isinstance(player, SrtPlayer)
        sent_us = player.sent_up_to_us()
        if sent_us is None:
            sent_us = self._source.dts_us_of(self._log.seq) if self._log.seq >= 0 else self._newest_us
        return max(0, self._newest_us - sent_us)

    def sample_lags_s(self) -> list[float]:
        """Seconds behind the newest tag: of each player behind, and once for all in step."""
        sampled = [player for player in self._players if player.state is PlayerState.BEHIND]
        in_step = (player for player in self._players if player.state is PlayerState.IN_STEP)
        sampled += itertools.islice(in_step, 1)
        return [self.lag_us(player) * 1e-6 for player in sampled]

    @property
    def _newest_us(self) -> int:
        return self._source.newest_dts_us

    def take_figures(self) -> PumpFigures:
        """What was counted since the last time."""
        for player in self._players:
            self._count(player)
        figures, self._figures = self._figures, PumpFigures()
        return figures

    def _count(self, player: SrtPlayer) -> None:
        """Put what the player has been sent since it was last counted into the figures."""
        (sent_bytes, tags), (bytes_before, tags_before) = self.totals(player), player.counted
        self._figures.bytes_sent += sent_bytes - bytes_before
        self._figures.tags_sent += max(0, tags - tags_before)
        self._note_dropped("too_slow", player.take_lost())
        player.counted = (sent_bytes, max(tags, tags_before))

    def _note_dropped(self, reason: str, tags: int) -> None:
        if tags:
            self._figures.tags_dropped[reason] += tags

    def divert(self, player: Player, control: bytes) -> None:
        """There is nothing to say to an SRT player between its media."""

    def part(self, player: Player, farewell: bytes, reason: str) -> None:
        """End this player; the goodbye is SRT's own."""
        self.leave(player, reason)
        player.hang_up()
