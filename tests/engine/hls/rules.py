"""A validator of our own for HLS media playlists over time, by the rules of draft-pantos-hls-rfc8216bis.

It takes what one client fetched of one media playlist, in order, reads it with its own parser, merges delta
updates as a client does, and says what is against the rules. The rules of one playlist are in `rules_of_one`;
here are those that need two, and those that need another rendition.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from tests.engine.hls.reading import Playlist, ReadSegment, Unreadable, merged, read
from tests.engine.hls.rules_of_one import RULES_OF_ONE, SECOND_US, Wrong, skip_boundary


class Fetch(NamedTuple):
    """One answer: when it came, what it said, and the directives of the request."""

    at_s: float
    text: str
    asked: Mapping[str, str] = {}


class Finding(NamedTuple):
    """A rule that was broken, when, and how."""

    rule: str
    at_s: float
    what: str


def validate(
    fetches: Sequence[Fetch],
    *,
    others: Mapping[str, Sequence[Fetch]] | None = None,
    target_may_rise: bool = False,
    slack_s: float = 0.0,
) -> list[Finding]:
    """All findings in what one client fetched.

    others: what was fetched of the renditions that the reports name, by the URI they have there.
    target_may_rise: the target duration must never change (§6.2.1); allow that it rises all the same.
    slack_s: how much later than its contents an answer may have come, for comparing renditions.
    """
    client = Client(target_may_rise)
    found = [finding for fetch in fetches for finding in client.take(fetch)]
    rules = Reports({uri: states(there) for uri, there in (others or {}).items()}, slack_s)
    return found + [finding for fetch in fetches for finding in rules.check(fetch)]


class Client:
    """What a client knows: the last whole playlist, and all it ever saw."""

    def __init__(self, target_may_rise: bool) -> None:
        self.target_may_rise = target_may_rise
        self.have: Playlist | None = None
        self.seen: dict[int, ReadSegment] = {}

    def take(self, fetch: Fetch) -> Iterator[Finding]:
        try:
            update = read(fetch.text)
            playlist = merged(self.have, update)
        except Unreadable as error:
            yield Finding("readable", fetch.at_s, str(error))
            return
        for rule, check in RULES_OF_ONE.items():
            subject = update if check is skip_boundary or rule == "version" else playlist
            yield from (Finding(rule, fetch.at_s, what) for what in check(subject, fetch.asked))
        if self.have is not None:
            for name, compare in RULES_OF_TWO.items():
                yield from (Finding(name, fetch.at_s, what) for what in compare(self, self.have, playlist))
        self.remember(playlist)

    def remember(self, playlist: Playlist) -> None:
        self.have = playlist
        for segment in playlist.shown:
            known = self.seen.get(segment.msn)
            longer = segment.parts if known is None or segment.parts else known.parts
            self.seen[segment.msn] = segment._replace(parts=longer)


def target_changed(client: Client, before: Playlist, after: Playlist) -> Wrong:
    """§6.2.1."""
    rose = after.target_s > before.target_s
    if after.target_s != before.target_s and not (rose and client.target_may_rise):
        yield f"from {before.target_s} to {after.target_s}"


def media_sequence(client: Client, before: Playlist, after: Playlist) -> Wrong:
    """§6.2.2: numbers rise, and what is there does not vanish at the end."""
    if after.media_sequence < before.media_sequence:
        yield f"falls from {before.media_sequence} to {after.media_sequence}"
    if (after.next_msn, len(after.edge_parts)) < (before.next_msn, len(before.edge_parts)):
        yield f"the end goes back to segment {after.next_msn}"


def discontinuity_sequence(client: Client, before: Playlist, after: Playlist) -> Wrong:
    """§6.2.2: a segment keeps its number."""
    for segment in after.shown:
        known = client.seen.get(segment.msn)
        if known is not None and known.dsn != segment.dsn:
            yield f"segment {segment.msn} had {known.dsn} and has {segment.dsn}"


def segment_changed(client: Client, before: Playlist, after: Playlist) -> Wrong:
    """§6.2.1: what has been shown of a segment stays."""
    for segment in after.shown:
        known = client.seen.get(segment.msn)
        if known is None:
            continue
        for name in ("uri", "duration_us", "gap") if known.uri else ():
            if getattr(known, name) != getattr(segment, name):
                yield f"{name} of segment {segment.msn}"
        for name in ("map_uri", "date_us", "discontinuity"):
            if getattr(known, name) != getattr(segment, name):
                yield f"{name} of segment {segment.msn}"


def part_changed(client: Client, before: Playlist, after: Playlist) -> Wrong:
    """§6.2.1: parts stay as they were, and only join."""
    for segment in after.shown:
        known = client.seen.get(segment.msn)
        if known is not None and segment.parts and segment.parts[: len(known.parts)] != known.parts:
            yield f"parts of segment {segment.msn}"
        elif known is not None and known.uri and len(segment.parts) > len(known.parts):
            yield f"parts of segment {segment.msn} join after its end"


def parts_removed(client: Client, before: Playlist, after: Playlist) -> Wrong:
    """§6.2.2: not within the last three target durations, and not to return."""
    had = {segment.msn: bool(segment.parts) for segment in before.shown}
    for segment, after_us in after.after_us():
        listed = had.get(segment.msn)
        if listed and not segment.parts and after_us < 3 * after.target_s * SECOND_US:
            yield f"segment {segment.msn} lost its parts {after_us} µs from the end"
        if listed is False and segment.parts and segment.msn < before.next_msn:
            yield f"segment {segment.msn} has its parts back"


def kept(client: Client, before: Playlist, after: Playlist) -> Wrong:
    """§6.2.2: no segment leaves if that leaves less than three target durations."""
    # The target may have risen since they left.
    least_us = 3 * before.target_s * SECOND_US
    if after.media_sequence > before.media_sequence and after.finished_us < least_us:
        yield f"{after.media_sequence - before.media_sequence} segments left, {after.finished_us} µs remain"


def hint_followed(client: Client, before: Playlist, after: Playlist) -> Wrong:
    """§4.4.5.3: the part that was hinted is the one that came."""
    if not before.hints:
        return
    msn, part, uri = before.next_msn, len(before.edge_parts), before.hints[0].get("URI")
    segment = next((segment for segment in after.shown if segment.msn == msn), None)
    if segment is None or not segment.parts:
        return  # nothing came yet, or it is long gone
    if len(segment.parts) > part:
        if segment.parts[part].uri != uri:
            yield f"hinted {uri}, came {segment.parts[part].uri}"
    elif segment.uri and not (segment.gap or was_cut(after, msn)):
        yield f"hinted {uri}, and segment {msn} ended before it"


def was_cut(playlist: Playlist, msn: int) -> bool:
    """Whether the stream broke off with this segment, which nobody knows beforehand."""
    if playlist.ended or playlist.next_msn == msn + 1:
        return playlist.ended
    return any(segment.msn == msn + 1 and segment.discontinuity for segment in playlist.shown)


def after_end(client: Client, before: Playlist, after: Playlist) -> Wrong:
    """§4.4.3.4: nothing is added to a playlist that has ended."""
    if before.ended and (not after.ended or after.next_msn != before.next_msn):
        yield "goes on after EXT-X-ENDLIST"


RULES_OF_TWO: Final[Mapping[str, Callable[[Client, Playlist, Playlist], Wrong]]] = {
    "target-changed": target_changed,
    "media-sequence": media_sequence,
    "discontinuity-sequence": discontinuity_sequence,
    "segment-changed": segment_changed,
    "part-changed": part_changed,
    "parts-removed": parts_removed,
    "kept": kept,
    "hint-followed": hint_followed,
    "after-end": after_end,
}

RULES: Final = ("readable", *RULES_OF_ONE, *RULES_OF_TWO, "rendition-report")
"""Every rule there is, by name."""


class State(NamedTuple):
    """How far a rendition was at a time: its newest segment and part."""

    at_s: float
    msn: int
    part: int


def states(fetches: Sequence[Fetch]) -> list[State]:
    """How far each fetch showed a rendition to be; only what can be read by itself counts."""
    found = []
    for fetch in fetches:
        try:
            playlist = read(fetch.text)
        except Unreadable:
            continue
        found.append(State(fetch.at_s, *newest(playlist)))
    return found


def newest(playlist: Playlist) -> tuple[int, int]:
    if playlist.edge_parts:
        return playlist.next_msn, len(playlist.edge_parts) - 1
    parts = playlist.segments[-1].parts if playlist.segments else ()
    return playlist.next_msn - 1, len(parts) - 1


class Reports:
    """§4.4.5.4: reports say where another rendition stands, neither more nor less."""

    def __init__(self, others: Mapping[str, Sequence[State]], slack_s: float) -> None:
        self.others = others
        self.slack_s = slack_s

    def check(self, fetch: Fetch) -> Iterator[Finding]:
        try:
            playlist = read(fetch.text)
        except Unreadable:
            return
        for report in playlist.reports:
            for what in self.wrong(fetch.at_s, report):
                yield Finding("rendition-report", fetch.at_s, what)
        told = {report.get("URI") for report in playlist.reports}
        if self.others and not playlist.ended and told != set(self.others):
            yield Finding("rendition-report", fetch.at_s, f"of {sorted(map(str, told))}")

    def wrong(self, at_s: float, report: Mapping[str, str]) -> Iterator[str]:
        if not report.get("LAST-MSN", "").isdigit() or "URI" not in report:
            yield f"no URI or no LAST-MSN in {dict(report)}"
            return
        said = int(report["LAST-MSN"]), int(report.get("LAST-PART", "-1"))
        there = self.others.get(report["URI"], ())
        past = [(state.msn, state.part) for state in there if state.at_s <= at_s - self.slack_s]
        future = [(state.msn, state.part) for state in there if state.at_s >= at_s + self.slack_s]
        if past and said < past[-1]:
            yield f"{report['URI']} is at {past[-1]}, and said to be at {said}"
        if future and said > future[0]:
            yield f"{report['URI']} is at {future[0]}, and said to be at {said} already"
