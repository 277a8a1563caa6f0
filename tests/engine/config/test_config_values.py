"""Addresses and secrets: values that need no more checking once they exist."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import Config, Listen, Secret, encode, load


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


def test_the_defaults_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Config().gop.max_gops = 3  # type: ignore[misc]
