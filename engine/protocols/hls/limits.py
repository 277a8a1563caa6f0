"""What playlists may make us hold, and what a request may ask. Each number: unit, reason, precedent."""

from typing import Final

MAX_NUMBER: Final = (1 << 53) - 1
"""Sequence numbers, sizes and microseconds. The format allows 64 bits (RFC 8216bis §4.2, decimal-integer),
but players in browsers count in doubles; a thousand segments a second reach it after 285,000 years."""

MAX_DIRECTIVE_DIGITS: Final = 16
"""Digits of a number in a query: those of `MAX_NUMBER`, so that nobody makes us read a number of a
megabyte."""

MAX_PART: Final = 9_999
"""Part index in a request or a name. A segment of 10 s in parts of 0.2 s has 50; more is nonsense."""

MAX_MARK_BYTES: Final = 4_096
"""One mark in the ring. The longest is an init segment's with its codec strings, about 100 bytes."""

MAX_CODECS_CHARS: Final = 256
"""The CODECS of one stream. HEVC with all its constraint bytes and AC-3 come to 40."""

MAX_PLAYLIST_SEGMENTS: Final = 1_800
"""Segments a playlist may be asked to keep: an hour of 2 s. A snapshot of so many has to fit the 256 KiB that
the arena has for it."""

MAX_WINDOW_SEGMENTS: Final = 2_000
"""And what it keeps at all, when the rule of three target durations asks for more because segments are
tiny."""

MAX_REMOVED: Final = 4_096
"""Names of files that wait for their deletion. The rules ask for one playlist's length, so twice that."""

MAX_CHANGES: Final = 8
"""Changes of tracks that may follow each other at once: a stream's first tracks become known one by one, and
an encoder that looks for its resolution tries a few."""

CHANGE_EVERY_US: Final = 2_000_000
"""One more change after so long, microseconds: a segment's usual length, so that changes do not make shorter
ones for ever."""

MAX_RENDITIONS: Final = 64
"""Renditions of one programme, in a multivariant playlist or in reports. Apple's widest ladder has a
dozen."""

MSN_AHEAD: Final = 2
"""How far a request may be ahead of the newest segment (RFC 8216bis §6.2.5.2: beyond it, Bad Request)."""
