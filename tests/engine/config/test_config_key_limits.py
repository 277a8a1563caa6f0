"""Limits by key: read from a file, the environment and a path's table, and refused in words."""

import pytest

from engine.config import Config, ConfigError, decode, diff, encode, for_path, load
from engine.config.key_limits import MAX_KEYS
from engine.config.media_limits import NO_LIMITS, MediaLimits

FILE = """
[limits]
max_bitrate_bps = 8000000
[limits.key_limits.guest]
max_bitrate_bps = 3_000_000
max_session_s = 3600
[limits.key_limits."viewer-17@example.org"]
allowed_codecs = "h264,aac"
[paths."studio/*".key_limits.van]
max_width = 1280
"""
GUEST = MediaLimits(max_bitrate_bps=3_000_000, max_session_s=3600.0)


def test_each_key_has_its_own_and_others_have_none() -> None:
    limits = for_path(load(FILE, {}), "live/cam").limits
    assert limits.max_bitrate_bps == 8_000_000
    assert limits.key_limits.of("guest") == GUEST
    assert limits.key_limits.of("viewer-17@example.org").allowed_codecs == "h264,aac"
    assert limits.key_limits.of("studio") == limits.key_limits.of("") == NO_LIMITS


def test_a_paths_table_takes_the_place_of_the_whole_one() -> None:
    limits = for_path(load(FILE, {}), "studio/one").limits
    assert (limits.max_bitrate_bps, list(limits.key_limits)) == (8_000_000, ["van"])


def test_workers_get_what_was_read() -> None:
    config = load(FILE, {})
    assert decode(encode(config)) == config


def test_of_a_key_only_what_limits_it_is_handed_on() -> None:
    table = load(FILE, {}).limits.key_limits.as_table()
    assert table["guest"] == {"max_bitrate_bps": 3_000_000, "max_session_s": 3600.0}
    assert table["viewer-17@example.org"] == {"allowed_codecs": "h264,aac"}


def test_the_environment_takes_an_inline_table() -> None:
    text = "{guest = {max_bitrate_bps = 3000000, max_session_s = 3600}}"
    config = load("", {"FANLIGHT_LIMITS__KEY_LIMITS": text})
    assert config.limits.key_limits.of("guest") == GUEST
    assert diff(Config(), config).hot == ("limits.key_limits",)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('"a key" = {max_bitrate_bps = 1}', "entry 1: the name of a key is"),
        ("guest = {colour = 1}", "guest: Object contains unknown field `colour`"),
        ("guest = {over_limit = 'warn'}", "guest: Object contains unknown field `over_limit`"),
        ("guest = {max_bitrate_bps = -1}", "guest: Expected `int` >= 0 - at `$.max_bitrate_bps`"),
        ("guest = {max_bitrate_bps = '1'}", "guest: Expected `int`, got `str` - at `$.max_bitrate_bps`"),
        ("guest = 5", "guest: Expected `object`, got `int`"),
        (", ".join(f"k{number} = {{}}" for number in range(MAX_KEYS + 1)), f"more than {MAX_KEYS} keys"),
    ],
)
def test_what_limits_no_key_is_refused_in_words(entry: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(f"[limits]\nkey_limits = {{{entry}}}", {})
    (problem,) = refused.value.problems
    assert problem.startswith("limits.key_limits: ")
    assert why in problem
    assert "use a table of at most 64 keys by name" in problem


def test_a_codec_that_nobody_knows_is_found_in_it() -> None:
    with pytest.raises(ConfigError) as refused:
        load('[paths."live/*".key_limits.guest]\nallowed_codecs = "h264,mpeg2"', {})
    (problem,) = refused.value.problems
    start = 'paths."live/*": limits.key_limits.guest.allowed_codecs: there is no "mpeg2"; known here: h264'
    assert problem.startswith(start)
