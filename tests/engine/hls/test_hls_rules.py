"""Every rule of the validator holds for a good stream, and fires for one that breaks it."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain

import pytest

from engine.protocols.hls import Report, StreamEnd
from tests.engine.hls.packager import LONG, STAMP, Packager, Player, broadcast
from tests.engine.hls.rules import RULES, Fetch, Finding, validate

OTHER = "../other/media.m3u8"


@cache
def good() -> tuple[Fetch, ...]:
    """Twenty segments, watched from the thirteenth on; later delta updates, a new encoder, the end."""
    player, packager = Player(LONG), Packager()
    player.hear([packager.new_init()])
    for _ in range(13):
        player.hear(chain.from_iterable(packager.segment()))
    player.fetch()
    broadcast(player, 2, packager)
    player.watch(packager.segment(), _HLS_skip="YES")
    player.watch(packager.segment(), _HLS_skip="v2")
    player.hear([packager.new_init("hvc1.1.6.L93.B0")])
    player.watch([[packager.begin(discontinuity=True), packager.part()], [packager.part()]])
    player.fetch(_HLS_msn="17", _HLS_part="1")
    player.watch([[packager.part(), packager.end()]])
    player.watch(packager.segment())
    player.watch([[StreamEnd()]])
    player.fetch()
    return tuple(player.fetches)


def rules_of(findings: Sequence[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


def test_a_good_stream_is_found_good() -> None:
    assert validate(good()) == []
    assert any("EXT-X-SKIP" in fetch.text for fetch in good())


def edited(change: Callable[[int, str], str]) -> list[Fetch]:
    """The good stream with every text changed; the function sees the fetch's number."""
    return [
        fetch._replace(text=change(number, fetch.text).replace("\n\n", "\n"))
        for number, fetch in enumerate(good())
    ]


def swapped(old: str, new: str, at: int | None = None) -> list[Fetch]:
    """Swap `old` for `new` everywhere, or in one fetch (negative: from the end)."""
    places = range(len(good())) if at is None else [at % len(good())]
    assert any(old in good()[place].text for place in places), f"{old} does not stand there"
    return edited(lambda number, text: text.replace(old, new) if number in places else text)


def first_with(text: str) -> int:
    return next(number for number, fetch in enumerate(good()) if text in fetch.text)


DELTA = first_with("EXT-X-SKIP")
V2 = first_with("EXT-X-VERSION:10")
FULL = DELTA - 1  # the newest is segment 14
AFTER_END = len(good()) - 1
HINT = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI="


SEGMENTS_3_TO_12 = re.compile(
    r"#EXT-X-PROGRAM-DATE-TIME.*\n(?:#EXT-X-PART:.*\n)*#EXTINF.*\n.*-(?:[3-9]|1[0-2])\.m4s\n"
)


def without_parts_of(msn: int) -> Callable[[int, str], str]:
    return lambda number, text: re.sub(rf"#EXT-X-PART:.*-{msn}\.[0-9]+\.m4s.*\n", "", text)


def only_at(at: int, change: Callable[[int, str], str]) -> list[Fetch]:
    return edited(lambda number, text: change(number, text) if number == at else text)


def with_reports(*uris: str) -> list[Fetch]:
    lines = "".join(f'#EXT-X-RENDITION-REPORT:URI="{uri}",LAST-MSN=1,LAST-PART=0\n' for uri in uris)
    return only_at(FULL, lambda number, text: text + lines)


def parts_of(msn: int, *durations: str) -> str:
    return "".join(
        f'#EXT-X-PART:DURATION={duration},URI="{STAMP}-{msn}.{number}.m4s",INDEPENDENT=YES\n'
        for number, duration in enumerate(durations)
    )


# What was done to the stream -> the stream, and the rule that must notice.
BROKEN: dict[str, tuple[str, Callable[[], list[Fetch]]]] = {
    "no playlist": ("readable", lambda: swapped("#EXTM3U", "#EXTM4U", 0)),
    "a tag nobody knows": ("readable", lambda: swapped("#EXT-X-PART-INF", "#EXT-X-PARTS", FULL)),
    "a number that is none": ("readable", lambda: swapped("TARGETDURATION:2", "TARGETDURATION:2.0", FULL)),
    "a broken attribute list": ("readable", lambda: swapped(HINT, HINT.replace("TYPE", ",TYPE"), FULL)),
    "a date without milliseconds": ("readable", lambda: swapped(".000Z", "Z", FULL)),
    "a URI without EXTINF": (
        "readable",
        lambda: swapped(f"#EXTINF:2.000000,\n{STAMP}-14.", f"{STAMP}-14.", FULL),
    ),
    "a delta of what nobody has": ("readable", lambda: list(good())[DELTA:]),
    "a part behind the hint": (
        "readable",
        lambda: only_at(FULL, lambda number, text: text + parts_of(15, "0.5")),
    ),
    "an old version with a map": ("version", lambda: swapped("VERSION:9", "VERSION:5", FULL)),
    "an old version with a delta": ("version", lambda: swapped("VERSION:9", "VERSION:8", DELTA)),
    "version 9 for a delta of version 2": ("version", lambda: swapped("VERSION:10", "VERSION:9", V2)),
    "an old version with fractions": (
        "version",
        lambda: [Fetch(0.0, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.5,\na.ts\n")],
    ),
    "a segment longer than the target": (
        "target-duration",
        lambda: swapped(f"2.000000,\n{STAMP}-14.", f"2.500000,\n{STAMP}-14.", FULL),
    ),
    "dependent segments that claim independence": (
        "independent-segments",
        lambda: swapped('-14.0.m4s",INDEPENDENT=YES', '-14.0.m4s"', FULL),
    ),
    "no map": ("map", lambda: swapped(f'#EXT-X-MAP:URI="{STAMP}-0.mp4"\n', "", FULL)),
    "no blocking": ("server-control", lambda: swapped("CAN-BLOCK-RELOAD=YES,", "", FULL)),
    "held back too little": ("server-control", lambda: swapped("BACK=1.764", "BACK=1.763", FULL)),
    "skips too near": ("server-control", lambda: swapped("UNTIL=12.0", "UNTIL=11.9", FULL)),
    "skips date ranges and nothing else": (
        "server-control",
        lambda: swapped("CAN-SKIP-UNTIL=12.0", "CAN-SKIP-DATERANGES=YES", FULL),
    ),
    "parts without part information": (
        "part-inf",
        lambda: swapped("#EXT-X-PART-INF:PART-TARGET=0.588000\n", "", FULL),
    ),
    "a part that is too long": ("part-duration", lambda: swapped("TARGET=0.588", "TARGET=0.499", FULL)),
    "a part that is too short": ("part-duration", lambda: swapped("TARGET=0.588", "TARGET=0.589", FULL)),
    "parts that are not their segment": (
        "part-sum",
        lambda: swapped(f'0.500000,URI="{STAMP}-14.2', f'0.510000,URI="{STAMP}-14.2', FULL),
    ),
    "parts of long ago": (
        "parts-too-old",
        lambda: swapped(
            f"#EXTINF:2.000000,\n{STAMP}-8.",
            parts_of(8, *["0.500000"] * 4) + f"#EXTINF:2.000000,\n{STAMP}-8.",
            FULL,
        ),
    ),
    "no hint": ("preload-hint", lambda: edited(lambda number, text: re.sub(f"{HINT}.*\n", "", text))),
    "a hint of what is there": (
        "preload-hint",
        lambda: swapped(f'{HINT}"{STAMP}-15.0', f'{HINT}"{STAMP}-14.3', FULL),
    ),
    "a hint at the end": (
        "preload-hint",
        lambda: swapped("#EXT-X-ENDLIST", f'{HINT}"{STAMP}-19.0.m4s"\n#EXT-X-ENDLIST'),
    ),
    "no date": (
        "program-date-time",
        lambda: swapped("#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:48.000Z\n", "", FULL),
    ),
    "a date that goes back": ("program-date-time", lambda: swapped("22:13:48.000Z", "22:13:28.000Z")),
    "a date that is two frames late": (
        "program-date-time",
        lambda: swapped("22:13:48.000Z", "22:13:48.066Z"),
    ),
    "a delta nobody asked for": (
        "skip-boundary",
        lambda: [fetch._replace(asked={}) for fetch in good()],
    ),
    "a delta nobody offered": ("skip-boundary", lambda: swapped(",CAN-SKIP-UNTIL=12.0", "", DELTA)),
    "a delta that skips too much": (
        "skip-boundary",
        lambda: swapped("CAN-SKIP-UNTIL=12.0", "CAN-SKIP-UNTIL=24.0", DELTA),
    ),
    "an answer that does not hold what was asked for": (
        "blocking-reload",
        lambda: [fetch._replace(asked={"_HLS_msn": "14"}) for fetch in good()[: FULL - 1]],
    ),
    "an answer without the part that was asked for": (
        "blocking-reload",
        lambda: [fetch._replace(asked={"_HLS_msn": "14", "_HLS_part": "3"}) for fetch in good()[: FULL - 1]],
    ),
    "a missing part in a whole segment": (
        "gap-parts",
        lambda: swapped('-14.1.m4s"', '-14.1.m4s",GAP=YES', FULL),
    ),
    "one name for two parts": ("unique-names", lambda: swapped("-14.1.m4s", "-14.0.m4s", FULL)),
    "another target": (
        "target-changed",
        lambda: swapped("TARGETDURATION:2", "TARGETDURATION:3", FULL),
    ),
    "numbers that fall": ("media-sequence", lambda: [*good()[: FULL + 1], good()[0]]),
    "an end that goes back": ("media-sequence", lambda: [*good()[:6], good()[4]]),
    "a discontinuity nobody counts": (
        "discontinuity-sequence",
        lambda: swapped("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1", AFTER_END - 1),
    ),
    "another name for a segment": (
        "segment-changed",
        lambda: swapped(f"\n{STAMP}-10.m4s", f"\n{STAMP}-10a.m4s", FULL),
    ),
    "another length for a segment": (
        "segment-changed",
        lambda: swapped(f"2.000000,\n{STAMP}-10.", f"2.010000,\n{STAMP}-10.", FULL),
    ),
    "a segment whose file vanished": (
        "segment-changed",
        lambda: swapped(
            f"#EXTINF:2.000000,\n{STAMP}-10.", f"#EXT-X-GAP\n#EXTINF:2.000000,\n{STAMP}-10.", FULL
        ),
    ),
    "another map": ("segment-changed", lambda: swapped(f"{STAMP}-0.mp4", f"{STAMP}-7.mp4", FULL)),
    "another date": (
        "segment-changed",
        lambda: edited(lambda number, text: text.replace("T22:", "T23:") if number > FULL else text),
    ),
    "another part": ("part-changed", lambda: swapped("-14.1.m4s", "-14.1a.m4s", FULL)),
    "a part that is gone": (
        "part-changed",
        lambda: only_at(FULL, lambda number, text: re.sub(rf"#EXT-X-PART:.*{STAMP}-14.2.m4s.*\n", "", text)),
    ),
    "a part that joins after the end": (
        "part-changed",
        lambda: swapped(
            f"#EXTINF:2.000000,\n{STAMP}-14.",
            parts_of(14, "0.1").replace("14.0", "14.4") + f"#EXTINF:2.000000,\n{STAMP}-14.",
            DELTA,
        ),
    ),
    "parts that go early": ("parts-removed", lambda: only_at(FULL, without_parts_of(14))[: FULL + 1]),
    "parts that come back": ("parts-removed", lambda: only_at(FULL, without_parts_of(14))[FULL:]),
    "too little that stays": (
        "kept",
        lambda: only_at(
            FULL,
            lambda number, text: SEGMENTS_3_TO_12.sub("", text).replace("QUENCE:3", "QUENCE:13"),
        ),
    ),
    "a hint of another part": (
        "hint-followed",
        lambda: swapped(f'{HINT}"{STAMP}-14.3', f'{HINT}"{STAMP}-14.5', FULL - 1),
    ),
    "a hint of a part that never comes": (
        "hint-followed",
        lambda: edited(lambda number, text: re.sub(rf"#EXT-X-PART:.*{STAMP}-14.3.m4s.*\n", "", text))[
            : FULL + 1
        ],
    ),
    "a report by an absolute URI": ("report-form", lambda: with_reports("/live/b/media.m3u8")),
    "a report of another site": ("report-form", lambda: with_reports("http://b.example/media.m3u8")),
    "two reports of one": ("report-form", lambda: with_reports(OTHER, OTHER)),
    "more after the end": (
        "after-end",
        lambda: [*good()[:5], good()[5]._replace(text=good()[5].text + "#EXT-X-ENDLIST\n"), *good()[6:9]],
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_rule_fires_for(what: str) -> None:
    rule, broken = BROKEN[what]
    assert rule in rules_of(validate(broken()))


def test_a_target_that_rises_may_be_allowed_and_one_that_falls_never_is() -> None:
    player, packager = Player(LONG), Packager()
    broadcast(player, 2, packager)
    player.watch(packager.segment(parts=6))
    broadcast(player, 1, packager)
    assert rules_of(validate(player.fetches)) == {"target-changed"}
    assert validate(player.fetches, target_may_rise=True) == []
    back = [*player.fetches, player.fetches[0]]
    assert "target-changed" in rules_of(validate(back, target_may_rise=True))


def two_renditions(lag: int) -> tuple[list[Fetch], list[Fetch]]:
    """Two renditions in step; what the first says of the second is `lag` parts from the truth."""
    first, second = Player(LONG), Player(LONG)
    one, two = Packager(), Packager()
    for player, packager in ((first, one), (second, two)):
        player.hear([packager.new_init()])
    parts = -1
    for _ in range(3):
        for here, there in zip(one.segment(), two.segment(), strict=True):
            parts += 1
            second.watch([there])
            said = max(parts + lag, 0)
            first.reports = [Report(OTHER, said // 4, said % 4)]
            first.watch([here])
    return first.fetches, second.fetches


def test_reports_that_are_true_are_found_true() -> None:
    fetches, others = two_renditions(lag=0)
    assert validate(fetches, others={OTHER: others}) == []


@pytest.mark.parametrize("lag", [-1, 1])
def test_the_rule_fires_for_reports_that_are(lag: int) -> None:
    fetches, others = two_renditions(lag)
    assert rules_of(validate(fetches, others={OTHER: others})) == {"rendition-report"}
    assert validate(fetches, others={OTHER: others}, slack_s=0.015) == []


def test_the_rule_fires_for_reports_that_are_missing_or_empty() -> None:
    fetches, others = two_renditions(lag=0)
    silent = [fetch._replace(text=re.sub("#EXT-X-RENDITION.*\n", "", fetch.text)) for fetch in fetches]
    empty = [fetch._replace(text=re.sub("LAST-MSN=[0-9]+,", "", fetch.text)) for fetch in fetches]
    assert rules_of(validate(silent, others={OTHER: others})) == {"rendition-report"}
    assert rules_of(validate(empty, others={OTHER: others})) == {"rendition-report"}


def test_no_rule_is_without_a_stream_that_breaks_it() -> None:
    assert {rule for rule, _ in BROKEN.values()} | {"rendition-report"} == set(RULES)
