"""Path patterns: which `[paths."pattern"]` tables match a stream, and which of them is the most specific.

A pattern looks like a full stream name, two to four segments: `live/*`. `*` stands for any number of
characters within its segment and never crosses a slash, so `live/*` does not match `live/room/cam`.

All matching tables count, key by key: the most specific one that sets a key decides it. So a key set for
`live/*` still guards `live/final` when that one has a table of its own for something else; had the nearest
table alone counted, giving one stream a shorter GOP would have taken its publish key away.

More specific means, segment by segment from the left: a segment without `*` before one with it, then more
literal characters, then fewer `*`. What is left equal after that is decided by the alphabet.
"""

import re
from typing import Final

MAX_SEGMENTS: Final = 4
"""The same as of a stream name."""

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.*-]{1,64}")

Specificity = tuple[tuple[tuple[bool, int, int], ...], str]


def problem_with(pattern: str) -> str | None:
    """Say why `pattern` could never match, or None."""
    segments = pattern.split("/")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        return "a segment is 1 to 64 of A-Z a-z 0-9 _ . - and *"
    if not 2 <= len(segments) <= MAX_SEGMENTS:
        return f'a pattern has 2 to {MAX_SEGMENTS} segments, such as "live/*"'
    return None


def matches(pattern: str, name: str) -> bool:
    """Whether the stream `name` (already validated) falls under `pattern`."""
    wanted, given = pattern.split("/"), name.split("/")
    return len(wanted) == len(given) and all(map(_segment_matches, wanted, given))


def _segment_matches(pattern: str, text: str) -> bool:
    # By hand, because the work stays linear in the text however many stars there are; a regular expression
    # with many `.*` tries all the ways to share the text out among them.
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middles, last = rest
    if not text.startswith(first):
        return False
    at = len(first)
    for middle in middles:
        found = text.find(middle, at)
        if found < 0:
            return False
        at = found + len(middle)
    return len(text) - len(last) >= at and text.endswith(last)


def specificity(pattern: str) -> Specificity:
    """A sort key: the greater, the more specific."""
    segments = pattern.split("/")
    return tuple(("*" not in s, len(s) - s.count("*"), -s.count("*")) for s in segments), pattern


def overlap(one: str, other: str) -> bool:
    """Whether some name falls under both patterns."""
    left, right = one.split("/"), other.split("/")
    return len(left) == len(right) and all(map(_segments_overlap, left, right))


def _segments_overlap(one: str, other: str) -> bool:
    """Two patterns with stars meet if their literal ends do: between stars there is room for everything."""
    if "*" not in one:
        return _segment_matches(other, one)
    if "*" not in other:
        return _segment_matches(one, other)
    return _ends_agree(one, other) and _ends_agree(one[::-1], other[::-1])


def _ends_agree(one: str, other: str) -> bool:
    left, right = one.partition("*")[0], other.partition("*")[0]
    return left.startswith(right) or right.startswith(left)
