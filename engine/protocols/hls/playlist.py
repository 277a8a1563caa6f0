"""Media playlists (RFC 8216bis §4.4): plain, low-latency, and delta updates of the latter.

How it stays cheap. A worker renders a playlist for every part of every stream that somebody watches. What is
finished never changes, so its lines are written once and kept by media sequence number; the long past,
without parts, is even kept as one text. What is left for a part is its own line, the head, the hint and a
join.

    head   version, target duration, control, sequence numbers
    past   segments without parts; in a delta update EXT-X-SKIP stands for those beyond six target durations
    recent segments with parts, of the newest three target durations
    edge   the growing segment's parts, the hint of the next, reports of other renditions; or the end
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.protocols.hls.errors import LocalProtocolError
from engine.protocols.hls.limits import MAX_RENDITIONS
from engine.protocols.hls.names import part_name
from engine.protocols.hls.quoted import checked
from engine.protocols.hls.request import NO_DIRECTIVES, Directives
from engine.protocols.hls.settings import HOLD_BACK_PARTS, SKIP_TARGETS, PlaylistSettings
from engine.protocols.hls.texts import SegmentText, head_text, parts_text, segment_text
from engine.protocols.hls.times import SECOND_US, seconds_text
from engine.protocols.hls.window import Window

# What each playlist needs a client to know (RFC 8216bis §8).
TS_VERSION: Final = 3  # EXTINF with fractions
MAP_VERSION: Final = 6  # EXT-X-MAP
SKIP_VERSION: Final = 9  # EXT-X-SKIP; what offers it says so at once, lest the version changes
SKIP_V2_VERSION: Final = 10  # EXT-X-SKIP that is asked for with v2

INDEPENDENT_LINE: Final = "#EXT-X-INDEPENDENT-SEGMENTS\n"


class Report(NamedTuple):
    """Where another rendition of the programme stands: its newest segment and part (RFC 8216bis §4.4.5.4)."""

    uri: str
    msn: int
    part: int | None


def report_of(window: Window, uri: str) -> Report | None:
    """What other renditions' playlists say of this one, which is at `uri`; None if it has nothing yet."""
    return None if window.last is None else Report(uri, *window.last)


def media_playlist(
    window: Window, directives: Directives = NO_DIRECTIVES, reports: Sequence[Report] = ()
) -> str:
    """The window's playlist as it is now, for once; whoever needs it again keeps a `Renderer`."""
    return Renderer(window.settings).render(window, directives, reports)


class Renderer:
    """Writes the playlists of one window, and keeps what is finished.

    `settings` may be others than the window's: plain fMP4 from a window with parts.
    """

    def __init__(self, settings: PlaylistSettings) -> None:
        self._settings = settings
        self._texts: dict[int, SegmentText] = {}
        self._past: dict[tuple[int, int], str] = {}
        self._edge = _NO_EDGE

    def render(
        self, window: Window, directives: Directives = NO_DIRECTIVES, reports: Sequence[Report] = ()
    ) -> str:
        """The playlist; a delta update where `directives` want one and there is something to leave out."""
        edge = self._edge_text(
            window
        )  # first, since a segment that is finished takes its parts' lines from it
        parts_from = _parts_from(window) if self._settings.has_parts else len(window.segments)
        skipped = min(self._skippable(window), parts_from) if directives.skip else 0
        version = _version(self._settings, v2=directives.skip == "v2" and skipped > 0)
        return "".join(
            (
                _head(window, self._settings, version),
                f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}\n" if skipped else self._first_map(window),
                self._past_text(window, skipped, parts_from),
                *(self._text(window, place).with_parts for place in range(parts_from, len(window.segments))),
                edge,
                self._last_lines(window, reports),
            )
        )

    def _text(self, window: Window, place: int) -> SegmentText:
        segment = window.segments[place]
        text = self._texts.get(segment.msn)
        if text is None:
            edge, parts = self._edge, segment.parts
            known = edge.msn == segment.msn and edge.parts == len(parts)
            lines = edge.lines if known else parts_text(self._settings, segment.msn, parts)
            text = self._texts[segment.msn] = segment_text(self._settings, segment, lines)
        return text

    def _first_map(self, window: Window) -> str:
        return self._text(window, 0).map_line if window.segments else ""

    def _past_text(self, window: Window, start: int, stop: int) -> str:
        """Segments [start, stop) of the window without parts; the same until a segment comes or goes."""
        first = window.media_sequence
        key = (first + start, first + stop)
        text = self._past.get(key)
        if text is None:
            text = "".join(self._text(window, place).plain for place in range(start, stop))
            self._forget(first)
            self._past[key] = text
        return text

    def _forget(self, first: int) -> None:
        """Drop what is before segment `first`; texts of the past are few and soon made again."""
        while self._texts and (oldest := next(iter(self._texts))) < first:
            del self._texts[oldest]
        if len(self._past) >= _PAST_TEXTS:
            self._past.clear()

    def _edge_text(self, window: Window) -> str:
        growing = window.growing
        if growing is None or not growing.parts or not self._settings.has_parts:
            return ""
        edge = self._edge
        if edge.msn != growing.msn or edge.parts > len(growing.parts):
            edge = _Edge(growing.msn, 0, head_text(self._settings, growing), "")
        if edge.parts < len(growing.parts):
            more = parts_text(self._settings, growing.msn, growing.parts[edge.parts :], edge.parts)
            edge = edge._replace(parts=len(growing.parts), lines=edge.lines + more)
        self._edge = edge
        return edge.head + edge.lines

    def _last_lines(self, window: Window, reports: Sequence[Report]) -> str:
        if window.ended and self._settings.end_list:
            return "#EXT-X-ENDLIST\n"
        if not self._settings.has_parts:
            return ""
        hint = f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{part_name(self._settings.stamp, *window.hint)}"\n'
        return hint + _reports_text(reports)

    def _skippable(self, window: Window) -> int:
        """How many segments end further from the playlist's end than the skip boundary."""
        if not self._settings.has_parts:
            return 0
        boundary_us = SKIP_TARGETS * window.target_s * SECOND_US
        after_us = window.growing.duration_us if window.growing is not None else 0
        place = len(window.segments)
        while place > 0 and after_us < boundary_us:
            place -= 1
            after_us += window.segments[place].duration_us
        return place


class _Edge(NamedTuple):
    """The growing segment as far as it is written."""

    msn: int
    parts: int
    head: str
    lines: str


_NO_EDGE: Final = _Edge(-1, 0, "", "")

_PAST_TEXTS: Final = 4  # of full playlists and of deltas, before and after a segment


def _parts_from(window: Window) -> int:
    place = len(window.segments)
    while place > 0 and window.segments[place - 1].lists_parts:
        place -= 1
    return place


def _version(settings: PlaylistSettings, *, v2: bool) -> int:
    if v2:
        return SKIP_V2_VERSION
    return {"low_latency": SKIP_VERSION, "fmp4": MAP_VERSION, "ts": TS_VERSION}[settings.variant]


def _head(window: Window, settings: PlaylistSettings, version: int) -> str:
    return (
        f"#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{window.target_s}\n"
        f"{_control(settings, window.target_s) if settings.has_parts else ''}"
        f"#EXT-X-MEDIA-SEQUENCE:{window.media_sequence}\n"
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{window.discontinuity_sequence}\n"
        f"{INDEPENDENT_LINE if window.independent else ''}"
    )


def _control(settings: PlaylistSettings, target_s: int) -> str:
    part_us = round(settings.part_target_s * 1_000) * 1_000
    dateranges = ",CAN-SKIP-DATERANGES=YES" if settings.skip_dateranges else ""
    return (
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,"
        f"PART-HOLD-BACK={seconds_text(HOLD_BACK_PARTS * part_us)},"
        f"CAN-SKIP-UNTIL={SKIP_TARGETS * target_s}.0{dateranges}\n"
        f"#EXT-X-PART-INF:PART-TARGET={seconds_text(part_us)}\n"
    )


def _reports_text(reports: Sequence[Report]) -> str:
    if len(reports) > MAX_RENDITIONS:
        raise LocalProtocolError(f"reports of {len(reports)} renditions")
    return "".join(_report_text(report) for report in reports)


def _report_text(report: Report) -> str:
    part = "" if report.part is None else f",LAST-PART={report.part}"
    return f'#EXT-X-RENDITION-REPORT:URI="{checked(report.uri)}",LAST-MSN={report.msn}{part}\n'
