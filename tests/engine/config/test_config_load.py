"""A configuration is good, or every mistake in it is named with what would be right."""

from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import KEYS, Config, ConfigError, Listen, decode, encode, load
from engine.config.draft import Draft
from engine.config.keys import PATH_KEYS, PATH_SECTIONS
from engine.config.load import MAX_BYTES
from engine.config.tree import PathTable


def problems(text: str = "", **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(text, environ)
    return caught.value.problems


def test_nothing_at_all_gives_the_defaults() -> None:
    assert load("", {}) == Config()


def test_a_file_needs_only_what_differs() -> None:
    config = load('[rtmp]\nlisten = "[::1]:0"\n[fanout]\nmax_lag_s = 3', {})
    assert config.rtmp.listen == Listen("::1", 0)
    assert config.fanout.max_lag_s == 3.0
    assert config.fanout.max_jumps == Config().fanout.max_jumps


def test_the_environment_wins_over_the_file() -> None:
    config = load("[publish]\ngrace_s = 1\ntakeover = true", {"FANLIGHT_PUBLISH__TAKEOVER": "false"})
    assert config.publish.grace_s == 1
    assert not config.publish.takeover


def test_a_file_is_only_so_long() -> None:
    assert load("#" * MAX_BYTES, {}) == Config()
    (problem,) = problems("#" * (MAX_BYTES + 1))
    assert problem.startswith(f"the file has more than {MAX_BYTES} characters")


def test_workers_can_be_told_the_whole_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the environment, and what is left out, is as long as what stands in the file."""
    size_bytes = len(encode(Config()))
    monkeypatch.setattr(import_module("engine.config.load"), "MAX_BYTES", size_bytes)
    assert load("", {}) == Config()
    (problem,) = problems("", FANLIGHT_HTTP__CORS_ORIGIN="https://example.org")
    assert problem.endswith(f" bytes, and workers are told {size_bytes} at most")


def test_an_unknown_key_is_refused_by_name_with_the_nearest_one() -> None:
    assert problems("[fanout]\nmax_lag = 3") == (
        '[fanout]: there is no "max_lag"; did you mean "max_lag_s"?',
    )


def test_an_unknown_section_is_refused_by_name() -> None:
    assert problems("[fanot]\nmax_lag_s = 3") == ('top level: there is no "fanot"; did you mean "fanout"?',)


def test_where_nothing_is_near_everything_is_listed() -> None:
    (problem,) = problems("[play]\nzzz = 3")
    assert problem.startswith('[play]: there is no "zzz"; known here: play_keys, play_access, ')


def test_an_unknown_variable_is_refused_by_name() -> None:
    (problem,) = problems(FANLIGHT_FANOUT__MAX_LGA_S="3")
    assert 'did you mean "FANLIGHT_FANOUT__MAX_LAG_S"?' in problem


def test_a_variable_with_one_underscore_too_few_is_told() -> None:
    (problem,) = problems(FANLIGHT_RTMP_LISTEN="127.0.0.1:1935")
    assert 'did you mean "FANLIGHT_RTMP__LISTEN"?' in problem


def test_variables_that_only_begin_like_ours_are_left_alone() -> None:
    environ = {"FANLIGHT_SERVICE_HOST": "10.0.0.1", "FANLIGHT_PORT_1935_TCP_PORT": "1935", "PATH": "/bin"}
    assert load("", environ) == Config()


def test_every_mistake_is_named_at_once() -> None:
    text = '[fanout]\nmax_lag_s = 99\nslow_player = "run"\n[gop]\nmax_gops = 1.5'
    assert problems(text, FANLIGHT_LOG__LEVEL="loud") == (
        "fanout.max_lag_s: 99 is not allowed; use a number from 1 to 60",
        'fanout.slow_player: "run" is not allowed; use "jump" or "wait" or "disconnect"',
        "gop.max_gops: 1.5 is not allowed; use a whole number from 1 to 100",
        'FANLIGHT_LOG__LEVEL: "loud" is not allowed;'
        ' use "trace" or "debug" or "info" or "warning" or "error"',
    )


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", "true", '"4"', "1979-05-27", "[4]", "{}", "9" * 400, "-1", "0"]
)
def test_no_number_but_one_in_range_gets_in(value: str) -> None:
    (problem,) = problems(f"[fanout]\nmax_lag_s = {value}")
    assert problem.startswith("fanout.max_lag_s: ")
    assert problem.endswith("use a number from 1 to 60")


@pytest.mark.parametrize("value", ["", " ", "nan", "inf", "4s", "0x10", "1e9"])
def test_nor_from_the_environment(value: str) -> None:
    (problem,) = problems(FANLIGHT_FANOUT__MAX_LAG_S=value)
    assert problem.startswith("FANLIGHT_FANOUT__MAX_LAG_S: ")


def test_an_address_that_cannot_be_read_says_why() -> None:
    (problem,) = problems('[http]\nlisten = "example.org:80"')
    assert problem.startswith(
        'http.listen: "example.org:80" is not allowed (the host is not an IP address); use'
    )


def test_a_wrong_value_is_repeated_in_one_short_printable_line() -> None:
    (problem,) = problems('[log]\nlevel = "\\u001b[31m' + "x" * 1000 + '"')
    assert problem.isprintable()
    assert len(problem) < 200


def test_a_secret_is_not_repeated_whatever_is_wrong_with_it() -> None:
    assert "tell" not in problems(FANLIGHT_PUBLISH__PUBLISH_KEY="do not tell\n")[0]
    assert "tell" not in problems('[paths."live/*"]\npublish_key = ["do not tell"]')[0]


@pytest.mark.parametrize(
    "text", ["x = [", "[rtmp", "a = 1\na = 2", "x = " + "9" * 5_000, "x = " + "[" * 5_000]
)
def test_what_is_not_toml_is_one_mistake(text: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith("not a TOML file: ")


@pytest.mark.parametrize("text", ["rtmp = 1935", "paths = 3", 'paths = {"live/*" = 3}'])
def test_a_value_in_a_tables_place_says_so(text: str) -> None:
    (problem,) = problems(text)
    assert "write [" in problem


def test_workers_read_what_the_supervisor_writes() -> None:
    text = '[publish]\npublish_key = "k"\n[paths."live/*"]\npublish_key = "l"\ngop = {max_gops = 1}'
    config = load(text, {"FANLIGHT_API__LISTEN": "[::1]:1985"})
    assert decode(encode(config)) == config


def test_the_names_a_path_may_set_occur_once() -> None:
    """Else a key that stands in a path's table itself could mean either."""
    names = [key.path_name for key in KEYS.values() if key.section in PATH_SECTIONS]
    assert len(names) == len(set(names))
    assert PATH_KEYS.keys() == set(PathTable.__struct_fields__)


def test_every_number_has_both_bounds() -> None:
    assert [key.dotted for key in KEYS.values() if "None" in key.allowed] == []


def problems_if_any(text: str, environ: dict[str, str]) -> tuple[str, ...]:
    try:
        load(text, environ)
    except ConfigError as error:
        return error.problems
    return ()


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_a_config_error(text: str) -> None:
    assert all(problem.isprintable() for problem in problems_if_any(text, {}))


@given(
    st.sampled_from([key.environment_name for key in KEYS.values()] + ["FANLIGHT_PATHS"]),
    st.text(max_size=99),
)
def test_no_variable_raises_anything_but_a_config_error(name: str, value: str) -> None:
    assert all(problem.isprintable() for problem in problems_if_any("", {name: value}))


VALUES = st.recursive(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=9), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*PATH_KEYS, *PATH_SECTIONS, "live/*", "x"]), inner, max_size=3),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*Config.__struct_fields__, "x"]), VALUES, max_size=3))
def test_no_document_does_anything_but_load_or_collect_problems(document: dict[str, object]) -> None:
    draft = Draft()
    draft.take_document(document)
    assert draft.problems or isinstance(draft.build(), Config)
    assert all(problem.isprintable() for problem in draft.problems)
