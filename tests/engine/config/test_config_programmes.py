"""Programmes: streams that are renditions of one and the same."""

import pytest

from engine.config import Config, ConfigError, Programmes, apply_hot, decode, diff, encode, load
from engine.config.programmes import MAX_PROGRAMMES, MAX_RENDITIONS

FINAL = '[hls.programmes]\n"live/final" = ["live/final_1080", "live/final_480"]\n'


def test_a_programme_has_renditions_in_their_order() -> None:
    programmes = load(FINAL + 'cup = ["b", "live/a", "cup"]', {}).hls.programmes
    assert [*programmes] == ["live/final", "live/cup"]
    assert programmes.renditions("live/final") == ("live/final_1080", "live/final_480")
    assert programmes.renditions("live/cup") == ("live/b", "live/a", "live/cup")
    assert programmes.renditions("live/final_480") == ()
    assert programmes.programme_of("live/final_480") == "live/final"
    assert programmes.programme_of("live/final") is None
    assert programmes.programme_of("live/cup") == "live/cup"


def test_programmes_travel_to_workers_and_may_stand_in_the_environment() -> None:
    config = load(FINAL, {})
    assert decode(encode(config)) == config
    again = load("", {"FANLIGHT_HLS__PROGRAMMES": '{"live/final" = ["final_1080", "final_480"]}'})
    assert again.hls.programmes == config.hls.programmes
    assert len({again.hls.programmes, config.hls.programmes, Programmes()}) == 2
    assert config.hls.programmes != "live/final"
    assert len(config.hls.programmes) == 1
    assert "live/final_480" in repr(config.hls.programmes)


def test_programmes_change_without_a_restart() -> None:
    new = load(FINAL, {})
    assert diff(Config(), new).hot == ("hls.programmes",)
    assert apply_hot(Config(), new).hls.programmes == new.hls.programmes


def listed(count: int) -> str:
    return "[" + ", ".join(f'"live/{number}"' for number in range(count)) + "]"


LONG = "/".join(["n" * 60] * 4)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('{"live/../x" = ["live/a"]}', "not made of dots alone"),
        ('{"live/x" = ["live/a b"]}', "made of A-Z a-z"),
        ('{"live/x" = [3]}', "a stream name is a text"),
        ('{"live/x" = "live/a"}', "a programme is a list of streams"),
        ('{"live/x" = []}', f"1 to {MAX_RENDITIONS} renditions"),
        ('{"live/x" = ' + listed(MAX_RENDITIONS + 1) + "}", f"1 to {MAX_RENDITIONS} renditions"),
        ('{x = ["live/a"], "live/x" = ["live/b"]}', "the same programme twice"),
        ('{x = ["live/a", "a"]}', "the same rendition twice"),
        ('{x = ["live/a"], y = ["live/a"]}', "the same rendition twice"),
        ('{x = ["live/a"], y = ["live/x"]}', "a programme as a rendition of another one"),
        (
            "{" + ", ".join(f'"p/{n}" = ["live/{n}"]' for n in range(MAX_PROGRAMMES + 1)) + "}",
            f"more than {MAX_PROGRAMMES} programmes",
        ),
        ("{" + ", ".join(f'"{n}/x" = ["{LONG[:-3]}{n}"]' for n in range(150)) + "}", "characters of names"),
        ('"live/x', "not a TOML inline table"),
        ("7", "not a table"),
    ],
)
def test_programmes_that_cannot_be_are_refused_with_the_reason(table: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("", {"FANLIGHT_HLS__PROGRAMMES": table})
    (problem,) = caught.value.problems
    assert why in problem
    assert problem.endswith('such as {"live/final" = ["live/final_1080", "live/final_480"]}')
