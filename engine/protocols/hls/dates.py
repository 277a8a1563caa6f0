"""The dates of segments (EXT-X-PROGRAM-DATE-TIME): a clock read once, then media time, so that dates and
durations agree.

Renditions of one programme come from one encoder: the same moment has the same time in all of them, but it
arrives at different times, because each takes its own while to encode. Had each been dated by its own
arrival, players that compare dates would find the same picture seconds apart. So the first of them reads the
clock, and the others take its answer while theirs is close to it: dates then map to media times in the same
way in all playlists, as RFC 8216bis §6.2.4 wants it.

That holds for times which are still the encoder's own. A stream whose publisher has come back goes on where
it was, wherever that is in the encoder's time, and is dated by its own arrival from then on (`part`).
"""

from typing import Final

from engine.protocols.hls.cut_settings import MAX_CLOCK_OVERLAP_US

MAX_SKEW_US: Final = 5_000_000
"""How far apart the renditions of one moment may arrive. An encoder that looks ahead is two seconds behind
one that does not; what differs by more are streams with times of their own."""


class ProgrammeClock:
    """The date at which the media time of a programme's streams is 0."""

    def __init__(self) -> None:
        self._zero_us: int | None = None

    def agree(self, zero_us: int) -> int:
        """Return the programme's answer, for one who has read the clock itself."""
        if self._zero_us is None or abs(zero_us - self._zero_us) > MAX_SKEW_US:
            self._zero_us = zero_us
        return self._zero_us


class SegmentDates:
    """The dates of one stream's segments.

    programme: the clock of the programme that it is a rendition of; None for a stream by itself.
    until_us: the date at which what was cut before ended, by somebody else; 0 if there was nothing.
    """

    def __init__(self, programme: ProgrammeClock | None = None, until_us: int = 0) -> None:
        self._programme = programme
        self._until_us = until_us
        self._anchor: tuple[int, int] | None = None  # microseconds since 1970, and media time there

    def part(self) -> None:
        """The stream's times are its own from now on."""
        self._programme = None

    def anchor(self, wall_us: int, at_us: int, ended_us: int | None) -> None:
        """Read the clock. ended_us: when the segment before this one ended, in media time."""
        if self._programme is not None:
            wall_us = self._programme.agree(wall_us - at_us) + at_us
        if ended_us is not None and self._anchor is not None:
            self._until_us = self.of(ended_us)
        if 0 < self._until_us - wall_us <= MAX_CLOCK_OVERLAP_US:
            wall_us = self._until_us
        self._anchor = (wall_us, at_us)

    def of(self, at_us: int) -> int:
        """Return the date of a media time, in microseconds since 1970."""
        wall_us, media_us = self._anchor or (0, 0)
        return wall_us + at_us - media_us
