"""Books: what a stream's ring had, what a player received of it, what the engine says about that player.

A player's stream is made of runs. A run begins with metadata and codec headers made for this player alone, if
it does not have them yet, these with the time of the start point that follows; from there on it is the ring's
tags, whole and in order. Between two runs tags are dropped, and the engine has to say so.
"""

from typing import NamedTuple

from engine.media.tags import KIND_SCRIPT
from engine.protocols.flv import FlvTag
from tests.e2e.clients import Player, number_of
from tests.e2e.engine_log import EngineLog, LogLine
from tests.e2e.numbered_publisher import NumberedPublisher
from tests.e2e.shared_memory import Published, RingRecord
from tests.e2e.wires import RTMP


class Account(NamedTuple):
    """What a player got: sequences in the ring of its first and its last tag, how many, in how many runs."""

    first_seq: int
    last_seq: int
    delivered: int
    runs: int

    @property
    def missing(self) -> int:
        """Tags between the first and the last that it did not get."""
        return self.last_seq + 1 - self.first_seq - self.delivered


class Stated(NamedTuple):
    """What the engine says of a player that has ended."""

    delivered: int
    dropped: int
    bytes: int
    jumps: int
    reason: str


class Reconciliation:
    """Finds a player's tags in the ring, one after the other.

    Fails on any that is not there, is not whole or is not in its place.
    """

    def __init__(self, ring: RingRecord) -> None:
        self._ring = ring
        self._seq_of = {
            published.number: published.seq for published in ring.tags if published.number is not None
        }
        self._aside: list[FlvTag] = []
        self._first = self._next = -1
        self._delivered = self._runs = 0

    def take(self, tag: FlvTag) -> None:
        number = number_of(tag)
        if number is None:
            self._aside.append(tag)
            return
        seq = self._seq_of[number]
        assert tag == self._ring.at(seq).tag, f"message {number} is not what was published"
        assert seq >= self._next, f"message {number} came again"
        self._take_headers_of_the_ring()
        if self._aside or seq != self._next:
            self._begin_run(seq)
        self._deliver()

    def _take_headers_of_the_ring(self) -> None:
        """Headers that stand in the ring where this player stands came in the ordinary course of things."""
        ring = self._ring
        while self._first >= 0 and self._aside and self._next < ring.end_seq:
            if ring.at(self._next).tag != self._aside[0]:
                break
            self._aside.pop(0)
            self._deliver()

    def _begin_run(self, seq: int) -> None:
        start = self._ring.at(seq)
        assert start.is_start, f"goes on at message {start.number}, where nobody may begin"
        self._check_headers(start)
        self._aside.clear()
        self._first = seq if self._first < 0 else self._first
        self._next = seq
        self._runs += 1

    def _check_headers(self, start: Published) -> None:
        """Who begins, or goes on where headers differ, is told them first, with the time of what follows."""
        if not self._aside:
            before = self._ring.at(self._next - 1) if self._first >= 0 else None
            known = before is not None and (before.epoch, before.generation)
            assert known == (start.epoch, start.generation), f"no headers before message {start.number}"
            return
        times = {tag.timestamp_ms for tag in self._aside if tag.kind != KIND_SCRIPT}
        earliest = self._ring.at(self._next - 1).tag.timestamp_ms if self._first >= 0 else max(times)
        # Who is moved on again before its first picture does not get the same headers a second time.
        assert earliest <= min(times) <= max(times) <= start.tag.timestamp_ms, (
            f"headers of another time before message {start.number}"
        )

    def _deliver(self) -> None:
        self._delivered += 1
        self._next += 1

    def close(self) -> Account:
        assert self._delivered, "received nothing"
        return Account(self._first, self._next - 1, self._delivered, self._runs)


def account_of(player: Player, ring: RingRecord) -> Account:
    """What this player has received, told as a part of what was published."""
    reconciliation = Reconciliation(ring)
    for tag in player.tags:
        reconciliation.take(tag)
    return reconciliation.close()


def statement_about(player: Player, log: EngineLog) -> Stated:
    """The engine's last words about this player."""
    conn = conn_of(player, log)
    line = log.wait_for("ended", where=lambda line: line["conn"] == conn)
    delivered, dropped, size, jumps = (int(str(line[key])) for key in ("tags", "dropped", "bytes", "jumps"))
    return Stated(delivered, dropped, size, jumps, str(line["reason"]))


def ended_lines(player: Player, log: EngineLog) -> list[LogLine]:
    """All that the engine has said about the end of this player so far."""
    conn = conn_of(player, log)
    return [line for line in log.lines if line.get("event") == "ended" and line["conn"] == conn]


def conn_of(player: Player, log: EngineLog) -> str:
    """What the engine calls this player; the name of its worker comes first."""
    return str(playing_line(player, log)["conn"])


def playing_line(player: Player, log: EngineLog) -> LogLine:
    return log.wait_for("playing", where=lambda line: is_about(line, player))


def is_about(line: LogLine, player: Player) -> bool:
    """A port may serve twice, once for each port of the engine."""
    return (line["remote"], line["protocol"]) == (player.local, player.protocol)


def check_stayer(player: Player, ring: RingRecord, log: EngineLog, joined_seq: int | None = None) -> Stated:
    """Published = delivered + declared dropped, for a player that stayed until the stream was over.

    Its books begin with the first tag it got. Those of one that had to wait for a start point begin before
    that: where, the test may know.
    """
    account, stated = account_of(player, ring), statement_about(player, log)
    assert player.ended_whole
    assert stated.delivered == account.delivered, f"{player.protocol}: {stated}, but {account}"
    begin = ring.end_seq - stated.delivered - stated.dropped
    if joined_seq is not None or not had_to_wait(player, log):
        assert begin == (account.first_seq if joined_seq is None else joined_seq), f"{stated}, but {account}"
    assert ring.base_seq <= begin <= account.first_seq
    check_bytes(player, stated)
    return stated


def had_to_wait(player: Player, log: EngineLog) -> bool:
    """Whether there was nothing to begin with when this player joined."""
    return bool(playing_line(player, log)["state"] == "waiting")


def check_leaver(player: Player, ring: RingRecord, log: EngineLog) -> Stated:
    """The same for one that said good-bye: its books end where the stream stood at that moment."""
    account, stated = account_of(player, ring), statement_about(player, log)
    assert stated.delivered == account.delivered, f"{player.protocol}: {stated}, but {account}"
    end_seq = account.first_seq + stated.delivered + stated.dropped
    assert account.last_seq < end_seq, f"{stated}, but {account}"
    assert end_seq <= ring.end_seq or had_to_wait(player, log), f"{stated}, but {account}"
    check_bytes(player, stated)
    return stated


def check_published(ring: RingRecord, publisher: NumberedPublisher) -> None:
    """What was sent is in the ring: all of it, up to where a session was cut off."""
    left = iter(ring.numbers)
    expected = next(left, None)
    for session in publisher.sessions:
        for number in session.numbers:
            if number != expected:
                assert session.lost, f"message {number} was sent, and is not in the ring"
                break
            expected = next(left, None)
    assert expected is None, f"message {expected} is in the ring, behind one that is not"


def check_bytes(player: Player, stated: Stated) -> None:
    """Every byte is counted; RTMP's dialogue before media is not the player's yet."""
    if player.protocol != RTMP:
        assert stated.bytes == player.bytes_received
