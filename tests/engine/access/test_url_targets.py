"""URLs the engine is given: every form of an address is seen for what it is, and one reader reads."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.hosts import BadHost, host_text, parse_host
from engine.access.targets import BadUrl, Target, parse_target

LOOPBACK_FORMS = (
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0X7F000001",
    "0x7f.1",
    "0x7f.0.0.0x1",
    "0177.0.0.01",
    "0177.0x0.1",
    "127.0.0.0x1",
    "127.0x1",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
)


@pytest.mark.parametrize("text", LOOPBACK_FORMS)
def test_loopback_is_seen_in_every_form(text: str) -> None:
    host = parse_host(text)
    assert not isinstance(host, str)
    mapped = getattr(host, "ipv4_mapped", None)
    assert (mapped or host) == ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0", "0.0.0.0"),
        ("0x", "0.0.0.0"),
        ("00000", "0.0.0.0"),
        ("2852039166", "169.254.169.254"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("0251.0376.0251.0376", "169.254.169.254"),
        ("169.254.43518", "169.254.169.254"),
        ("10.0.0.010", "10.0.0.8"),
        ("4294967295", "255.255.255.255"),
        ("[::1]", "::1"),
        ("[64:ff9b::7f00:1]", "64:ff9b::7f00:1"),
    ],
)
def test_numbers_are_read_as_the_c_library_reads_them(text: str, meant: str) -> None:
    assert parse_host(text) == ipaddress.ip_address(meant)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a..b",
        "-a.example",
        "a-.example",
        "a b",
        "ex%61mple.com",
        "exa\tmple",
        "x" * 64,
        "x." * 127 + "xyz",
        "256.0.0.1",
        "1.2.3.4.5",
        "127.0.0.08",
        "4294967296",
        "1.2.3.256",
        "1.16777216",
        "example.1",
        "foo.0x1",
        "9" * 6_000,
        "[::1",
        "[]",
        "[::g]",
        "[fe80::1%eth0]",
        "[127.0.0.1]",
        "１２７.0.0.1",
        "127。0。0。1",
        "ⓔxample.com",
        "münchen.example",
    ],
)
def test_what_is_no_host_is_refused_and_not_handed_to_a_resolver(text: str) -> None:
    with pytest.raises(BadHost):
        parse_host(text)


def test_names_are_lower_case_and_without_their_last_dot() -> None:
    assert parse_host("Hooks.Example.COM.") == "hooks.example.com"
    assert parse_host("xn--mnchen-3ya.example") == "xn--mnchen-3ya.example"
    assert parse_host("my_service") == "my_service"
    assert parse_host("127.0.0.1.nip.io") == "127.0.0.1.nip.io"


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_every_address_comes_back_from_its_text(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert parse_host(host_text(address)) == address


@given(st.text(max_size=40))
def test_any_text_is_a_host_that_comes_back_or_a_bad_host(text: str) -> None:
    try:
        host = parse_host(text)
    except BadHost:
        return
    assert parse_host(host_text(host)) == host


@given(st.one_of(st.text(max_size=40), st.text(max_size=40).map("http://{}/".format)))
def test_any_text_is_a_url_that_comes_back_or_a_bad_url(text: str) -> None:
    try:
        target = parse_target(text)
    except BadUrl:
        return
    assert parse_target(f"{target.origin}{target.resource}") == target


@given(st.ip_addresses(v=4), st.sampled_from([1, 2, 3, 4]), st.data())
def test_any_spelling_of_an_address_is_that_address(
    address: ipaddress.IPv4Address, parts: int, data: st.DataObject
) -> None:
    packed = address.packed
    numbers = [*packed[: parts - 1], int.from_bytes(packed[parts - 1 :], "big")]
    forms = data.draw(st.lists(st.sampled_from(["{}", "0x{:x}", "0{:o}"]), min_size=parts, max_size=parts))
    spelling = ".".join(form.format(number) for form, number in zip(forms, numbers, strict=True))
    assert parse_host(spelling) == address


def test_a_url_comes_apart_once() -> None:
    target = parse_target("https://Hooks.example.com:8443/on/publish?key=a%20b&c#part")
    assert target == Target("https", "hooks.example.com", 8443, "/on/publish?key=a%20b&c")
    assert target.origin == "https://hooks.example.com:8443"


@pytest.mark.parametrize(
    ("url", "authority", "resource"),
    [
        ("http://example.com", "example.com", "/"),
        ("HTTP://example.com:/?q", "example.com", "/?q"),
        ("http://example.com:80/x", "example.com", "/x"),
        ("https://example.com:80/x", "example.com:80", "/x"),
        ("https://[2001:db8::1]:443/", "[2001:db8::1]", "/"),
        ("http://0x7f.1:8080/", "127.0.0.1:8080", "/"),
    ],
)
def test_the_host_header_is_canonical(url: str, authority: str, resource: str) -> None:
    target = parse_target(url)
    assert (target.authority, target.resource) == (authority, resource)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "http:example.com",
        "http:///path",
        "http://",
        "http://:80/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "unix:/run/docker.sock",
        "ftp://example.com/",
        "javascript:alert(1)",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:http/",
        "http://example.com:-1/",
        "http://example.com:8 0/",
        "http://[::1]x:80/",
        "http://[::1]80/",
        "http://x[::1]/",
        "http://[::1/",
        "http://example.com\\@127.0.0.1/",
        "http://exam\nple.com/",
        "http://example.com/ HTTP/1.1\r\nX: y",
        "http://example.com/ä",
        "http://example.com/\x00",
        " http://example.com/",
        "http://" + "a" * 3_000,
    ],
)
def test_what_is_no_url_for_this_engine_is_refused(url: str) -> None:
    with pytest.raises(BadUrl) as caught:
        parse_target(url)
    assert "secret" not in str(caught.value)


def test_schemes_can_be_narrowed() -> None:
    with pytest.raises(BadUrl, match="only https"):
        parse_target("http://example.com/", {"https"})
