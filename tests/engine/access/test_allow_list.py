"""What an operator opens beyond the public addresses, and how far that goes."""

import ipaddress

import pytest

from engine.access.allowed import MAX_ENTRIES, AllowList
from engine.config import Config, ConfigError, decode, diff, encode, load


def danger(allow: list[str], host: str, address: str) -> str | None:
    return AllowList.parse(allow).danger(host, ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("allow", "host", "address", "expected"),
    [
        ([], "example.com", "93.184.216.34", None),
        ([], "example.com", "10.0.0.5", "private"),
        (["10.0.0.0/8"], "example.com", "10.0.0.5", None),
        (["10.0.0.0/8"], "example.com", "::ffff:10.0.0.5", None),
        (["10.0.0.5"], "example.com", "10.0.0.6", "private"),
        (["127.0.0.1/32"], "example.com", "127.0.0.2", "loopback"),
        (["::1"], "example.com", "::1", None),
        (["::1"], "example.com", "127.0.0.1", "loopback"),
        (["0.0.0.0/0"], "example.com", "169.254.169.254", None),
        (["0.0.0.0/0"], "example.com", "fd00::1", "private"),
        (["hooks.internal"], "hooks.internal", "10.0.0.5", None),
        (["Hooks.Internal."], "hooks.internal", "127.0.0.1", None),
        (["hooks.internal"], "hooks.internal", "100.64.0.1", None),
        (["hooks.internal"], "hooks.internal", "169.254.169.254", "metadata"),
        (["hooks.internal"], "hooks.internal", "169.254.1.1", "link_local"),
        (["hooks.internal"], "hooks.internal", "0.0.0.0", "unspecified"),
        (["hooks.internal"], "hooks.internal", "224.0.0.1", "multicast"),
        (["hooks.internal"], "evil.hooks.internal", "10.0.0.5", "private"),
        (["internal"], "hooks.internal", "10.0.0.5", "private"),
    ],
)
def test_an_entry_opens_what_it_says_and_no_more(
    allow: list[str], host: str, address: str, expected: str | None
) -> None:
    assert danger(allow, host, address) == expected


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.5/8", "10.0.0.0/33", "0x7f.1", "127.1", "[::1]", "*.a.example", "http://a/", "", "a b"],
)
def test_entries_that_are_none_are_refused_when_the_file_is_read(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"outgoing\.allow"):
        load(f'[outgoing]\nallow = ["{entry}"]', {})


@pytest.mark.parametrize("value", ["127.0.0.1", "[1]", "{}", "true"])
def test_what_is_no_list_of_texts_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="OUTGOING__ALLOW"):
        load("", {"FANLIGHT_OUTGOING__ALLOW": value})


def test_there_is_an_end_to_the_list() -> None:
    with pytest.raises(ValueError, match="more than"):
        AllowList.parse(["10.0.0.1"] * (MAX_ENTRIES + 1))


def test_the_list_reaches_the_workers_and_may_change_while_they_run() -> None:
    config = load("", {"FANLIGHT_OUTGOING__ALLOW": '["127.0.0.1/32", "hooks.internal"]'})
    assert decode(encode(config)) == config
    assert diff(Config(), config).hot == ("outgoing.allow",)
    assert config.outgoing.allow.as_table() == ["127.0.0.1/32", "hooks.internal"]
