"""The static publish key: who shows it may publish, whoever does not is told which of the two it was."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access import Verdict, may_publish
from engine.config import Config, PathSettings, Secret, for_path, load


def settings_with(key: str) -> PathSettings:
    return for_path(load("", {"FANLIGHT_PUBLISH__PUBLISH_KEY": key}), "live/cam")


def test_without_a_key_everybody_may() -> None:
    assert may_publish(for_path(Config(), "live/cam"), "") == Verdict(allowed=True, reason="open")


@pytest.mark.parametrize(
    "query",
    [
        "key=s3cret",
        "token=s3cret",
        "?key=s3cret",
        "cam?key=s3cret",
        "live/cam?x=1&token=s3cret",
        "key=old&key=s3cret",
        "key=s3%63ret",
    ],
)
def test_the_right_key_opens(query: str) -> None:
    assert may_publish(settings_with("s3cret"), query) == Verdict(allowed=True, reason="key")


@pytest.mark.parametrize(
    "query", ["key=", "key=S3CRET", "key=s3cre", "key=s3crets", "token=%00", "key=%ff", "key=\ud800"]
)
def test_a_wrong_key_does_not(query: str) -> None:
    assert not may_publish(settings_with("s3cret"), query).allowed


@pytest.mark.parametrize("query", ["", "?", "cam", "s3cret", "KEY=s3cret", "password=s3cret", "&&&", "key"])
def test_no_key_is_told_from_a_wrong_one(query: str) -> None:
    assert may_publish(settings_with("s3cret"), query).reason == "key_missing"


def test_a_key_with_a_question_mark_or_a_plus_is_taken_as_typed() -> None:
    assert may_publish(settings_with("a?b+c=%41"), "key=a?b+c=%41").allowed


def test_a_flood_of_parameters_is_not_read_to_its_end() -> None:
    assert not may_publish(settings_with("s3cret"), "x=1&" * 100_000 + "key=s3cret").allowed


@given(st.text(min_size=1, max_size=60).filter(str.isprintable), st.text(max_size=60))
def test_only_the_key_opens(key: str, guess: str) -> None:
    settings = settings_with(key)
    assert may_publish(settings, f"key={quote(key)}").allowed
    assert may_publish(settings, f"key={quote(guess)}").allowed == (guess == key)


@given(st.text())
def test_no_query_does_anything_but_get_a_verdict(query: str) -> None:
    assert isinstance(may_publish(settings_with("k"), query), Verdict)


def test_settings_are_anything_that_has_a_key() -> None:
    class Settings:
        publish_key = Secret("k")

    assert may_publish(Settings(), "key=k").allowed
