"""The one door for untrusted names: what is not a name is refused, never repaired."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access import BadName, join_app_and_name, parse_stream_name
from engine.access.names import MAX_NAME_CHARACTERS, parse_played_name, publisher_name, track_name

SEGMENT = st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True).filter(lambda text: text.strip("."))
NAME = re.compile(r"(?:(?!\.+(?:/|\Z))[A-Za-z0-9_.-]{1,64}(?:/|\Z)){2,4}")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("live/cam", "live/cam"),
        ("cam", "live/cam"),
        ("a/b/c/d", "a/b/c/d"),
        ("live/.hidden", "live/.hidden"),
        ("live/a..b", "live/a..b"),
        ("live/-x_1.2", "live/-x_1.2"),
        ("x" * 64, "live/" + "x" * 64),
    ],
)
def test_a_name_passes_whole(raw: str, name: str) -> None:
    assert parse_stream_name(raw) == name


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        ("/", "empty"),
        ("/live/cam", "empty"),
        ("live/cam/", "empty"),
        ("live//cam", "empty"),
        (".", "dots_only"),
        ("live/..", "dots_only"),
        ("live/../../../../tmp/pwned", "too_many_segments"),
        ("live/../cam", "dots_only"),
        ("live/....", "dots_only"),
        ("a/b/c/d/e", "too_many_segments"),
        ("live/" + "x" * 65, "too_long"),
        ("x" * 100_000, "too_long"),
        ("live/cam\0", "forbidden_character"),
        ("live/cam\n", "forbidden_character"),
        ("live/cam?key=k", "forbidden_character"),
        ("live/%2e%2e", "forbidden_character"),
        ("live\\cam", "forbidden_character"),
        ("live/c m", "forbidden_character"),
        ("live/cаm", "forbidden_character"),  # a Cyrillic а
        ("live/cam１", "forbidden_character"),  # a digit, says str.isdigit
        ("live/\ud800", "forbidden_character"),
        ("mp4:cam", "forbidden_character"),
    ],
)
def test_what_is_not_a_name_is_refused_with_a_reason(raw: str, reason: str) -> None:
    with pytest.raises(BadName) as caught:
        parse_stream_name(raw)
    assert caught.value.reason == reason


def test_a_refusal_does_not_repeat_what_came_in() -> None:
    with pytest.raises(BadName) as caught:
        parse_stream_name("live/\x1b[31mforged log line")
    assert "forged" not in str(caught.value)


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("./\\\0%aA1-_")), max_size=300))
def test_nothing_gets_through_but_names(raw: str) -> None:
    try:
        name = parse_stream_name(raw)
    except BadName:
        return
    assert NAME.fullmatch(name)
    assert len(name) <= MAX_NAME_CHARACTERS
    assert parse_stream_name(name) == name


@given(st.lists(SEGMENT, min_size=2, max_size=4))
def test_every_name_of_the_grammar_passes_unchanged(segments: list[str]) -> None:
    assert parse_stream_name("/".join(segments)) == "/".join(segments)


@pytest.mark.parametrize(
    ("app", "name", "joined", "query"),
    [
        ("live", "cam", "live/cam", ""),
        ("live", "cam?key=k", "live/cam", "key=k"),
        ("live?token=t", "cam", "live/cam", "token=t"),
        ("live?token=t", "cam?key=k&x=1", "live/cam", "token=t&key=k&x=1"),
        ("live/", "cam", "live/cam", ""),
        ("/live", "/cam", "live/cam", ""),
        ("cam", "", "live/cam", ""),
        ("", "cam", "live/cam", ""),
        ("live/room", "cam", "live/room/cam", ""),
        ("live", "room/cam?key=a?b", "live/room/cam", "key=a?b"),
    ],
)
def test_the_two_halves_of_an_rtmp_name_come_together(app: str, name: str, joined: str, query: str) -> None:
    assert join_app_and_name(app, name) == (joined, query)


@pytest.mark.parametrize(
    ("app", "name"), [("", ""), ("live", "../x"), ("live//", "cam"), ("live", "//cam"), ("?", "?")]
)
def test_two_halves_are_not_more_than_a_name(app: str, name: str) -> None:
    with pytest.raises(BadName):
        join_app_and_name(app, name)


@pytest.mark.parametrize(
    ("raw", "name"),
    [("cam", "live/cam"), ("live/cam~1", "live/cam~1"), ("cam~15", "live/cam~15"), ("a/b/c~9", "a/b/c~9")],
)
def test_players_may_ask_for_a_further_track(raw: str, name: str) -> None:
    assert parse_played_name(raw) == name
    assert publisher_name(name) == name.partition("~")[0]


@pytest.mark.parametrize(
    "raw", ["cam~", "cam~0", "cam~16", "cam~01", "cam~1~1", "~1", "cam~x", "cam~1/b", "cam~\u0661"]
)
def test_what_is_no_further_track_is_refused(raw: str) -> None:
    with pytest.raises(BadName):
        parse_played_name(raw)


def test_nobody_can_publish_as_a_further_track() -> None:
    for raw in (track_name("live/cam", 1), "cam~1"):
        with pytest.raises(BadName):
            parse_stream_name(raw)
    with pytest.raises(BadName):
        join_app_and_name("live", "cam~1")


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_two_halves_do_anything_but_make_a_name_or_be_refused(app: str, name: str) -> None:
    try:
        asked = join_app_and_name(app, name)
    except BadName:
        return
    assert NAME.fullmatch(asked.name)
