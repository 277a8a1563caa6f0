"""One stream's time: from what publishers say to what players can follow.

A publisher's timestamps are 32-bit milliseconds that wrap after 49.7 days, start anywhere, and now and then
jump because an encoder restarts a source, a file loops or a clock is set. Players need one line that never
breaks: a browser's buffer stalls at a gap of seconds and throws away what lies in its past.

How it works. Audio and video each have an offset (modulo 2^32) that is added to the publisher's time. What
comes out is measured against the newest time given out so far, as a signed 32-bit distance; so the wrap needs
no case of its own. A distance within [-1 s, +10 s] is ordinary: interleaving, B-frame stamps of careless
encoders, a lost second. Such tags keep the publisher's own time, to the millisecond. Beyond it the track has
jumped and gets a new offset:

- the other track's, if that puts the tag in the ordinary range: both tracks have jumped together, and with
  the same offset they stay in step exactly as the publisher meant;
- otherwise one that places it a frame step after the newest time.

A jump is seen track by track, and near the edge of the range one track can be caught and the other not. So
while the offsets differ, a tag takes whichever continues its own track best. It also means that tracks with
unrelated clocks (cameras do that) settle after one repair each, instead of throwing each other back for ever,
as one common offset would.

Messages that are no media (metadata, codec headers) often carry time 0 in the middle of a stream. They never
anchor anything: if their time makes no sense they get the newest time, uncounted.

FLV's time is signed: it ends after 24.8 days. From 24 days on, the next tag at which a player may begin
starts a new epoch near 0; if none comes for half a day, any tag does.
"""

from typing import Final, Literal, NamedTuple, TypeAlias

from engine.media.limits import (
    EPOCH_HARD_MS,
    EPOCH_SOFT_MS,
    EPOCH_START_MS,
    MAX_AHEAD_MS,
    MAX_BACKWARDS_MS,
)
from engine.media.tags import KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO

_DEFAULT_STEP_MS: Final = {KIND_VIDEO: 33, KIND_AUDIO: 23}  # 30 frames a second; 1024 samples at 44.1 kHz
_MAX_STEP_MS: Final = 1_000
_MASK: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000

Repair: TypeAlias = Literal["backwards", "ahead"]


class Fixed(NamedTuple):
    """A time for players: milliseconds in the epoch, why it is not the publisher's (if so), and whether with
    it a new epoch begins."""

    ms: int
    repaired: Repair | None
    new_epoch: bool


class _Track:
    """What is known of one kind of media: its offset, its last time given out, its usual step."""

    __slots__ = ("last_ms", "offset", "step_ms")

    def __init__(self, step_ms: int) -> None:
        self.offset = 0
        self.last_ms: int | None = None
        self.step_ms = step_ms


class Timeline:
    """The time of one stream, across sessions of its publishers.

    start_ms: where the first tag is to stand; without it the first session keeps the publisher's own time.
    """

    def __init__(self, start_ms: int | None = None) -> None:
        self.shift_ms = 0  # how far the last new epoch has moved time down
        self._newest: int | None = None
        self._anchor_ms = start_ms  # where the next tag goes, whatever time it says
        self._anchored = False
        self._gap_ms: int | None = None
        self._video = _Track(_DEFAULT_STEP_MS[KIND_VIDEO])
        self._audio = _Track(_DEFAULT_STEP_MS[KIND_AUDIO])

    @classmethod
    def continue_from(cls, last_ms: int) -> "Timeline":
        """Go on after the last time another process has given out (it stands in the ring)."""
        timeline = cls()
        timeline._newest = last_ms
        timeline.resume()
        return timeline

    @property
    def newest_ms(self) -> int | None:
        """The newest time given out in this epoch; None before the first tag."""
        return self._newest

    def resume(self, gap_ms: int = 0) -> None:
        """A publisher returns: its next media tag stands gap_ms (at least one frame step) after the last one.

        No gap is the rule even after seconds away: a player has waited at the end of its buffer and goes on
        there.
        """
        if self._newest is not None:
            self._gap_ms, self._anchored = gap_ms, False

    def fix(self, kind: int, raw_ms: int, *, anchors: bool = True, start: bool = False) -> Fixed:
        """Return the time for a tag. anchors: it is media, not a header; start: a player may begin here."""
        track = self._audio if kind == KIND_AUDIO else self._video
        if not anchors or kind == KIND_SCRIPT:
            return Fixed(self._passing(track, raw_ms), None, False)
        if not self._anchored:
            return Fixed(self._anchor(track, raw_ms), None, False)
        ms, repaired = self._follow(track, raw_ms)
        self._advance(track, ms)
        if ms >= EPOCH_SOFT_MS and (start or ms >= EPOCH_HARD_MS):
            return Fixed(self._begin_epoch(ms), repaired, True)
        return Fixed(max(0, ms), repaired, False)

    def _follow(self, track: _Track, raw_ms: int) -> tuple[int, Repair | None]:
        """Return the time of a tag, choosing the track's offset anew if it has jumped."""
        newest = self._newest or 0
        distance = _signed(raw_ms + track.offset - newest)
        other = self._video if track is self._audio else self._audio
        ordinary = -MAX_BACKWARDS_MS <= distance <= MAX_AHEAD_MS
        if ordinary and track.offset == other.offset:
            return newest + distance, None
        shared = _signed(raw_ms + other.offset - newest)
        if -MAX_BACKWARDS_MS <= shared <= MAX_AHEAD_MS:
            if ordinary and not self._continues_better(track, newest + shared, newest + distance):
                return newest + distance, None
            track.offset = other.offset
            return newest + shared, ("backwards" if distance < shared else "ahead")
        if ordinary:
            return newest + distance, None
        ms = newest + track.step_ms
        track.offset = (ms - raw_ms) & _MASK
        return ms, ("backwards" if distance < 0 else "ahead")

    def _continues_better(self, track: _Track, ms: int, than_ms: int) -> bool:
        """Whether one time continues the track better than another; a track that has none yet has no
        opinion."""
        if track.last_ms is None:
            return False
        expected = track.last_ms + track.step_ms
        return abs(ms - expected) < abs(than_ms - expected)

    def _advance(self, track: _Track, ms: int) -> None:
        if track.last_ms is not None and 0 < ms - track.last_ms <= _MAX_STEP_MS:
            track.step_ms = ms - track.last_ms
        track.last_ms = ms
        if self._newest is None or ms > self._newest:
            self._newest = ms

    def _anchor(self, track: _Track, raw_ms: int) -> int:
        """Place the first media tag of a session; both tracks share its offset."""
        ms = self._first_ms(track, raw_ms)
        self._anchored, self._anchor_ms, self._gap_ms = True, None, None
        self._video.offset = self._audio.offset = (ms - raw_ms) & _MASK
        self._video.last_ms = self._audio.last_ms = None
        self._advance(track, ms)
        return ms

    def _first_ms(self, track: _Track, raw_ms: int) -> int:
        if self._newest is not None and self._gap_ms is not None:
            return self._newest + max(self._gap_ms, track.step_ms)
        if self._anchor_ms is not None:
            return self._anchor_ms
        return raw_ms if raw_ms < EPOCH_SOFT_MS else EPOCH_START_MS

    def _passing(self, track: _Track, raw_ms: int) -> int:
        """Return a time for a header or metadata, without moving anything."""
        if self._newest is None:
            own_ms = raw_ms if raw_ms < EPOCH_SOFT_MS else 0
            return own_ms if self._anchor_ms is None else self._anchor_ms
        distance = _signed(raw_ms + track.offset - self._newest)
        if not self._anchored or not -MAX_BACKWARDS_MS <= distance <= MAX_AHEAD_MS:
            return self._newest
        return max(0, self._newest + distance)

    def _begin_epoch(self, ms: int) -> int:
        """Move everything down so that this tag stands at EPOCH_START_MS."""
        self.shift_ms = ms - EPOCH_START_MS
        for track in (self._video, self._audio):
            track.offset = (track.offset - self.shift_ms) & _MASK
            if track.last_ms is not None:
                track.last_ms -= self.shift_ms
        self._newest = max((self._newest or 0) - self.shift_ms, EPOCH_START_MS)
        return EPOCH_START_MS


def _signed(distance: int) -> int:
    """Read a difference modulo 2^32 as the shorter way round."""
    return ((distance + _HALF) & _MASK) - _HALF
