"""Addresses and secrets: values that need no more checking once they exist."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import (
    Config,
    ConfigError,
    Listen,
    Passphrase,
    Passphrases,
    Secret,
    StreamPorts,
    decode,
    encode,
    load,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0:1935", "0.0.0.0", 1935),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:1935", "::1", 1935),
        ("[::]:65535", "::", 65535),
        ("[2001:DB8::0:1]:1", "2001:db8::1", 1),
        ("localhost:80", "127.0.0.1", 80),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int) -> None:
    listen = Listen.parse(text)
    assert (listen.host, listen.port) == (host, port)
    assert Listen.parse(str(listen)) == listen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1935",
        ":1935",
        "*:1935",
        "0.0.0.0",
        "0.0.0.0:",
        "0.0.0.0:65536",
        "0.0.0.0:-1",
        "0.0.0.0: 80",
        "0.0.0.0:8²",
        "::1:1935",
        "[::1]",
        "[0.0.0.0]:80",
        "[]:80",
        "[:80",
        "256.0.0.1:80",
        "010.0.0.1:80",
        "example.org:80",
        "0.0.0.0:80:90",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Listen.parse(text)


@given(st.text(max_size=40))
def test_no_text_does_anything_but_make_an_address_or_be_refused(text: str) -> None:
    try:
        listen = Listen.parse(text)
    except ValueError:
        return
    assert Listen.parse(str(listen)) == listen


def test_addresses_know_what_they_are() -> None:
    assert Listen.parse("[::1]:1").is_loopback
    assert Listen.parse("[::]:1").is_wildcard
    assert Listen.parse("[::]:1").is_ipv6
    assert not Listen.parse("192.0.2.1:1").is_loopback
    assert len({Listen("::1", 1), Listen("::1", 1), Listen("::1", 2)}) == 2
    assert Listen("::1", 1) != "[::1]:1"


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r:>5}".format, lambda secret: f"{secret}"])
def test_a_secret_shows_three_stars(show: object) -> None:
    assert callable(show)
    assert "***" in show(Secret("s3cret"))
    assert "s3cret" not in show(Secret("s3cret"))


def test_a_configuration_can_be_logged() -> None:
    text = '[publish]\npublish_key = "s3cret"\n[paths."live/*"]\npublish_key = "s3cret"'
    config = load(text, {})
    assert "s3cret" not in repr(config)
    assert b"s3cret" in encode(config)


def test_a_secret_matches_only_itself() -> None:
    assert Secret("s3cret").matches("s3cret")
    assert not Secret("s3cret").matches("s3cre")
    assert not Secret("s3cret").matches("\ud800")
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert (bool(Secret("")), bool(Secret("a"))) == (False, True)


@pytest.mark.parametrize("text", ["a\nb", "a\0", "x" * 257])
def test_a_secret_that_nobody_can_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="printable text"):
        Secret(text)


@pytest.mark.parametrize("text", ["123456789", "x" * 80, "é" * 40])
def test_a_passphrase_that_no_encoder_takes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="10 to 79 characters"):
        Passphrase(text)
    with pytest.raises(ConfigError, match=r"SRT__PASSPHRASE: this secret is not allowed; use .* 10 to 79"):
        load("", {"FANLIGHT_SRT__PASSPHRASE": text})


def test_a_passphrase_is_a_secret_or_empty() -> None:
    assert not Passphrase("")
    config = load('[srt]\npassphrase = "0123456789"\n[paths."a/b".srt]\npassphrase = "abcdefghij"', {})
    assert config.srt.passphrase.matches("0123456789")
    assert "0123456789" not in repr(config)
    assert isinstance(decode(encode(config)).srt.passphrase, Passphrase)


def test_passphrases_by_key_are_read_and_not_shown() -> None:
    config = load('[srt.passphrases]\nvan = "0123456789"\n"the bus" = "abcdefghij"', {})
    table = config.srt.passphrases
    assert len(table) == 2
    assert table.find(["other", "the bus"]) == Passphrase("abcdefghij")
    assert table.find(["other", "\ud800"]) is None
    assert decode(encode(config)) == config
    again = load("", {"FANLIGHT_SRT__PASSPHRASES": '{van = "0123456789", "the bus" = "abcdefghij"}'})
    assert again.srt.passphrases == table
    assert len({again.srt.passphrases, table, Passphrases()}) == 2
    assert table != "0123456789"
    for shown in (repr(config), str(table), f"{table}"):
        assert not any(secret in shown for secret in ("van", "bus", "0123456789"))


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('{van = "012345678"}', "entry 1: a passphrase has 10 to 79 characters"),
        ('{van = "0123456789", bus = "' + "x" * 80 + '"}', "entry 2: a passphrase has 10 to 79 characters"),
        ('{van = ""}', "entry 1: neither a key nor its passphrase may be empty"),
        ('{"" = "0123456789"}', "entry 1: neither a key nor its passphrase may be empty"),
        ('{"a\\nb" = "0123456789"}', "entry 1: a secret is printable text"),
        ("{van = 1234567890}", "entry 1: a passphrase is a text"),
        ("{" + ", ".join(f'k{number} = "0123456789"' for number in range(65)) + "}", "more than 64 keys"),
        ("3", "not a table"),
        ('{van = "', "not a TOML inline table"),
    ],
)
def test_passphrases_that_cannot_be_are_refused_and_not_repeated(table: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("", {"FANLIGHT_SRT__PASSPHRASES": table})
    (problem,) = caught.value.problems
    assert problem.startswith("FANLIGHT_SRT__PASSPHRASES: this table of secrets is not allowed (")
    assert why in problem
    assert problem.endswith('such as {"key" = "passphrase"}')
    assert not any(secret in problem for secret in ("van", "bus", "0123456789", "012345678"))


def test_ports_stand_for_streams() -> None:
    config = load('[srt.ports]\n10081 = "live/cam1"\n10082 = "cam2"', {})
    assert [*config.srt.ports.items()] == [(10081, "live/cam1"), (10082, "live/cam2")]
    assert len(config.srt.ports) == 2
    assert decode(encode(config)) == config
    again = load("", {"FANLIGHT_SRT__PORTS": '{10081 = "live/cam1", 10082 = "live/cam2"}'})
    assert again.srt.ports == config.srt.ports
    assert len({again.srt.ports, config.srt.ports, StreamPorts()}) == 2
    assert config.srt.ports != "live/cam1"
    assert "live/cam1" in repr(config.srt.ports)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('{10081 = "live/../x"}', "not made of dots alone"),
        ('{10081 = "live/ö"}', "made of A-Z a-z"),
        ("{10081 = 3}", "a stream name is a text"),
        ('{65536 = "live/cam"}', "not a number from 0 to 65535"),
        ('{first = "live/cam"}', "not a number from 0 to 65535"),
        ('{81 = "a/b", 081 = "a/c"}', "the same port twice"),
        ('{10081 = "cam", 10082 = "live/cam"}', "the same stream twice"),
        ("{" + ", ".join(f'{port} = "live/{port}"' for port in range(65)) + "}", "more than 64 ports"),
        ("10081", "not a table"),
        ('"live/cam1', "not a TOML inline table"),
    ],
)
def test_ports_that_cannot_be_are_refused_with_the_reason(table: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("", {"FANLIGHT_SRT__PORTS": table})
    (problem,) = caught.value.problems
    assert why in problem
    assert problem.endswith('such as {10081 = "live/cam1"}')


def test_the_defaults_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Config().gop.max_gops = 3  # type: ignore[misc]
