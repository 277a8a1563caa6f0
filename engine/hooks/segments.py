"""Which segment files the spool has, what in them still matters, and which may go.

A segment matters while an event in it is not done with. They go from the oldest on, because sessions and
sequence numbers are read from the oldest that is left. Where one event waits for long while others come and
go (a service that is down, beside one that is up), the files between would pile up: so when the spool is
full, what is wanted of the oldest file is written again at the end (`CARRY`). Where much of it is still
wanted the oldest events go before that (`DROP`), a sixteenth of the spool at a time.

Each file begins with a copy of what is open. So a file is written until what is new in it is as much as that
copy, and a sixteenth of the spool at least: nothing is copied more than once for as much that is new. What
that comes to, with a snapshot of S bytes:

    S up to 1/16 of the limit    files of S and 1/16; together within the limit, but for the last record
    up to 7/32                   within the limit, of which half at least is left to events
    beyond                       one file: half the limit for events, and 2 S; another S where one follows the
                                 other, until what is wanted of the old one is in the new one

The last line is beyond the limit, since open sessions cannot be dropped: 7/32 are 28,000 by default.
"""

from collections.abc import Iterable
from typing import Final, Literal

CARRY_SHARE: Final = 0.5
"""Up to this part of the spool is carried forward when it is full: each byte is then written twice on
average."""

DROP_SHARE: Final = 1 / 16
"""This part of the spool goes at a time when it is full of what is wanted: each round is an error in the
log."""

Remedy = Literal["carry", "drop"]


class Segment:
    """One file: its number, its size, and the events in it that are not done with, with their sizes.

    `snapshot_bytes` are what it begins with, `copied_bytes` those and what was carried into it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.bytes = self.snapshot_bytes = self.copied_bytes = 0
        self.wanted: dict[int, int] = {}

    def is_full(self, least_bytes: int) -> bool:
        """Whether so much in it is new, and as much as it began with, that another file pays."""
        return self.bytes - self.copied_bytes >= max(least_bytes, self.snapshot_bytes)


class Segments:
    """All files, oldest first; the last one is being written.

    Args:
        limit_bytes: of all of them together.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.total_bytes = 0
        self.wanted_bytes = 0
        self._segments: dict[int, Segment] = {}
        self._home: dict[int, Segment] = {}

    @property
    def oldest(self) -> Segment:
        return next(iter(self._segments.values()))

    @property
    def newest(self) -> Segment:
        return self._segments[next(reversed(self._segments))]

    def __len__(self) -> int:
        return len(self._segments)

    def open(self, number: int) -> None:
        """A new file, to be written from now on."""
        self._segments[number] = Segment(number)

    def grow(self, size_bytes: int) -> None:
        """So much was written to the newest."""
        self.newest.bytes += size_bytes
        self.total_bytes += size_bytes

    def grow_by_snapshot(self, size_bytes: int) -> None:
        """The newest has begun with so much."""
        self.newest.snapshot_bytes = size_bytes
        self.grow_by_copies(size_bytes)

    def grow_by_copies(self, size_bytes: int) -> None:
        """So much was written to the newest that stands elsewhere already."""
        self.newest.copied_bytes += size_bytes
        self.grow(size_bytes)

    def hold(self, event: int, size_bytes: int) -> None:
        """The event stands in the newest file now, wherever it stood before."""
        self.done((event,))
        self._home[event] = self.newest
        self.newest.wanted[event] = size_bytes
        self.wanted_bytes += size_bytes

    def done(self, events: Iterable[int]) -> None:
        """Nobody wants these any more."""
        for event in events:
            segment = self._home.pop(event, None)
            if segment is not None:
                self.wanted_bytes -= segment.wanted.pop(event)

    def take_unwanted(self) -> list[int]:
        """The oldest files as far as nothing in them matters; they are not counted from now on."""
        taken: list[int] = []
        while len(self) > 1 and not self.oldest.wanted:
            taken.append(self._forget(self.oldest))
        return taken

    @property
    def remedy(self) -> Remedy | None:
        """What is to be done if the spool is too large: carry what the oldest file has of wanted events, or
        drop the oldest events and carry what then is left in that file."""
        if len(self) < 2 or self.total_bytes <= self.limit_bytes:
            return None
        return "carry" if self.wanted_bytes <= self.limit_bytes * CARRY_SHARE else "drop"

    def to_drop(self) -> list[int]:
        """The oldest events, wherever they stand: the part that goes at a time; and where one file alone will
        be left, from which nothing is taken until it is full, all that is too much to be carried."""
        found: list[int] = []
        part_bytes = self.limit_bytes * DROP_SHARE
        if len(self) == 2:
            part_bytes = max(part_bytes, self.wanted_bytes - self.limit_bytes * CARRY_SHARE)
        for event in sorted(self._home):
            if part_bytes <= 0:
                break
            found.append(event)
            part_bytes -= self._home[event].wanted[event]
        return found

    def _forget(self, segment: Segment) -> int:
        del self._segments[segment.number]
        self.total_bytes -= segment.bytes
        return segment.number
