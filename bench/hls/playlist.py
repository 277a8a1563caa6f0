"""Playlists as far as a player must read them: what there is to fetch, and what to ask for next.

Segments are counted from EXT-X-MEDIA-SEQUENCE, parts within their segment, as RFC 8216bis has it; what the
names of files look like is the server's own affair.
"""

import gzip
import re
from itertools import pairwise
from typing import NamedTuple

URI = re.compile(r'URI="([^"]*)"')

#: What hls.js stays behind the newest part where the playlist says PART-HOLD-BACK: three parts.
HOLD_BACK_PARTS = 3

Place = tuple[int, int]
"""A part: number of its segment, and its own within that."""


class Part(NamedTuple):
    """A part that is listed."""

    place: Place
    uri: str


class Facts(NamedTuple):
    """What a player takes from a media playlist."""

    parts: tuple[Part, ...]
    init: str
    #: What a blocking reload asks for next.
    next: Place
    ended: bool
    #: As in `_HLS_skip`; empty where the server knows no delta updates.
    skip: str


def inflate(body: bytes) -> str:
    """The text of a body that may be in gzip."""
    plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    return plain.decode()


def first_rendition(text: str) -> str:
    """URI of the first media playlist of a multivariant one."""
    lines = text.splitlines()
    for line, following in pairwise(lines):
        if line.startswith("#EXT-X-STREAM-INF:"):
            return following
    raise ValueError("no rendition in the multivariant playlist")


def read_media(text: str) -> Facts:
    """The facts of a media playlist, whole or a delta update."""
    if not text.startswith("#EXTM3U"):
        raise ValueError("not a playlist")
    msn, index, parts, init = _first_msn(text), 0, list[Part](), ""
    for line in text.splitlines():
        if line.startswith("#EXT-X-PART:"):
            parts.append(Part((msn, index), _uri(line)))
            index += 1
        elif line.startswith("#EXT-X-MAP:"):
            init = _uri(line)
        elif line and not line.startswith("#"):
            msn, index = msn + 1, 0
    return Facts(tuple(parts), init, (msn, index), "#EXT-X-ENDLIST" in text, _skip(text))


def _first_msn(text: str) -> int:
    """Number of the first segment that is written out."""
    return _number(text, "#EXT-X-MEDIA-SEQUENCE:") + _number(text, "SKIPPED-SEGMENTS=")


def _number(text: str, before: str) -> int:
    found = re.search(re.escape(before) + r"(\d+)", text)
    return int(found[1]) if found else 0


def _uri(line: str) -> str:
    found = URI.search(line)
    if found is None:
        raise ValueError(f"no URI in {line}")
    return found[1]


def _skip(text: str) -> str:
    if "CAN-SKIP-UNTIL=" not in text:
        return ""
    return "v2" if "CAN-SKIP-DATERANGES=YES" in text else "YES"


class Follower:
    """What one player has fetched, and so what it fetches next."""

    __slots__ = ("_newest",)

    def __init__(self) -> None:
        self._newest: Place | None = None

    def take(self, facts: Facts) -> list[str]:
        """URIs of the parts that are new, oldest first; of the first playlist, the newest few."""
        fresh = list[str]()
        for part in reversed(facts.parts):
            if self._newest is None and len(fresh) == HOLD_BACK_PARTS:
                break
            if self._newest is not None and part.place <= self._newest:
                break
            fresh.append(part.uri)
        if fresh:
            self._newest = facts.parts[-1].place
        fresh.reverse()
        return fresh


def directives(facts: Facts) -> str:
    """The query of the blocking reload for what comes after these facts, as hls.js writes it."""
    skip = f"&_HLS_skip={facts.skip}" if facts.skip else ""
    return f"?_HLS_msn={facts.next[0]}&_HLS_part={facts.next[1]}{skip}"
