"""A media playlist as a client reads it: our own parser, which knows nothing of what wrote the text.

Strict on purpose: what a lenient client would pass over in silence is `Unreadable` here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, NamedTuple

ATTRIBUTE: Final = re.compile(r'([A-Z0-9-]+)=("[^"\n]*"|[^",\s]+)(?:,(?=.)|\Z)')
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


class Unreadable(Exception):
    """No media playlist, or an update of one that we do not have."""


class ReadPart(NamedTuple):
    """A part as listed."""

    uri: str
    duration_us: int
    independent: bool
    gap: bool


class ReadSegment(NamedTuple):
    """A segment as listed; the last one of a playlist may be only parts so far and have no URI."""

    msn: int
    dsn: int  # discontinuity sequence number
    uri: str = ""
    duration_us: int = 0
    map_uri: str = ""
    date_us: int | None = None
    discontinuity: bool = False
    gap: bool = False
    parts: tuple[ReadPart, ...] = ()


@dataclass
class Playlist:
    """Everything a media playlist says."""

    version: int = 1
    target_s: int = -1
    media_sequence: int = 0
    discontinuity_sequence: int = 0
    independent: bool = False
    part_target_us: int | None = None
    control: dict[str, str] = field(default_factory=dict)
    skipped: int = 0
    segments: list[ReadSegment] = field(default_factory=list)
    edge: ReadSegment | None = None  # what comes behind the last URI
    hints: list[dict[str, str]] = field(default_factory=list)
    reports: list[dict[str, str]] = field(default_factory=list)
    ended: bool = False

    @property
    def edge_parts(self) -> tuple[ReadPart, ...]:
        return self.edge.parts if self.edge else ()

    @property
    def next_msn(self) -> int:
        """Of the segment that is being made."""
        return self.media_sequence + self.skipped + len(self.segments)

    @property
    def finished_us(self) -> int:
        return sum(segment.duration_us for segment in self.segments)

    @property
    def edge_us(self) -> int:
        return sum(part.duration_us for part in self.edge_parts)

    @property
    def shown(self) -> list[ReadSegment]:
        """All segments, with the growing one if any of it is there."""
        return self.segments + ([self.edge] if self.edge and self.edge.parts else [])

    def after_us(self) -> Iterator[tuple[ReadSegment, int]]:
        """Each segment with how much of finished segments is behind its end."""
        left_us = self.finished_us
        for segment in self.segments:
            left_us -= segment.duration_us
            yield segment, left_us


@lru_cache(1024)
def microseconds(text: str) -> int:
    try:
        return int(Decimal(text) * 1_000_000)
    except (InvalidOperation, ValueError) as error:
        raise Unreadable(f"no number of seconds: {text}") from error


def whole(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,20}", text) is None:
        raise Unreadable(f"no number: {text}")
    return int(text)


@lru_cache(1024)
def date(text: str) -> int:
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text) is None:
        raise Unreadable(f"no date with milliseconds in UTC: {text}")
    return (datetime.fromisoformat(text) - EPOCH) // MICROSECOND


def attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = ATTRIBUTE.match(text, place)
        if match is None or match[1] in found:
            raise Unreadable(f"bad attributes: {text}")
        found[match[1]] = match[2].strip('"')
        place = match.end()
    return found


class Reader:
    """Reads the lines of one playlist; the methods named in `TAGS` take what follows the colon."""

    def __init__(self) -> None:
        self.playlist = Playlist()
        self.seen: set[str] = set()
        self.discontinuities = 0
        self.map_uri = ""
        self.open = False  # whether a segment's tags have begun
        self.pending = ReadSegment(0, 0)

    def read(self, text: str) -> Playlist:
        lines = text.split("\n")
        if lines[0] != "#EXTM3U" or lines[-1] != "" or "" in lines[:-1]:
            raise Unreadable("begins with #EXTM3U and ends with a line's end, without empty lines")
        for line in lines[1:-1]:
            self.line(line)
        if self.playlist.target_s < 0:
            raise Unreadable("no target duration")
        if self.open:
            self.playlist.edge = self.placed(self.pending)
        return self.playlist

    def line(self, line: str) -> None:
        if not line.startswith("#"):
            self.uri(line)
            return
        tag, _, value = line.partition(":")
        if tag not in TAGS:
            raise Unreadable(f"unknown tag {tag}")
        if tag in ONCE and tag in self.seen:
            raise Unreadable(f"{tag} twice")
        if tag in HEAD and (self.open or self.playlist.segments):
            raise Unreadable(f"{tag} behind a segment's beginning")
        self.seen.add(tag)
        TAGS[tag](self, value)

    def uri(self, uri: str) -> None:
        if not self.open or self.pending.duration_us < 0 or "#EXTINF" not in self.seen:
            raise Unreadable(f"{uri} without EXTINF")
        self.seen.discard("#EXTINF")
        self.playlist.segments.append(self.placed(self.pending)._replace(uri=uri))
        self.pending, self.open = ReadSegment(0, 0), False

    def placed(self, segment: ReadSegment) -> ReadSegment:
        playlist = self.playlist
        dsn = playlist.discontinuity_sequence + self.discontinuities
        return segment._replace(msn=playlist.next_msn, dsn=dsn, map_uri=self.map_uri)

    def of_segment(self, **values: object) -> None:
        self.pending, self.open = self.pending._replace(**values), True  # type: ignore[arg-type]

    def discontinuity(self, value: str) -> None:
        self.discontinuities += 1
        self.of_segment(discontinuity=True)

    def map(self, value: str) -> None:
        self.map_uri = attributes(value)["URI"]
        self.of_segment()

    def part(self, value: str) -> None:
        said = attributes(value)
        part = ReadPart(
            said["URI"],
            microseconds(said["DURATION"]),
            said.get("INDEPENDENT") == "YES",
            said.get("GAP") == "YES",
        )
        if self.playlist.hints:
            raise Unreadable("a part behind the hint")
        self.of_segment(parts=(*self.pending.parts, part))

    def extinf(self, value: str) -> None:
        self.of_segment(duration_us=microseconds(value.partition(",")[0]))

    def skip(self, value: str) -> None:
        if self.open or self.playlist.segments:
            raise Unreadable("EXT-X-SKIP behind a segment")
        self.playlist.skipped = whole(attributes(value)["SKIPPED-SEGMENTS"])

    def keep(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self.playlist, name, value)


TAGS: Final[dict[str, Callable[[Reader, str], None]]] = {
    "#EXT-X-VERSION": lambda reader, value: reader.keep(version=whole(value)),
    "#EXT-X-TARGETDURATION": lambda reader, value: reader.keep(target_s=whole(value)),
    "#EXT-X-MEDIA-SEQUENCE": lambda reader, value: reader.keep(media_sequence=whole(value)),
    "#EXT-X-DISCONTINUITY-SEQUENCE": lambda reader, value: reader.keep(discontinuity_sequence=whole(value)),
    "#EXT-X-INDEPENDENT-SEGMENTS": lambda reader, value: reader.keep(independent=True),
    "#EXT-X-SERVER-CONTROL": lambda reader, value: reader.keep(control=attributes(value)),
    "#EXT-X-PART-INF": lambda reader, value: reader.keep(
        part_target_us=microseconds(attributes(value)["PART-TARGET"])
    ),
    "#EXT-X-ENDLIST": lambda reader, value: reader.keep(ended=True),
    "#EXT-X-SKIP": Reader.skip,
    "#EXT-X-DISCONTINUITY": Reader.discontinuity,
    "#EXT-X-MAP": Reader.map,
    "#EXT-X-PART": Reader.part,
    "#EXT-X-PROGRAM-DATE-TIME": lambda reader, value: reader.of_segment(date_us=date(value)),
    "#EXT-X-GAP": lambda reader, value: reader.of_segment(gap=True),
    "#EXTINF": Reader.extinf,
    "#EXT-X-PRELOAD-HINT": lambda reader, value: reader.playlist.hints.append(attributes(value)),
    "#EXT-X-RENDITION-REPORT": lambda reader, value: reader.playlist.reports.append(attributes(value)),
}
HEAD: Final = frozenset(list(TAGS)[:7])
ONCE: Final = HEAD | {"#EXT-X-SKIP", "#EXT-X-ENDLIST", "#EXTINF"}


@lru_cache(256)
def read(text: str) -> Playlist:
    """What `text` says. The same object for the same text: nobody changes it."""
    try:
        return Reader().read(text)
    except KeyError as error:
        raise Unreadable(f"no attribute {error}") from error


def merged(have: Playlist | None, update: Playlist) -> Playlist:
    """The whole playlist, from the one a client has and a delta update (RFC 8216bis §6.3.7)."""
    if not update.skipped:
        return update
    first, stop = update.media_sequence, update.media_sequence + update.skipped
    old = [segment for segment in (have.segments if have else []) if first <= segment.msn < stop]
    if len(old) != update.skipped:
        raise Unreadable(f"skips {update.skipped} segments, of which a client has {len(old)}")
    shift, map_uri = old[-1].dsn - update.discontinuity_sequence, old[-1].map_uri

    def carried(segment: ReadSegment) -> ReadSegment:
        return segment._replace(dsn=segment.dsn + shift, map_uri=segment.map_uri or map_uri)

    edge = carried(update.edge) if update.edge else None
    return replace(update, skipped=0, segments=[*old, *map(carried, update.segments)], edge=edge)
