"""The window: what a stream's playlist shows, folded from the packager's marks and from nothing else.

The packager folds its own marks, and so does every process that serves players; all get the same window,
because there is no clock in it. One that comes late restores a snapshot and folds the marks behind it.

- Segments come one by one, and the oldest leave while more are held than configured and what remains lasts
  three target durations. Their parts go before them: first from the playlist, a target duration later for
  good.
- The target duration is the configured one until a segment turns out to be longer; then it rises to that,
  because no EXTINF may exceed it, and it stays there.
- A segment that nobody ended (its packager was killed) becomes a gap as long as its parts, or had none and
  never was. So the sequence goes on without a hole, whatever happened: `next_msn` says where.
- What left the playlist is listed until its files may go (`expired`). Whoever deletes no files calls
  `forget_removed`.

What is not in the window is the text: `playlist.py` renders it and keeps what is finished.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import MsgspecError, msgpack

from engine.protocols.hls.errors import BadSnapshot, LocalProtocolError
from engine.protocols.hls.fold import fold, next_init, next_msn
from engine.protocols.hls.limits import MSN_AHEAD
from engine.protocols.hls.marks import InitMade, Mark
from engine.protocols.hls.removal import due_names
from engine.protocols.hls.settings import PlaylistSettings
from engine.protocols.hls.state import Growing, Measured, Part, Segment, WindowState
from engine.protocols.hls.times import SECOND_US

_ENCODER: Final = msgpack.Encoder()
_DECODER: Final = msgpack.Decoder(WindowState)


class Window:
    """One stream's window; `changes` rises with every mark."""

    __slots__ = ("_state",)

    def __init__(self, settings: PlaylistSettings) -> None:
        target_s = math.ceil(settings.segment_s)
        self._state = WindowState(settings, target_s, [], [], [], Measured())

    @classmethod
    def restore(cls, data: bytes | memoryview) -> "Window":
        """The window of a snapshot; BadSnapshot if `data` is none."""
        try:
            state = _DECODER.decode(data)
        except (MsgspecError, LocalProtocolError, UnicodeDecodeError, RecursionError) as error:
            raise BadSnapshot(f"not a snapshot of a window: {error}") from None
        window = cls(state.settings)
        window._state = state
        return window

    def snapshot(self) -> bytes:
        return _ENCODER.encode(self._state)

    # What is known

    @property
    def settings(self) -> PlaylistSettings:
        return self._state.settings

    @property
    def segments(self) -> Sequence[Segment]:
        return self._state.segments

    @property
    def dated_until_us(self) -> int:
        """The date of the end of all that is known; 0 before the first segment."""
        last = self._state.growing or (self.segments[-1] if self.segments else None)
        return last.began_us + last.duration_us if last else 0

    @property
    def growing(self) -> Growing | None:
        return self._state.growing

    @property
    def target_s(self) -> int:
        return self._state.target_s

    @property
    def discontinuity_sequence(self) -> int:
        return self._state.discontinuity_sequence

    @property
    def measured(self) -> Measured:
        return self._state.measured

    @property
    def ended(self) -> bool:
        return self._state.ended

    @property
    def changes(self) -> int:
        return self._state.changes

    @property
    def init(self) -> InitMade | None:
        """The newest init segment."""
        return self._state.inits[-1] if self._state.inits else None

    @property
    def next_init(self) -> int:
        """The number that the next init segment takes."""
        return next_init(self._state)

    @property
    def next_msn(self) -> int:
        """The number that the next segment takes, if nobody ends the growing one."""
        return next_msn(self._state)

    @property
    def media_sequence(self) -> int:
        return self._state.segments[0].msn if self._state.segments else self.hint[0]

    @property
    def ready(self) -> bool:
        """Whether a player can begin: browsers' players refuse a playlist without a whole segment."""
        return bool(self._state.segments)

    @property
    def independent(self) -> bool:
        """Whether every segment shown begins with a keyframe."""
        growing = self._state.growing
        return self._state.dependent_segments == 0 and (growing is None or growing.independent)

    @property
    def hint(self) -> tuple[int, int]:
        """The segment and the index of the part that comes next."""
        growing = self._state.growing
        return (growing.msn, len(growing.parts)) if growing is not None else (self._state.next_msn or 0, 0)

    @property
    def last(self) -> tuple[int, int | None] | None:
        """The newest part there is, as segment and index; no index without parts, None without anything."""
        growing = self._state.growing
        if growing is not None and growing.parts:
            return growing.msn, len(growing.parts) - 1
        if not self._state.segments:
            return None
        newest = self._state.segments[-1]
        return newest.msn, newest.part_count - 1 if newest.part_count else None

    def part(self, msn: int, part: int) -> Part | None:
        """Where part `part` of segment `msn` lies in the ring, if it is held."""
        growing = self._state.growing
        parts: Sequence[Part] = ()
        if growing is not None and growing.msn == msn:
            parts = growing.parts
        elif (segment := self._segment(msn)) is not None:
            parts = segment.parts
        return parts[part] if 0 <= part < len(parts) else None

    def has(self, msn: int, part: int | None = None) -> bool:
        """Whether a request that waits for this may be answered (RFC 8216bis §6.2.5.2)."""
        state = self._state
        if state.ended and state.settings.end_list:
            return True  # nothing more will come
        finished = state.segments[-1].msn if state.segments else (state.next_msn or 0) - 1
        if msn > finished:
            growing = state.growing
            return (
                part is not None and growing is not None and growing.msn == msn and part < len(growing.parts)
            )
        segment = self._segment(msn)
        if part is None or segment is None or part < segment.part_count or segment.part_count == 0:
            return True
        return self.has(msn + 1, 0)  # past the last part of a segment: the first of the next is meant

    def too_far(self, msn: int, part: int | None = None) -> bool:
        """Whether a request is for what no player can know of yet (RFC 8216bis §6.2.5.2)."""
        newest, index = self.last or (self.hint[0] - 1, None)
        if msn > newest + MSN_AHEAD:
            return True
        if part is None or msn < newest or not self.settings.has_parts:
            return False
        ahead = part - (-1 if index is None else index) if msn == newest else part + 1
        return ahead > self.settings.advance_parts

    # What happens

    def apply(self, mark: Mark) -> None:
        """Fold one mark in. BadMark if it cannot follow; the window is then what it was."""
        fold(self._state, mark)

    def expired(self, now_us: int, delete_after_s: float) -> list[str]:
        """Take out the names of the files that may be deleted now.

        The rules ask for more time than `delete_after_s` may be: a segment stays for its own duration and
        that of the longest playlist which had it (RFC 8216bis §6.2.2).

        now_us: the clock that dates the segments. A stream that is published faster than it lasts is ahead of
        it; then its own newest date counts, or nothing would be due until the clock comes to it.
        """
        newest = self._state.segments[-1] if self._state.segments else None
        if newest is not None:
            now_us = max(now_us, newest.began_us + newest.duration_us)
        return due_names(self._state.removed, now_us, round(delete_after_s * SECOND_US))

    def forget_removed(self) -> None:
        """For those who delete no files."""
        self._state.removed.clear()

    def _segment(self, msn: int) -> Segment | None:
        segments = self._state.segments
        place = msn - segments[0].msn if segments else -1
        return segments[place] if 0 <= place < len(segments) else None
