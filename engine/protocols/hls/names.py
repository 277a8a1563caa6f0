"""The names of files and parts: the last component of their URL, unique for ever.

    init segment  <stamp>-<n>.mp4
    segment       <stamp>-<msn>.m4s or <stamp>-<msn>.ts
    part          <stamp>-<msn>.<part>.m4s

The stamp is the hexadecimal time at which the packaging of the stream began, so a stream that comes back
under its old name never gives another content an old name, and caches may keep what they have.
"""

import re
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from engine.protocols.hls.limits import MAX_NUMBER, MAX_PART

Suffix: TypeAlias = Literal["m4s", "ts"]

FMP4_SUFFIX: Final = "m4s"
TS_SUFFIX: Final = "ts"

_NUMBER: Final = r"(0|[1-9][0-9]{0,15})"
_STAMP: Final = r"([0-9a-f]{1,16})"
_NAME: Final = re.compile(rf"{_STAMP}-{_NUMBER}(?:\.{_NUMBER})?\.(mp4|m4s|ts)", re.ASCII)
_WHOLE_STAMP: Final = re.compile(_STAMP, re.ASCII)


class InitName(NamedTuple):
    """An init segment."""

    stamp: str
    number: int


class SegmentName(NamedTuple):
    """A whole segment."""

    stamp: str
    msn: int
    suffix: Suffix


class PartName(NamedTuple):
    """A part of a segment."""

    stamp: str
    msn: int
    part: int


def init_name(stamp: str, number: int) -> str:
    return f"{stamp}-{number}.mp4"


def segment_name(stamp: str, msn: int, suffix: Suffix = FMP4_SUFFIX) -> str:
    return f"{stamp}-{msn}.{suffix}"


def part_name(stamp: str, msn: int, part: int) -> str:
    return f"{stamp}-{msn}.{part}.m4s"


def is_stamp(text: str) -> bool:
    return _WHOLE_STAMP.fullmatch(text) is not None


def parse_name(text: str) -> InitName | SegmentName | PartName | None:
    """What `text` names; None if it is not exactly what the functions above write."""
    match = _NAME.fullmatch(text)
    if match is None or int(match[2]) > MAX_NUMBER:
        return None
    stamp, number, part, suffix = match[1], int(match[2]), match[3], match[4]
    if part is not None:
        return PartName(stamp, number, int(part)) if suffix == "m4s" and int(part) <= MAX_PART else None
    if suffix == "mp4":
        return InitName(stamp, number)
    return SegmentName(stamp, number, cast("Suffix", suffix))
