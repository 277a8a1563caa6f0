"""Seams: the places in a ring where a new epoch begins.

A publisher that returns, is taken over, or comes back after its ingest worker died begins a new epoch: new
codec headers perhaps, and tags that mean nothing before the first start point. Players in the old epoch are
sent everything up to the seam, and go on at the first start point behind it, with the headers of the new
epoch first.

The seams of a ring are kept in tag sequences, so that all logs of the stream share them.
"""

from typing import NamedTuple

from shm.errors import Lapped
from shm.ring import FLAG_START, Entry, RingReader
from workers.fanout.logs import Head, Log

MAX_SEAMS: int = 8
"""Seams remembered. Each is a reconnection within the ring's few seconds; a player that needs an older one
is lapped.
"""


class Seam(NamedTuple):
    """Where `epoch` begins, and where players may enter it (None until its first start point has come)."""

    at_seq: int
    epoch: int
    start: Entry | None


class Seams:
    """The seams that players of this ring may still meet.

    Args:
        reader: the ring.
        head: what is before it is of no interest.
    """

    def __init__(self, reader: RingReader, head: Head) -> None:
        self._reader = reader
        self._seams: list[Seam] = []
        self._seen_seq = head.seq
        self.epoch = head.newest.epoch

    def look(self, head: Head) -> None:
        """Note what has come since the last look. Cheap while nothing changes epochs."""
        if head.newest.epoch != self.epoch or self._is_open():
            self._scan(head)
        self._seen_seq = head.seq

    def limit(self, epoch: int, log: Log) -> tuple[int, Seam | None]:
        """How far a player of `epoch` may be sent in `log`, bytes, and the seam there (None: the log's
        end).

        A log that the running pass has not come to yet does not reach as far as the newest seams.
        """
        ahead = [
            seam
            for seam in (self._seams if epoch != self.epoch else ())
            if seam.epoch > epoch and seam.at_seq < log.end_seq
        ]
        if not ahead:
            return log.end, None
        # An epoch that ended before its first start point is passed over for the next that has one.
        entered = next((seam for seam in ahead if seam.start is not None), ahead[-1])
        return log.position_of(ahead[0].at_seq), entered

    def newest_start(self) -> Entry | None:
        return self._reader.newest_start()

    def _is_open(self) -> bool:
        return bool(self._seams) and self._seams[-1].start is None

    def _scan(self, head: Head) -> None:
        first = max(self._seen_seq, self._reader.oldest_seq)
        try:
            entries = self._reader.entries(first, head.seq)
        except Lapped:
            entries = [head.newest]
        for entry in entries:
            self._note(entry)
        del self._seams[:-MAX_SEAMS]

    def _note(self, entry: Entry) -> None:
        if entry.epoch != self.epoch:
            self.epoch = entry.epoch
            self._seams.append(Seam(entry.seq, entry.epoch, None))
        if entry.flags & FLAG_START and self._is_open():
            self._seams[-1] = self._seams[-1]._replace(start=entry)
