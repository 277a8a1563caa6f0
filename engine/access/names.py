"""The one door for untrusted names. A stream name that did not come through here must not be used.

A name is one to four segments with slashes between them; a segment is 1 to 64 of A-Z a-z 0-9 _ . - and not
only dots. So it can be part of a file path, a URL, a log line, a metric label or a TOML key without quoting
anywhere (Node-Media-Server#689 wrote files where `rtmp://host/live/../../../../tmp/pwned` told it to).
Nothing is cleaned up on the way: what is not a name is refused, never repaired into another one. A single
segment means `live/<segment>`, as in SRS and nginx-rtmp's examples.

A publisher with several video tracks makes a stream of each: the first has the name that was asked for, and
track n of `live/cam` is `live/cam~n`. No publisher can ask for such a name, since a tilde is none of the
characters above, so whoever holds `live/cam` holds its tracks; players may, through a door of their own.
"""

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

DEFAULT_APP: Final = "live"
MAX_SEGMENTS: Final = 4
MAX_SEGMENT_CHARACTERS: Final = 64
MAX_NAME_CHARACTERS: Final = MAX_SEGMENTS * (MAX_SEGMENT_CHARACTERS + 1) - 1

TRACK_MARK: Final = "~"
MAX_TRACK: Final = 15
"""The highest further track of a publisher that becomes a stream. OBS sends ten at most."""

_CHARACTERS: Final = re.compile(r"[A-Za-z0-9_.-]+")

NameFault = Literal["empty", "too_long", "too_many_segments", "forbidden_character", "dots_only"]

_SENTENCES: Final[dict[NameFault, str]] = {
    "empty": "a stream name has no empty segments",
    "too_long": f"a segment of a stream name has at most {MAX_SEGMENT_CHARACTERS} characters",
    "too_many_segments": f"a stream name has at most {MAX_SEGMENTS} segments",
    "forbidden_character": "a stream name is made of A-Z a-z 0-9 _ . - and slashes",
    "dots_only": "a segment of a stream name is not made of dots alone",
}


class BadName(Exception):
    """Not a stream name.

    `reason` is one of the five NameFault words, fit for a metric label; the text is a sentence for the client
    and the log. Neither repeats what came in, so nothing hostile gets into a log through them.
    """

    def __init__(self, reason: NameFault) -> None:
        super().__init__(_SENTENCES[reason])
        self.reason: NameFault = reason


class Asked(NamedTuple):
    """What an RTMP client asked for."""

    name: str
    query: str
    """Parameters, without the question mark; may hold a key, so not for logs."""


def parse_stream_name(raw: str) -> str:
    """Return the full stream name "app/name", or raise BadName."""
    if len(raw) > MAX_NAME_CHARACTERS:
        raise BadName("too_long")
    segments = raw.split("/")
    if len(segments) > MAX_SEGMENTS:
        raise BadName("too_many_segments")
    for segment in segments:
        _check_segment(segment)
    return raw if len(segments) > 1 else f"{DEFAULT_APP}/{raw}"


@lru_cache(maxsize=1024)
def parse_played_name(raw: str) -> str:
    """Return the full name of a stream that a player asks for, which may be a publisher's further track.

    Many players ask for the same one again and again, so good names are remembered.
    """
    stream, mark, track = raw.partition(TRACK_MARK)
    name = parse_stream_name(stream)
    if not mark:
        return name
    if track not in _TRACKS:
        raise BadName("forbidden_character")
    return track_name(name, int(track))


def track_name(stream: str, track: int) -> str:
    """The stream that a further track of the publisher of `stream` is."""
    return f"{stream}{TRACK_MARK}{track}"


def publisher_name(stream: str) -> str:
    """The name that the publisher of `stream` asked for."""
    return stream.partition(TRACK_MARK)[0]


def join_app_and_name(app: str, name: str) -> Asked:
    """Put together what RTMP sends in two halves, each of which may carry a query.

    `rtmp://host/live/cam?key=k` arrives as app "live" and name "cam?key=k"; some clients put the query
    behind the app, some end the app with a slash, and `rtmp://host/cam` has an empty name. Raises BadName.
    """
    app_path, _, app_query = app.partition("?")
    name_path, _, name_query = name.partition("?")
    halves = (app_path.removeprefix("/").removesuffix("/"), name_path.removeprefix("/"))
    path = "/".join(half for half in halves if half)
    return Asked(parse_stream_name(path), "&".join(query for query in (app_query, name_query) if query))


_TRACKS: Final = frozenset(str(track) for track in range(1, MAX_TRACK + 1))


def _check_segment(segment: str) -> None:
    if not segment:
        raise BadName("empty")
    if len(segment) > MAX_SEGMENT_CHARACTERS:
        raise BadName("too_long")
    if not _CHARACTERS.fullmatch(segment):
        raise BadName("forbidden_character")
    if not segment.strip("."):
        raise BadName("dots_only")
