"""Which passphrase a caller over SRT has to have: that of a key it shows, or the stream's, or nobody's."""

import pytest

from engine.access import passphrase_for
from engine.config import PathSettings, for_path, load

NOBODYS = "what nobody knows"
TABLE = '{van = "passphrase of the van", "a&b" = "passphrase of a and b"}'


def settings_with(passphrase: str = "", table: str = "{}") -> PathSettings:
    text = f'[srt]\npassphrase = "{passphrase}"\npassphrases = {table}'
    return for_path(load(text, {}), "live/cam")


@pytest.mark.parametrize("query", ["key=van", "token=van", "x=1&key=v%61n", "key=other&token=van"])
def test_a_key_has_its_passphrase(query: str) -> None:
    assert passphrase_for(settings_with("the default one", TABLE), query, NOBODYS) == "passphrase of the van"


@pytest.mark.parametrize("query", ["", "key=", "key=VAN", "van", "user=van", "key=va"])
def test_who_shows_none_of_the_keys_has_the_streams(query: str) -> None:
    assert passphrase_for(settings_with("the default one", TABLE), query, NOBODYS) == "the default one"


def test_without_one_for_all_who_shows_no_key_cannot_know_what_is_asked_for() -> None:
    assert passphrase_for(settings_with("", TABLE), "", NOBODYS) == NOBODYS
    assert passphrase_for(settings_with("", TABLE), "key=other", NOBODYS) == NOBODYS
    assert passphrase_for(settings_with("", TABLE), "key=a%26b", NOBODYS) == "passphrase of a and b"


def test_without_keys_the_streams_holds_for_all_and_may_be_none() -> None:
    assert passphrase_for(settings_with(), "key=van", NOBODYS) == ""
    assert passphrase_for(settings_with("the default one"), "key=van", NOBODYS) == "the default one"


def test_of_several_keys_the_first_one_counts() -> None:
    table = '{one = "passphrase number one", two = "passphrase number two"}'
    for query, wanted in {"key=one&key=two": "one", "key=two&key=one": "two"}.items():
        assert passphrase_for(settings_with("", table), query, NOBODYS) == f"passphrase number {wanted}"


def test_a_paths_table_takes_the_place_of_the_sections() -> None:
    text = (
        f'[srt]\npassphrases = {TABLE}\n[paths."live/*".srt.passphrases]\nbus = "passphrase of the bus"\n'
        '[paths."live/open"]\nsrt_passphrases = {}'
    )
    config = load(text, {})
    asked = {"live/cam": "key=bus", "other/cam": "key=van"}
    found = [passphrase_for(for_path(config, name), query, NOBODYS) for name, query in asked.items()]
    assert found == ["passphrase of the bus", "passphrase of the van"]
    assert passphrase_for(for_path(config, "live/cam"), "key=van", NOBODYS) == NOBODYS
    assert passphrase_for(for_path(config, "live/open"), "key=van", NOBODYS) == ""
