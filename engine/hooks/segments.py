"""Which segment files the spool has, what in them still matters, and which may go.

A segment matters while an event in it is not done with. They go from the oldest on, because sessions and
sequence numbers are read from the oldest that is left. Where one event waits for long while others come and
go (a service that is down, beside one that is up), the files between would pile up: so when the spool is full
and little of it is still wanted, what is wanted of the oldest file is written again at the end (`CARRY`).
Only when it is full of what is wanted does the oldest go (`DROP`).
"""

from collections.abc import Iterable
from typing import Final, Literal

CARRY_SHARE: Final = 0.5
"""Up to this part of the spool is carried forward when it is full: each byte is then written twice on
average."""

Remedy = Literal["carry", "drop"]


class Segment:
    """One file: its number, its size, and the events in it that are not done with, with their sizes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.bytes = 0
        self.wanted: dict[int, int] = {}


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
        """What is to be done about the oldest file, if the spool is too large."""
        if len(self) < 2 or self.total_bytes <= self.limit_bytes:
            return None
        return "carry" if self.wanted_bytes <= self.limit_bytes * CARRY_SHARE else "drop"

    def _forget(self, segment: Segment) -> int:
        del self._segments[segment.number]
        self.total_bytes -= segment.bytes
        return segment.number
