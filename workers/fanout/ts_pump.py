"""The pump of SRT players: what `Pump` is for byte streams.

A pass encodes the new tags once and gives the same groups to every link; each adds a header and, if it must,
encryption, and hands the kernel as many datagrams per call as it takes. There is no catching up: a link that
cannot keep up drops what is too late for its peer, as the protocol has it, and counts that.
"""

import time
from collections.abc import Iterable

from shm.errors import Lapped
from shm.ring import Entry
from workers.fanout.figures import PumpFigures
from workers.fanout.ground import Source
from workers.fanout.logs import Head
from workers.fanout.player import Player, PlayerState
from workers.fanout.srt_player import SrtPlayer
from workers.fanout.ts_log import TsLog
from workers.fanout.wire import FLV, Wire
from workers.runtime.circle import Circle, now_us


class TsPump:
    """Sends one stream to SRT players.

    Args:
        source: the stream.
        wire: its name, for counters.
        circle: serves the links between passes.
    """

    def __init__(self, source: Source, wire: Wire, circle: Circle) -> None:
        self.wire = wire
        self._source = source
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
        """Take in a new player: it begins at the newest start point, or at the next."""
        assert isinstance(player, SrtPlayer)
        self._players.add(player)
        self._circle.add(player)
        if self._log.seq < 0 and start is not None:
            self._begin(start)
        player.state = PlayerState.IN_STEP if self._log.since_start else PlayerState.WAITING
        player.seq_from = max(self._log.seq, 0)
        if self._log.since_start:
            self._send((player,), self._log.since_start)

    def leave(self, player: Player, reason: str) -> None:
        """The connection is over. Harmless when it has left already."""
        assert isinstance(player, SrtPlayer)
        if player.done:
            return
        self._players.discard(player)
        self._circle.remove(player)
        player.settle(max(self._log.seq, player.seq_from))
        player.state = PlayerState.DONE
        player.reason = reason
        if not self._players:  # nobody to encode for: whoever comes next begins a log of their own
            self._log = TsLog(self._source.reader)

    def finish(self, reason: str) -> None:
        """The stream is over: SRT says goodbye to everybody."""
        for player in list(self._players):
            self.leave(player, reason)
            player.over.set()

    async def run_pass(self, head: Head) -> None:
        """Encode what is new, and give it to everybody."""
        if not self._players:
            return
        try:
            groups = self._advance(head)
        except Lapped:
            self._restart("lapped")
            return
        if groups:
            self._send(self._players, groups)
            self._figures.latencies_s.append((time.monotonic_ns() - head.newest.ingest_ns) * 1e-9)

    def _advance(self, head: Head) -> list[bytes]:
        """New groups up to the ring's head, crossing into a new epoch at its first start point."""
        log = self._log
        if log.seq < 0 or head.newest.epoch != log.epoch:
            start = self._source.seams.newest_start()
            if start is None or start.epoch != head.newest.epoch or not self._begin(start):
                return []
        before = log.seq
        groups = log.advance(head.seq)
        self._figures.tags_sent += (log.seq - before) * len(self._players)
        for player in self._players:
            player.state = PlayerState.IN_STEP
        return groups

    def _begin(self, start: Entry) -> bool:
        """Begin the log at `start`; False if its headers are not to be had any more."""
        headers = self._source.headers_at(start, FLV)
        if headers is None:
            return False
        if self._log.seq >= 0 and (skipped := max(0, start.seq - self._log.seq)):
            self._figures.tags_dropped["new_epoch"] += skipped * len(self._players)
            for player in self._players:
                player.settle(self._log.seq)
                player.skip_to(start.seq)
        self._log.begin(start, headers)
        return True

    def _restart(self, reason: str) -> None:
        """The worker slept longer than the ring is long."""
        start = self._source.seams.newest_start()
        if start is not None:
            self._figures.jumps[reason] += len(self._players)
            self._begin(start)

    def _send(self, players: Iterable[SrtPlayer], groups: list[bytes]) -> None:
        now = now_us()
        for player in players:
            try:
                taken = player.queue(groups, now)
                player.link.push(now)
            except Exception as error:  # a bug, and that of one connection, as in the circle
                player.fail(error)
                continue
            player.bytes_sent += taken
            self._figures.bytes_sent += taken
            self._circle.hurry(player, player.link.connection.next_deadline_us())

    # -- what is known about them

    def totals(self, player: Player) -> tuple[int, int]:
        """(bytes, whole tags) that `player` has been sent up to now."""
        return player.bytes_sent, player.delivered + max(0, self._log.seq - player.seq_from)

    def lag_us(self, player: Player) -> int:
        """SRT players are sent everything at once; what they are behind is their latency."""
        return 0

    def sample_lags_s(self) -> list[float]:
        return []

    def take_figures(self) -> PumpFigures:
        """What was counted since the last time."""
        figures, self._figures = self._figures, PumpFigures()
        return figures

    def divert(self, player: Player, control: bytes) -> None:
        """There is nothing to say to an SRT player between its media."""

    def part(self, player: Player, farewell: bytes, reason: str) -> None:
        """End this player; the goodbye is SRT's own."""
        self.leave(player, reason)
        player.hang_up()
