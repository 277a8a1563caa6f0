"""A player over SRT: the same register and accounts as all players, with a link in place of a byte stream.

A new player is owed what has been since its start point. The link has no pace of its own, and a kernel drops
what does not fit the receiver's socket, so a debt is paid in small parts, one per turn of the circle; what
comes meanwhile goes behind it. All of it bears the time of its sending: SRT plays it a latency later, without
a pause, and the decoder finds out what to do with media from the past, as with every other protocol.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain

import trio

from engine.protocols.srt.errors import LocalProtocolError
from workers.fanout.player import Player, PlayerState
from workers.fanout.ts_log import Piece
from workers.runtime.datagrams import MAX_SEGMENTS
from workers.runtime.srt_link import SrtLink

PROTOCOL = "srt"

PAID_PER_TURN: int = MAX_SEGMENTS
"""Datagrams of a debt that go out at once: those of one system call, half of what a socket takes in with
Linux's default buffer of 208 KiB. With a turn every 5 ms that is 90 Mbit/s."""

PAID_PART: int = 8
"""Or such a part of the debt, if that is more: so a stream faster than that cannot make it grow for ever."""


class SrtPlayer(Player):
    """One SRT player; a member of the worker's circle.

    Args:
        client_id, remote, started_ns: as for all players.
        link: the connection.
    """

    __slots__ = ("_debt", "_dropped_unsent", "_lost_tags", "_unsent", "counted", "fault", "link", "over")

    def __init__(self, client_id: str, remote: str, link: SrtLink, *, started_ns: int) -> None:
        super().__init__(client_id, link.sock, PROTOCOL, remote, started_ns=started_ns)
        self.link = link
        self.over = trio.Event()
        self.fault: Exception | None = None  # a bug of ours that ended it
        self.counted = (0, 0)  # of its bytes and tags: those that are in the pump's figures
        self._debt: deque[Piece] = deque()  # not yet given to the link
        self._unsent: deque[Piece] = deque()  # given to it, and waiting for its peer's window
        self._dropped_unsent = 0
        self._lost_tags = 0

    def fileno(self) -> int:
        return self.link.fileno()

    def serve(self, now_us: int) -> int:
        """In the circle: hear acknowledgements, send what they ask for."""
        self.link.pull(now_us)
        self.send((), now_us)
        if self.link.end:
            self.over.set()
        return self.next_us(now_us)

    def next_us(self, now_us: int) -> int:
        """When to be served next at the latest."""
        return now_us if self._debt else self.link.connection.next_deadline_us()

    def fail(self, error: Exception) -> None:
        self.link.end = self.link.end or "error"
        self.fault = self.fault or error
        self.over.set()

    def hang_up(self) -> None:
        self.over.set()

    # -- sending

    def owe(self, pieces: Sequence[Piece]) -> None:
        """Have these sent in turns, behind what is owed already."""
        self._debt.extend(pieces)

    def send(self, pieces: Sequence[Piece], now_us: int) -> None:
        """Send these, or part of the debt and these behind it, and whatever else is due."""
        if self._debt:
            self._debt.extend(pieces)
            count = max(PAID_PER_TURN, len(self._debt) // PAID_PART)
            pieces = [self._debt.popleft() for _ in range(min(count, len(self._debt)))]
        try:
            for piece in pieces:
                self.link.connection.send(piece.data, now_us)
        except LocalProtocolError:  # it is over; the link knows
            self.over.set()
        self.link.push(now_us)
        self._note_unsent(pieces)
        if self.state in (PlayerState.BEHIND, PlayerState.IN_STEP):
            self.state = PlayerState.BEHIND if self._debt or self._unsent else PlayerState.IN_STEP

    def _note_unsent(self, given: Sequence[Piece]) -> None:
        """Which pieces the link holds unsent: those given last. It drops the oldest of them, when they are
        too late for the peer."""
        sender = self.link.connection.sender
        dropped = sender.counts.dropped_unsent - self._dropped_unsent
        if not (sender.waiting or self._unsent or dropped):
            return
        self._unsent.extend(given)
        self._dropped_unsent += dropped
        lost = [self._unsent.popleft() for _ in range(min(dropped, len(self._unsent)))]
        tags = sum(piece.tags for piece in lost)
        self._lose(tags)
        self._lost_tags += tags
        while len(self._unsent) > sender.waiting:
            self._unsent.popleft()

    def _lose(self, tags: int) -> None:
        """These were counted as delivered when the log went on, and never will be."""
        self.delivered -= tags
        self.dropped += tags

    def take_lost(self) -> int:
        """Tags that the link has dropped unsent since the last time."""
        tags, self._lost_tags = self._lost_tags, 0
        return tags

    # -- what is known about it

    @property
    def is_served(self) -> bool:
        """Whether media has gone out."""
        return self.link.connection.sender.counts.unique > 0

    @property
    def sent_bytes(self) -> int:
        """Payload that has gone out, each byte once."""
        return self.link.connection.sender.counts.bytes_unique

    @property
    def pending_tags(self) -> int:
        """Tags that wait here."""
        return sum(piece.tags for piece in self._pending())

    def sent_up_to_us(self) -> int | None:
        """The media time that waits here first; None if nothing waits."""
        first = next(self._pending(), None)
        return None if first is None else first.dts_us

    def give_up_pending(self) -> int:
        """Nothing more will be sent: the tags that this loses."""
        tags = self.pending_tags
        self._debt.clear()
        self._unsent.clear()
        self._lose(tags)
        return tags

    def _pending(self) -> Iterator[Piece]:
        return chain(self._unsent, self._debt)
