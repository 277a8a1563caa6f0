"""Which tables hold for a stream: all that match, the most specific one last."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import Config, ConfigError, Passphrase, for_path, load
from engine.config.draft import MAX_PATTERNS
from engine.config.patterns import matches, overlap, specificity

SEGMENT = st.text("ab", min_size=1, max_size=4)
STARRED = st.text("ab*", min_size=1, max_size=4)


def problems(text: str, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(text, environ)
    return caught.value.problems


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("live/*", "live/cam", True),
        ("live/*", "live/room/cam", False),
        ("live/*", "other/cam", False),
        ("*/*", "live/cam", True),
        ("live/cam*", "live/cam", True),
        ("live/*cam", "live/webcam", True),
        ("live/a*b*c", "live/a1b2c", True),
        ("live/a*b*c", "live/acb", False),
        ("live/ab*ba", "live/aba", False),
        ("live/a*a", "live/a", False),
        ("live/a.b", "live/axb", False),
        ("live/Cam", "live/cam", False),
        ("live/*/*", "live/room/cam", True),
    ],
)
def test_a_star_stands_for_anything_within_its_segment(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) == expected


@pytest.mark.parametrize(
    ("general", "special"),
    [
        ("live/*", "live/cam"),
        ("live/*", "live/c*"),
        ("*/*", "live/*"),
        ("*/cam", "live/*"),
        ("live/*m", "live/cam*"),
        ("live/a**", "live/a*"),
        ("live/*a", "live/a*"),
    ],
)
def test_the_more_specific_pattern_decides(general: str, special: str) -> None:
    tables = f'[paths."{special}"]\ngrace_s = 2\n[paths."{general}"]\ngrace_s = 1\nwait_s = 1'
    config = load(tables, {})
    name = "live/cam" if "c" in special or special == "live/*" else "live/aa"
    settings = for_path(config, name)
    assert (settings.grace_s, settings.wait_s) == (2, 1)


def test_a_key_for_many_still_guards_the_one_with_a_table_of_its_own() -> None:
    config = load('[paths."live/*"]\npublish_key = "k"\n[paths."live/final"]\nstart = "burst"', {})
    assert for_path(config, "live/final").publish_key.matches("k")


def test_a_stream_without_a_table_has_what_the_sections_say() -> None:
    config = load('[gop]\nmax_gops = 5\n[paths."live/*"]\ngop = {max_gops = 1}', {})
    assert for_path(config, "other/cam").gop.max_gops == 5
    assert for_path(config, "live/cam").gop.max_gops == 1
    assert for_path(config, "live/cam").gop.max_bytes == Config().gop.max_bytes


def test_keys_stand_in_the_table_or_in_a_sub_table_of_their_section() -> None:
    flat = load('[paths."live/*"]\nmax_gops = 1\ngrace_s = 3\nmax_lag_s = 2', {})
    nested = load(
        '[paths."live/*".gop]\nmax_gops = 1\n[paths."live/*".publish]\ngrace_s = 3\n'
        '[paths."live/*".fanout]\nmax_lag_s = 2',
        {},
    )
    assert flat == nested


def test_keys_with_general_names_carry_their_section_outside_of_it() -> None:
    flat = load('[paths."live/*"]\nsrt_latency_ms = 250\nsrt_passphrase = "0123456789"', {})
    nested = load('[paths."live/*".srt]\nlatency_ms = 250\npassphrase = "0123456789"', {})
    assert flat == nested
    settings = for_path(flat, "live/cam")
    assert (settings.srt_latency_ms, settings.srt_passphrase) == (250, Passphrase("0123456789"))
    assert for_path(flat, "other/cam").srt_latency_ms == Config().srt.latency_ms


def test_a_table_is_held_to_the_limits_of_the_sections() -> None:
    assert problems('[paths."live/*"]\nmax_gops = 0') == (
        'paths."live/*".max_gops: 0 is not allowed; use a whole number from 1 to 100',
    )


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("max_players = 3", "it belongs in [fanout]"),
        ("fanout = {max_players = 3}", "it belongs in [fanout]"),
        ('listen = "x"', "it belongs in [rtmp] or [http] or [srt] or [api] or [metrics]"),
        ("gop = {grace_s = 3}", "known here: max_gops, max_duration_s, max_bytes"),
        ("latency_ms = 250", 'did you mean "srt_latency_ms"?'),
        ("srt = {srt_latency_ms = 250}", 'did you mean "latency_ms"?'),
        ("srt = {enabled = false}", "it belongs in [srt]"),
        ("grace = 3", 'did you mean "grace_s"?'),
        ("play = 3", "there is no"),
    ],
)
def test_what_a_table_cannot_set_is_refused_by_name(line: str, hint: str) -> None:
    (problem,) = problems(f'[paths."live/*"]\n{line}')
    assert hint in problem


@pytest.mark.parametrize(
    "pattern", ["live", "*", "", "/", "live/", "live/**/ x", "a/b/c/d/e", "live/ä", "live/?"]
)
def test_a_pattern_that_could_never_match_is_refused(pattern: str) -> None:
    (problem,) = problems(f'[paths."{pattern}"]\ngrace_s = 1')
    assert "not a pattern" in problem


def test_the_environment_has_tables_too_and_wins() -> None:
    text = '[paths."live/*"]\ngrace_s = 1\nwait_s = 1'
    config = load(text, {"FANLIGHT_PATHS": '{"live/*" = {grace_s = 2, gop = {max_gops = 1}}}'})
    settings = for_path(config, "live/cam")
    assert (settings.grace_s, settings.wait_s, settings.gop.max_gops) == (2, 1, 1)


@pytest.mark.parametrize("value", ["", "live", "{}\n[rtmp]\nlisten = 3", "{"])
def test_tables_in_the_environment_that_are_none(value: str) -> None:
    (problem,) = problems("", FANLIGHT_PATHS=value)
    assert problem.startswith("FANLIGHT_PATHS: not a TOML inline table")


def test_there_is_an_end_to_patterns() -> None:
    tables = "".join(f'[paths."live/c{number}"]\n' for number in range(MAX_PATTERNS + 1))
    assert "more than 256 patterns" in problems(tables)[0]


@given(st.lists(SEGMENT, min_size=2, max_size=3), st.lists(STARRED, min_size=2, max_size=3))
def test_a_pattern_matches_what_a_regular_expression_would(name: list[str], pattern: list[str]) -> None:
    expression = "/".join(pattern).replace("*", "[^/]*")
    assert matches("/".join(pattern), "/".join(name)) == bool(re.fullmatch(expression, "/".join(name)))


@given(STARRED, STARRED, SEGMENT)
def test_patterns_that_match_one_name_overlap(one: str, other: str, text: str) -> None:
    if matches(one, text) and matches(other, text):
        assert overlap(one, other)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a*", "*b", True),
        ("a*", "b*", False),
        ("*a", "*b", False),
        ("a*", "ab", True),
        ("a*c", "ab", False),
        ("x/*", "*/y", True),
        ("x/*", "x/*/*", False),
    ],
)
def test_overlap_is_told_from_the_literal_ends(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) == overlap(other, one) == expected


@given(st.lists(STARRED, min_size=2, max_size=6, unique=True))
def test_no_two_patterns_are_equally_specific(patterns: list[str]) -> None:
    assert len({specificity(pattern) for pattern in patterns}) == len(patterns)
