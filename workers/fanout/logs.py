"""What a pump sends from: the ring itself, or a log derived from it.

Both are an endless stream of bytes with tag boundaries, of which a window is held. A position is a byte
count, a sequence a tag count; both only grow.

The FLV log is the ring: nothing is copied and nothing is held. A derived log holds each pass's tags, encoded
once for all players of the worker, as one immutable bytes object. It reaches back as far as its slowest
player and the newest start point, and can grow at its old end, because every byte follows from the tags: a
player that asks for an older start makes it encode those tags again.
"""

import bisect
import operator
from collections.abc import Callable
from typing import NamedTuple, Protocol

from engine.protocols.websocket.frames import payload_sizes
from shm.errors import Lapped
from shm.ring import Entry, RingReader

Bytes = bytes | bytearray | memoryview

ORIGIN: int = 1 << 40
"""Where a derived log's positions begin, bytes. Far from zero, since the log also grows towards older
tags.
"""

MAX_PIECES: int = 64
"""Buffers of one sendmsg. IOV_MAX is 1,024; more than 64 gain nothing and cost a conversion each."""


class Head(NamedTuple):
    """The ring's end at one moment: where the next tag will begin, and the newest tag."""

    position: int
    seq: int
    newest: Entry


class Log(Protocol):
    """A stream of wire bytes with tag boundaries."""

    end: int
    end_seq: int
    holds_copies: bool
    """Whether memory is saved by trimming."""

    def advance(self, head: Head) -> None:
        """Take in everything before `head`. Raises Lapped when the ring was faster."""
        ...

    def reach(self, seq: int) -> None:
        """Make sure that the log holds tags from `seq` on. Raises Lapped."""
        ...

    def pieces(self, start: int, stop: int) -> tuple[Bytes, ...]:
        """The bytes from `start` up to at most `stop`, as few buffers as possible."""
        ...

    def safe(self, position: int) -> bool:
        """Whether bytes from `position` on may be sent: still there, and not about to go."""
        ...

    def intact(self, position: int) -> bool:
        """Whether bytes from `position` on were still there at this moment, asked after sending them."""
        ...

    def position_of(self, seq: int) -> int:
        """Where tag `seq` begins. Raises Lapped."""
        ...

    def seq_at(self, position: int) -> int:
        """The tag that holds the byte at `position`, or begins there. Raises Lapped."""
        ...

    def trim(self, position: int) -> None:
        """Nothing before `position` is needed any more."""
        ...

    def take_message_bytes(self) -> list[int]:
        """Payloads of the WebSocket messages that were made since the last time; none on other wires."""
        ...


class RingLog:
    """The ring's bytes as they are."""

    holds_copies = False

    def __init__(self, reader: RingReader, head: Head) -> None:
        self._reader = reader
        self.end = head.position
        self.end_seq = head.seq
        self.pieces = reader.views
        self.safe = reader.safe
        self.intact = reader.valid
        self.seq_at = reader.seq_at

    def advance(self, head: Head) -> None:
        if head.seq > self.end_seq:
            self._reader.entry(self.end_seq)  # Lapped: what came since is unknown, epochs included
        self.end = head.position
        self.end_seq = head.seq

    def reach(self, seq: int) -> None:
        if seq < self._reader.oldest_seq:
            raise Lapped(f"tag {seq} has left the ring")

    def position_of(self, seq: int) -> int:
        return self.end if seq == self.end_seq else self._reader.entry(seq).pos

    def trim(self, position: int) -> None:
        """The ring trims itself."""

    def take_message_bytes(self) -> list[int]:
        return []


class Segment(NamedTuple):
    """Some consecutive tags, encoded."""

    first_seq: int
    position: int
    data: bytes
    ends: list[int]  # of each tag, relative to `position`

    @property
    def stop(self) -> int:
        return self.position + len(self.data)


_position = operator.attrgetter("position")
_first_seq = operator.attrgetter("first_seq")


class DerivedLog:
    """The tags of one ring in another framing, encoded once.

    Args:
        reader: the ring.
        encode: one whole FLV tag to its wire bytes; depends on nothing but the tag.
        head: the log begins here, empty.
        frames: what is encoded are WebSocket frames, whose sizes somebody will ask for.
    """

    holds_copies = True

    def __init__(
        self, reader: RingReader, encode: Callable[[Bytes], bytes], head: Head, *, frames: bool = False
    ) -> None:
        self._reader = reader
        self._encode = encode
        self._segments: list[Segment] = []
        self._origin = ORIGIN  # position of the first byte held
        self._first_seq = head.seq
        self._frames = frames
        self._message_bytes: list[int] = []
        self.end = ORIGIN
        self.end_seq = head.seq

    @property
    def held_bytes(self) -> int:
        return self.end - self._origin

    def advance(self, head: Head) -> None:
        if head.seq == self.end_seq:
            return
        data, ends = self._encoded(self.end_seq, head.seq)
        if self._frames:  # not by `ends`: what a player begins with comes in frames of its own
            self._message_bytes += payload_sizes(data)
        self._segments.append(Segment(self.end_seq, self.end, data, ends))
        self.end += len(data)
        self.end_seq = head.seq

    def reach(self, seq: int) -> None:
        if seq >= self._first_seq:
            return
        data, ends = self._encoded(seq, self._first_seq)
        self._origin -= len(data)
        self._segments.insert(0, Segment(seq, self._origin, data, ends))
        self._first_seq = seq

    def pieces(self, start: int, stop: int) -> tuple[Bytes, ...]:
        found: list[Bytes] = []
        index = self._index_of(start)
        while start < stop and len(found) < MAX_PIECES:
            segment = self._segments[index]
            found.append(_cut(segment, start, min(stop, segment.stop)))
            start = segment.stop
            index += 1
        return tuple(found)

    def safe(self, position: int) -> bool:
        return position >= self._origin

    intact = safe

    def position_of(self, seq: int) -> int:
        if seq == self.end_seq:
            return self.end
        if not self._first_seq <= seq < self.end_seq:
            raise Lapped(f"tag {seq} is not in the derived log")
        segment = self._segments[bisect.bisect_right(self._segments, seq, key=_first_seq) - 1]
        before = seq - segment.first_seq
        return segment.position + (segment.ends[before - 1] if before else 0)

    def seq_at(self, position: int) -> int:
        if position == self.end:
            return self.end_seq
        if not self._origin <= position < self.end:
            raise Lapped(f"byte {position} is not in the derived log")
        segment = self._segments[self._index_of(position)]
        return segment.first_seq + bisect.bisect_right(segment.ends, position - segment.position)

    def trim(self, position: int) -> None:
        keep = self._index_of(position)
        if keep <= 0:
            return
        del self._segments[:keep]
        first = self._segments[0] if self._segments else None
        self._origin = first.position if first else self.end
        self._first_seq = first.first_seq if first else self.end_seq

    def take_message_bytes(self) -> list[int]:
        taken, self._message_bytes = self._message_bytes, []
        return taken

    def _encode_tag(self, entry: Entry, tag: bytes) -> bytes:
        return self._encode(tag)

    def _index_of(self, position: int) -> int:
        if position >= self.end:
            return len(self._segments)
        return bisect.bisect_right(self._segments, position, key=_position) - 1

    def _encoded(self, start_seq: int, stop_seq: int) -> tuple[bytes, list[int]]:
        """Encode tags [start_seq, stop_seq). The copy out of the ring is checked afterwards, so that a
        writer that came by in the meantime is noticed before a byte is used."""
        entries = self._reader.entries(start_seq, stop_seq)
        base = entries[0].pos
        raw = b"".join(self._reader.views(base, entries[-1].pos + entries[-1].length))
        if not self._reader.valid(base):
            raise Lapped("the ring was overwritten while its tags were encoded")
        encoded = [self._encode_tag(entry, raw[entry.pos - base : entry.end - base]) for entry in entries]
        return b"".join(encoded), _running_ends(encoded)


def _running_ends(encoded: list[bytes]) -> list[int]:
    ends: list[int] = []
    total = 0
    for piece in encoded:
        total += len(piece)
        ends.append(total)
    return ends


def _cut(segment: Segment, start: int, stop: int) -> Bytes:
    """Part of a segment; all of it is the object itself, so that players in step share it without even a
    view.
    """
    if start == segment.position and stop == segment.stop:
        return segment.data
    return memoryview(segment.data)[start - segment.position : stop - segment.position]
