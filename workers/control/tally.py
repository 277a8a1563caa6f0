"""What all workers together say about a stream: the sum of their rows on the board.

A worker's row goes when the worker dies, and the bytes it had sent with it. A total that shrinks would be
wrong in the API and would look like a restart to Prometheus, so the ledger keeps what a row had reached
before it fell. It learns that by looking: what a worker sent between the last look and its death is lost to
it, which is why control looks once a second and not only when asked.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from shm.board import RowCell
from shm.directory import StreamRecord


class Rows(Protocol):
    """The part of the board that is read here."""

    def row(self, worker: int, stream: int) -> RowCell: ...


class Totals(NamedTuple):
    """Sums over the workers of one stream; `lag_ms_max` is its slowest player's."""

    http_flv: int = 0
    ws_flv: int = 0
    rtmp: int = 0
    srt: int = 0
    ws_mp4: int = 0
    hls: int = 0
    bytes_out: int = 0
    jumps: int = 0
    lag_ms_max: int = 0

    @property
    def players(self) -> int:
        return self.http_flv + self.ws_flv + self.rtmp + self.srt + self.ws_mp4 + self.hls


class Counted(NamedTuple):
    """The counters of one row, which must not shrink."""

    bytes_out: int = 0
    jumps: int = 0

    def __bool__(self) -> bool:
        return self != Counted()


class _Line:
    """One row's history: what earlier processes had counted, and what the present one has."""

    __slots__ = ("before", "last")

    def __init__(self) -> None:
        self.before = Counted()
        self.last = Counted()

    def take(self, now: Counted) -> Counted:
        """The sum with `now`, which counts from zero again if it has shrunk."""
        if now.bytes_out < self.last.bytes_out or now.jumps < self.last.jumps:
            self.before = _sum(self.before, self.last)
        self.last = now
        return _sum(self.before, now)


def _sum(a: Counted, b: Counted) -> Counted:
    return Counted(a.bytes_out + b.bytes_out, a.jumps + b.jumps)


class Tally:
    """Adds up rows. `workers` are the slot numbers of those that may have players."""

    def __init__(self, board: Rows, workers: Sequence[int]) -> None:
        self._board = board
        self._workers = tuple(workers)
        self._rows: dict[tuple[int, int], RowCell] = {}
        self._lines: dict[tuple[int, int], dict[int, _Line]] = {}

    def of(self, record: StreamRecord) -> Totals:
        """The sums for one stream as of now."""
        lines = self._lines.setdefault((record.slot, record.lease), {})
        rows = {worker: self._row(worker, record.slot) for worker in self._workers}
        current = {worker: row for worker, row in rows.items() if row.lease == record.lease}
        counted = [self._count(lines, worker, current.get(worker)) for worker in self._workers]
        return Totals(
            http_flv=sum(row.players_http for row in current.values()),
            ws_flv=sum(row.players_ws for row in current.values()),
            rtmp=sum(row.players_rtmp for row in current.values()),
            srt=sum(row.players_srt for row in current.values()),
            ws_mp4=sum(row.players_mp4 for row in current.values()),
            hls=sum(row.players_hls for row in current.values()),
            bytes_out=sum(line.bytes_out for line in counted),
            jumps=sum(line.jumps for line in counted),
            lag_ms_max=max((row.lag_ms_max for row in current.values()), default=0),
        )

    def keep(self, records: Iterable[StreamRecord]) -> None:
        """Look at every stream once, and forget those that are not there any more."""
        present = set()
        for record in records:
            self.of(record)
            present.add((record.slot, record.lease))
        for gone in self._lines.keys() - present:
            del self._lines[gone]

    def _count(self, lines: dict[int, _Line], worker: int, row: RowCell | None) -> Counted:
        counted = Counted(row.bytes_out, row.jumps) if row else Counted()
        if not counted and worker not in lines:
            return counted
        return lines.setdefault(worker, _Line()).take(counted)

    def _row(self, worker: int, stream: int) -> RowCell:
        row = self._rows.get((worker, stream))
        if row is None:
            row = self._rows[worker, stream] = self._board.row(worker, stream)
        return row
