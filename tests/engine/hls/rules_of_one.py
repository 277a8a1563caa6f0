"""What must hold of every media playlist by itself (RFC 8216bis). Each rule: a name, and what is wrong."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final, TypeAlias

from tests.engine.hls.reading import Playlist, ReadSegment, microseconds

SECOND_US: Final = 1_000_000
SHORTEST_PART: Final = 85  # per cent of the target (§4.4.4.9)
WRITTEN_US: Final = 1_000  # a date is written in milliseconds

Wrong: TypeAlias = Iterator[str]


def version(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """Features that a version number has to announce (§8)."""
    fractions = any(segment.duration_us % SECOND_US for segment in playlist.segments)
    needs = {
        "fractions": 3 if fractions else 0,
        "EXT-X-MAP": 6 if any(segment.map_uri for segment in playlist.shown) else 0,
        "EXT-X-SKIP": 9 if playlist.skipped else 0,
        "EXT-X-SKIP of version 2": 10 if playlist.skipped and asked.get("_HLS_skip") == "v2" else 0,
    }
    for feature, least in needs.items():
        if playlist.version < least:
            yield f"version {playlist.version} with {feature}"


def target_duration(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§4.4.3.1: no EXTINF is longer, when rounded."""
    for segment in playlist.segments:
        if (segment.duration_us + SECOND_US // 2) // SECOND_US > playlist.target_s:
            yield f"segment {segment.msn} lasts {segment.duration_us} µs"


def independent_segments(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§4.4.2.1, as far as parts tell."""
    for segment in playlist.shown if playlist.independent else ():
        if segment.parts and not segment.parts[0].independent:
            yield f"segment {segment.msn} begins with a dependent part"


def map_section(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§4.4.4.5 and §3.1.2: fMP4 needs its init segment; in a delta it may stand in what was skipped."""
    for segment in playlist.segments if not playlist.skipped else ():
        if segment.uri.partition("?")[0].endswith((".m4s", ".mp4")) and not segment.map_uri:
            yield f"segment {segment.msn} has no EXT-X-MAP"


def server_control(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§4.4.3.8."""
    if playlist.part_target_us is not None:
        if playlist.control.get("CAN-BLOCK-RELOAD") != "YES":
            yield "parts without CAN-BLOCK-RELOAD"
        if microseconds(playlist.control.get("PART-HOLD-BACK", "0")) < 3 * playlist.part_target_us:
            yield "PART-HOLD-BACK is less than three part targets"
    until = playlist.control.get("CAN-SKIP-UNTIL")
    if until is not None and microseconds(until) < 6 * playlist.target_s * SECOND_US:
        yield "CAN-SKIP-UNTIL is less than six target durations"
    if until is None and "CAN-SKIP-DATERANGES" in playlist.control:
        yield "CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL"


def part_inf(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§4.4.3.7."""
    if playlist.part_target_us is None and any(segment.parts for segment in playlist.shown):
        yield "parts without EXT-X-PART-INF"


def part_duration(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§4.4.4.9: at most the target, and 85 % of it unless it is the last of its segment."""
    target_us = playlist.part_target_us or 0
    for segment in playlist.shown:
        for number, part in enumerate(segment.parts):
            # The newest part of the growing segment may turn out to be its last.
            may_be_short = number == len(segment.parts) - 1
            if part.duration_us > target_us:
                yield f"part {segment.msn}.{number} is longer than the target"
            elif part.duration_us * 100 < target_us * SHORTEST_PART and not may_be_short:
                yield f"part {segment.msn}.{number} is shorter than 85 % of the target"


def part_sum(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    for segment in playlist.segments:
        parts_us = sum(part.duration_us for part in segment.parts)
        if segment.parts and abs(parts_us - segment.duration_us) > len(segment.parts):
            yield f"the parts of segment {segment.msn} last {parts_us} of {segment.duration_us} µs"


def parts_too_old(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§6.2.2: parts are listed near the end only; they go where a segment ends."""
    for segment, after_us in playlist.after_us():
        if segment.parts and after_us > 3 * playlist.target_s * SECOND_US:
            yield f"segment {segment.msn} still lists parts {after_us} µs from the end"


def preload_hint(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§4.4.5.3: one for the next part, while there is a next part."""
    parts = [hint for hint in playlist.hints if hint.get("TYPE") == "PART"]
    wanted = 1 if playlist.part_target_us is not None and not playlist.ended else 0
    if len(parts) != wanted or any(not hint.get("URI") for hint in playlist.hints):
        yield f"{len(parts)} hints of parts where {wanted} belong"
    listed = {part.uri for segment in playlist.shown for part in segment.parts}
    if any(hint.get("URI") in listed for hint in parts):
        yield "a hint of a part that is there"


def program_date_time(playlist: Playlist, asked: Mapping[str, str], frame_us: int = 50_000) -> Wrong:
    """§4.4.4.6: every segment has one, they rise, and they rise as EXTINF says."""
    for segment in playlist.shown:
        if segment.date_us is None:
            yield f"segment {segment.msn} has no date"
    for before, after in pairwise(playlist.shown):
        if before.date_us is None or after.date_us is None:
            continue
        step_us = after.date_us - before.date_us
        if step_us < 0:
            yield f"segment {after.msn} is dated before the one in front of it"
        elif not after.discontinuity and abs(step_us - before.duration_us) > frame_us + WRITTEN_US:
            yield f"segment {after.msn} is dated {step_us} µs after one of {before.duration_us} µs"


def skip_boundary(playlist: Playlist, asked: Mapping[str, str], before: Playlist | None = None) -> Wrong:
    """§4.4.5.2, §6.2.5.1: only when asked, only where offered, only what is old enough."""
    if not playlist.skipped:
        return
    if asked.get("_HLS_skip") not in ("YES", "v2"):
        yield "a delta update that nobody asked for"
    if "CAN-SKIP-UNTIL" not in playlist.control:
        yield "a delta update without CAN-SKIP-UNTIL"
    elif playlist.finished_us + playlist.edge_us < microseconds(playlist.control["CAN-SKIP-UNTIL"]):
        yield "a delta update that skips more than CAN-SKIP-UNTIL allows"


def report_form(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§4.4.5.4: reports are of others, by a relative URI, one of each, and belong to low latency."""
    uris = [report.get("URI", "") for report in playlist.reports]
    if any("://" in uri or uri.startswith("/") for uri in uris):
        yield "a URI of a report is not relative"
    if len(set(uris)) < len(uris):
        yield "two reports of one rendition"
    if uris and (playlist.ended or playlist.part_target_us is None):
        yield "reports where nobody waits for parts"


def blocking_reload(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§6.2.5.2: the answer holds what was asked for, or the stream is over."""
    if "_HLS_msn" not in asked or playlist.ended:
        return
    msn, part = int(asked["_HLS_msn"]), int(asked.get("_HLS_part", "-1"))
    there = playlist.next_msn > msn or (
        "_HLS_part" in asked and playlist.next_msn == msn and len(playlist.edge_parts) > part
    )
    if not there:
        yield f"asked for {msn}.{part}, got less"


def gap_parts(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """§4.4.4.9: a segment of which a part is missing is a gap itself."""
    for segment in playlist.segments:
        if any(part.gap for part in segment.parts) and not segment.gap:
            yield f"segment {segment.msn} misses a part and is no gap"


def unique_names(playlist: Playlist, asked: Mapping[str, str]) -> Wrong:
    """One name is one content, for ever: that is what caches are told."""
    names = [name for segment in playlist.shown for name in names_of(segment)]
    if len(names) != len(set(names)):
        yield "a name stands twice"


def names_of(segment: ReadSegment) -> list[str]:
    return [*(part.uri for part in segment.parts), *([segment.uri] if segment.uri else [])]


RULES_OF_ONE: Final[Mapping[str, Callable[[Playlist, Mapping[str, str]], Wrong]]] = {
    "version": version,
    "target-duration": target_duration,
    "independent-segments": independent_segments,
    "map": map_section,
    "server-control": server_control,
    "part-inf": part_inf,
    "part-duration": part_duration,
    "part-sum": part_sum,
    "parts-too-old": parts_too_old,
    "preload-hint": preload_hint,
    "program-date-time": program_date_time,
    "skip-boundary": skip_boundary,
    "report-form": report_form,
    "blocking-reload": blocking_reload,
    "gap-parts": gap_parts,
    "unique-names": unique_names,
}
"""Name -> rule, for a playlist as it came (a delta update as well) and what was asked with it."""
