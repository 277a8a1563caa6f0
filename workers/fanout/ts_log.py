"""The transport stream of one ring in this worker: encoded once, for all SRT players of the stream.

Unlike the other wire formats, transport stream depends on history (continuity counters, clock), so this log
has no positions that another worker could rebuild; it only grows at its new end. It is kept in pieces, the
payload of one datagram each, from the start points on that a player may still begin at: as many GOPs as the
limits allow, counted from the moment the log began.
"""

from collections import deque
from typing import NamedTuple

from engine.media.gop import GopLimits
from engine.media.tags import KIND_SCRIPT
from engine.protocols.mpegts import TsWriter
from engine.protocols.mpegts.writer import Group
from shm.errors import Lapped
from shm.ring import FLAG_START, Entry, RingReader

BACK_POINTER_BYTES: int = 4
TAG_HEADER_BYTES: int = 11


class Piece(NamedTuple):
    """The payload of one datagram. So many tags end in it; the oldest that is in it has this time."""

    data: bytes
    tags: int
    dts_us: int


class Gop:
    """What was encoded from one start point on, up to the next."""

    __slots__ = ("first_seq", "pieces", "size")

    def __init__(self, first_seq: int) -> None:
        self.first_seq = first_seq
        self.pieces: list[Piece] = []
        self.size = 0

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.size += len(piece.data)


class TsLog:
    """Tags in, pieces out.

    Args:
        reader: the ring.
    """

    def __init__(self, reader: RingReader) -> None:
        self._reader = reader
        self._writer = TsWriter()
        self._gops: deque[Gop] = deque()
        self._start_seq = -1  # of the newest start point that went into the writer
        self._tags = 0  # that went in since a piece came out
        self._oldest_us = 0  # the time of the first of them
        self.seq = -1  # the next tag to encode; -1 before the first start point
        self.epoch = -1

    def begin(self, start: Entry, headers: bytes) -> None:
        """Begin, or begin anew, at a start point: what follows does not continue what was."""
        if self.seq >= 0:
            self._writer.restart()
        self._gops.clear()
        self._tags = 0
        self._writer.write_tags(headers)
        self.seq, self.epoch = start.seq, start.epoch

    def from_start(self, seq: int) -> tuple[int, list[Piece]] | None:
        """What a player is sent first that begins at `seq` or at the first start point behind it: that start
        point, and everything from there on. None if the log holds no such start point."""
        gops = [gop for gop in self._gops if gop.first_seq >= seq]
        return (gops[0].first_seq, [piece for gop in gops for piece in gop.pieces]) if gops else None

    def advance(self, stop_seq: int) -> list[Piece]:
        """Encode tags up to `stop_seq`; the new pieces. Raises Lapped."""
        if stop_seq <= self.seq:
            return []
        entries = self._reader.entries(self.seq, stop_seq)
        raw = b"".join(self._reader.views(entries[0].pos, entries[-1].end))
        if not self._reader.valid(entries[0].pos):
            raise Lapped("the ring was overwritten while its tags were encoded")
        pieces: list[Piece] = []
        for entry in entries:
            pieces += self._encode(entry, raw, entries[0].pos)
        # A pass ends with what it has: the rest of a group must not wait for more.
        pieces += self._keep(self._writer.flush(), entries[-1].dts_us)
        self.seq = stop_seq
        return pieces

    def trim(self, limits: GopLimits) -> None:
        """Forget what no player may begin at any more."""
        held_bytes = sum(gop.size for gop in self._gops)
        while len(self._gops) > limits.max_gops or (
            len(self._gops) > 1 and held_bytes - self._gops[0].size > limits.max_bytes
        ):
            held_bytes -= self._gops.popleft().size

    def _encode(self, entry: Entry, raw: bytes, base: int) -> list[Piece]:
        pieces: list[Piece] = []
        start = bool(entry.flags & FLAG_START)
        if start:  # so that the next group that begins with a start point begins with this one
            pieces = self._keep(self._writer.flush(), entry.dts_us)
            self._start_seq = entry.seq
        if not self._tags:
            self._oldest_us = entry.dts_us
        if entry.kind != KIND_SCRIPT:
            begin = entry.pos - base + TAG_HEADER_BYTES
            body = raw[begin : entry.end - base - BACK_POINTER_BYTES]
            groups = self._writer.write(entry.kind, entry.dts_us, entry.pts_us, body, start=start)
            pieces += self._keep(groups, entry.dts_us)
        self._tags += 1
        return pieces

    def _keep(self, groups: list[Group], dts_us: int) -> list[Piece]:
        """Tags are counted with the first group that comes out behind them. `dts_us` is of the last that went
        in: a long one is in several groups."""
        pieces = []
        for group in groups:
            piece = Piece(group.data, self._tags, self._oldest_us)
            self._tags, self._oldest_us = 0, dts_us
            pieces.append(piece)
            if group.start:
                self._gops.append(Gop(self._start_seq))
            if self._gops:
                self._gops[-1].add(piece)
        return pieces
