"""Players of HLS as metrics, the log and the board know them, and what they were sent.

HLS has no connection that a player is. What counts as one is an address and a user agent that asked for a
playlist of a programme lately. It begins with the first, and ends when it has asked for none in a while, or
when its stream is over and it fetches no more of what is left. It is this worker's: a player whose
connections lead to several workers is one in each that it asks for playlists.

Bytes are those that other protocols count: over HTTP/1 what the socket took, with heads; over HTTP/2 what the
connection took of bodies, which may still lie before its socket. They are booked when an answer is over, as
plain numbers, to the stream and the player that were there when it was asked for. Refusals are sent to nobody
who plays, and neither is a head by itself.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Final

import trio

from shm.board import RowCell
from shm.directory import StreamRecord
from workers.fanout.exchange import Exchange
from workers.fanout.guard import BANNED
from workers.fanout.hub import Hub
from workers.fanout.report import HLS, Report
from workers.runtime.programmes import programme_of, renditions_of
from workers.runtime.worker import Worker

VIEWER_S: Final = 15.0
"""A player whose last playlist is so old has gone, seconds: the slowest there are reload every ten."""

REST_S: Final = 12.0
"""A player of a stream that is over has gone when nothing was booked for it in so long, seconds: one that
plays what is left fetches once in a segment, which has ten at most by default, and is booked when it has it.
"""

MAX_VIEWERS: Final = 100_000
"""Players told apart; beyond that they are not counted any more, but served."""


class Account:
    """Bytes of one stream's HLS of which its row on the board has yet to hear."""

    __slots__ = ("lease", "row", "sent_bytes")

    def __init__(self, lease: int, row: RowCell) -> None:
        row.begin(lease)
        self.lease = lease
        self.row = row
        self.sent_bytes = 0

    def tell_players(self, count: int) -> None:
        """So many play the stream now. The row is told for as long as it is about it, even when the stream is
        long gone: what it says last is what a successor takes for lost.
        """
        if self.row.lease == self.lease:
            self.row.players_hls = count

    def hand_on(self) -> None:
        """Tell the row, unless it is another stream's by now: this one's total has gone with it."""
        if self.row.lease == self.lease:
            self.row.bytes_out += self.sent_bytes
        self.sent_bytes = 0


class HlsPlayer:
    """One player. `record` is of the stream whose playlist it asked for last, `key_id` of what let it in."""

    __slots__ = (
        "_known_bytes", "_moved_s", "began_s", "client_id", "host", "key_id", "record", "seen_s",
        "sent_bytes",
    )  # fmt: skip

    def __init__(self, client_id: str, host: str, record: StreamRecord) -> None:
        self.client_id = client_id
        self.host = host
        self.key_id = ""
        self.record = record
        self.began_s = self.seen_s = trio.current_time()
        self.sent_bytes = 0
        self._known_bytes = -1
        self._moved_s = self.began_s

    def rests(self, now_s: float) -> bool:
        """Whether nothing was booked for it in a while, as far as looks once a second can tell."""
        if self._known_bytes != self.sent_bytes:
            self._known_bytes = self.sent_bytes
            self._moved_s = now_s
        return now_s - self._moved_s > REST_S


class HlsPlayers:
    """All of this worker's.

    Args:
        worker: for the configuration, the log and the board.
        hub: knows which streams there are.
        report: counts what happens.
    """

    def __init__(self, worker: Worker, hub: Hub, report: Report) -> None:
        self._worker = worker
        self._hub = hub
        self._report = report
        self._players: dict[tuple[str, str], HlsPlayer] = {}
        self._accounts: dict[int, Account] = {}  # by the stream's slot
        self._sent_bytes = 0  # since the last flush
        self._closed = False

    # -- asking

    def knows(self, programme: str, exchange: Exchange) -> bool:
        """Whether this player has asked for the programme's playlists lately."""
        return (programme, who_of(exchange)) in self._players

    def note(self, record: StreamRecord, exchange: Exchange) -> None:
        """The playlist of a stream that lives is asked for: who does so counts as a player for a while.

        One that changes to another rendition stays one player.
        """
        key = (self._programme_of(record.name), who_of(exchange))
        player = self._players.get(key)
        if player is None:
            if self._closed or len(self._players) >= MAX_VIEWERS:
                return
            player = self._players[key] = self._begin(record, exchange)
        player.seen_s = trio.current_time()
        player.record = record
        self._account_of(record)  # its row is told of this player, even if there is nothing to book
        exchange.player = player

    def open_account(
        self, name: str, record: StreamRecord | None, exchange: Exchange, key_id: str = ""
    ) -> None:
        """What is sent from now on is of this stream, or programme.

        record: the stream's; None for one that has ended, although there may be another of its name.
        key_id: of what let the player in.
        """
        if record is not None:
            exchange.account = self._account_of(record)
        if exchange.player is None:
            exchange.player = self._players.get((self._programme_of(name), who_of(exchange)))
        if exchange.player is not None:
            exchange.player.key_id = key_id

    def book(self, exchange: Exchange) -> None:
        """An answer is over, or its player did not wait for the end."""
        size = exchange.sent_bytes
        self._sent_bytes += size
        if exchange.account is not None:
            exchange.account.sent_bytes += size
        if exchange.player is not None:
            exchange.player.sent_bytes += size
        if exchange.guest is not None:
            exchange.guest.sent_bytes += size

    # -- once a second

    def sweep(self) -> Counter[tuple[int, int]]:
        """Those end that are silent, or have all of a stream that is over. The board is told of the others.

        How many are left, by slot and lease of their stream.
        """
        now_s = trio.current_time()
        names = {player.record.name for player in self._players.values()}
        over = {name for name in names if not self._can_be_played(name)}
        for key, player in list(self._players.items()):
            if player.record.name in over:  # nobody reloads the playlist of a stream that is over
                if player.rests(now_s):
                    self._end(key, "stream_ended")
            elif now_s - player.seen_s > VIEWER_S:
                self._end(key, "closed")
        counts = Counter((player.record.slot, player.record.lease) for player in self._players.values())
        for slot, account in self._accounts.items():
            account.tell_players(counts[slot, account.lease])
        return counts

    def end_banned(self, is_banned: Callable[[str, str], bool]) -> None:
        """Those end whose address is banned, or the key that let them in."""
        for key, player in list(self._players.items()):
            if is_banned(player.host, player.key_id):
                self._end(key, BANNED)

    def end_all(self) -> None:
        """This worker drains."""
        self._closed = True
        for key in list(self._players):
            self._end(key, "drained")

    def flush(self) -> None:
        """Hand on what was booked since the last time."""
        if self._sent_bytes:
            self._report.hls_sent(self._sent_bytes)
            self._sent_bytes = 0
        for account in self._accounts.values():
            account.hand_on()

    # -- one by one

    def _begin(self, record: StreamRecord, exchange: Exchange) -> HlsPlayer:
        player = HlsPlayer(f"{self._worker.slot.name}-{secrets.token_hex(6)}", exchange.host, record)
        # The round says it anew; a successor counts by it, should this worker die before that.
        self._account_of(record).row.players_hls += 1
        self._report.hls_player_started()
        self._worker.log.info(
            "playing", conn=player.client_id, stream=record.name, protocol=HLS, remote=player.host
        )
        return player

    def _end(self, key: tuple[str, str], reason: str) -> None:
        player = self._players.pop(key)
        seconds = player.seen_s - player.began_s
        self._report.hls_player_ended(reason, seconds)
        self._worker.log.info(
            "ended",
            conn=player.client_id,
            stream=player.record.name,
            protocol=HLS,
            reason=reason,
            seconds=round(seconds, 3),
            bytes=player.sent_bytes,
        )

    def _account_of(self, record: StreamRecord) -> Account:
        account = self._accounts.get(record.slot)
        if account is None or account.lease != record.lease:
            row = self._worker.board.row(self._worker.slot.number, record.slot)
            account = self._accounts[record.slot] = Account(record.lease, row)
        return account

    def _can_be_played(self, name: str) -> bool:
        """Whether the stream is there, or another rendition that its players may change to."""
        if self._hub.find(name) is not None:
            return True
        worker, programme = self._worker, self._programme_of(name)
        names = renditions_of(worker.config.hls.programmes, worker.directory, programme)
        return any(self._hub.find(one) is not None for one in names)

    def _programme_of(self, name: str) -> str:
        return programme_of(self._worker.config.hls.programmes, name)


def who_of(exchange: Exchange) -> str:
    """What one player is told apart by."""
    return f"{exchange.host}|{exchange.request.user_agent}"
