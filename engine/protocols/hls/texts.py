"""The lines of a media playlist that belong to one segment or part."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.protocols.hls.names import init_name, part_name, segment_name
from engine.protocols.hls.settings import PlaylistSettings
from engine.protocols.hls.state import Growing, Part, Segment
from engine.protocols.hls.times import date_text, seconds_text


class SegmentText(NamedTuple):
    """A finished segment's lines, without and with its parts; `map_line` is for where it comes first."""

    map_line: str
    plain: str
    with_parts: str


def segment_text(settings: PlaylistSettings, segment: Segment, part_lines: str) -> SegmentText:
    """The lines of a finished segment. They never change, so they are written once."""
    map_line = map_text(settings, segment.init)
    head = head_text(settings, segment)
    gap = "#EXT-X-GAP\n" if segment.gap else ""
    name = segment_name(settings.stamp, segment.msn, settings.suffix)
    body = f"{gap}#EXTINF:{seconds_text(segment.duration_us)},\n{name}\n"
    first_map = "" if segment.shows_init else map_line  # else it is in the head anyway
    return SegmentText(first_map, head + body, head + part_lines + body)


def head_text(settings: PlaylistSettings, segment: Segment | Growing) -> str:
    """What stands before a segment's parts and its name."""
    discontinuity = "#EXT-X-DISCONTINUITY\n" if segment.discontinuity else ""
    map_line = map_text(settings, segment.init) if segment.shows_init else ""
    return f"{discontinuity}{map_line}#EXT-X-PROGRAM-DATE-TIME:{date_text(segment.began_us)}\n"


def map_text(settings: PlaylistSettings, init: int) -> str:
    if settings.variant == "ts":
        return ""
    return f'#EXT-X-MAP:URI="{init_name(settings.stamp, init)}"\n'


def parts_text(settings: PlaylistSettings, msn: int, parts: Sequence[Part], first: int = 0) -> str:
    """The lines of `parts`, the first of which has the index `first`."""
    return "".join(
        f"#EXT-X-PART:DURATION={seconds_text(part.duration_us)},"
        f'URI="{part_name(settings.stamp, msn, number)}"{",INDEPENDENT=YES" if part.independent else ""}\n'
        for number, part in enumerate(parts, first)
    )
