"""Bans: in one form, looked up by table as a patient reader of the list would, and over in time."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.bans import BadBan, Ban, BanKind, BanTable, parse_banned


def ban(kind: BanKind, value: str, until_s: float | None = None, ban_id: str = "1") -> Ban:
    return Ban(id=ban_id, kind=kind, value=value, reason="", since_s=0.0, until_s=until_s)


@pytest.mark.parametrize(
    ("kind", "given_as", "kept_as"),
    [
        ("address", "192.0.2.7", "192.0.2.7/32"),
        ("address", "192.0.2.0/24", "192.0.2.0/24"),
        ("address", "[2001:db8::7]", "2001:db8::7/128"),
        ("address", "::ffff:192.0.2.7", "192.0.2.7/32"),
        ("address", "2001:db8::/32", "2001:db8::/32"),
        ("stream", "cam", "live/cam"),
        ("stream", "live/cam", "live/cam"),
        ("key", "van-2", "van-2"),
    ],
)
def test_what_is_banned_has_one_form(kind: BanKind, given_as: str, kept_as: str) -> None:
    assert parse_banned(kind, given_as) == kept_as


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("address", "192.0.2.7/24"),
        ("address", "example.org"),
        ("address", ""),
        ("stream", "live/.."),
        ("stream", "live/cam~1"),
        ("key", ""),
        ("key", "k\n"),
        ("key", "k" * 129),
    ],
)
def test_what_cannot_be_banned_is_refused(kind: BanKind, value: str) -> None:
    with pytest.raises(BadBan):
        parse_banned(kind, value)


def test_a_ban_is_over_in_time_and_its_kind_is_its_own() -> None:
    table = BanTable([ban("stream", "live/cam", until_s=10.0), ban("key", "van")])
    assert table.of_stream("live/cam", 9.9) is not None
    assert table.of_stream("live/cam", 10.0) is None
    assert table.of_stream("van", 0.0) is None
    assert table.of_key("van", 1e12) is not None
    assert table.of_address("192.0.2.1", 0.0) is None


def test_a_ban_that_is_over_does_not_hide_one_that_holds() -> None:
    table = BanTable(
        [ban("address", "192.0.2.1/32", 5.0, "old"), ban("address", "192.0.2.1/32", 50.0, "new")]
    )
    found = table.of_address("192.0.2.1", 6.0)
    assert found is not None
    assert found.id == "new"


def test_a_host_that_is_no_address_is_never_banned() -> None:
    assert BanTable([ban("address", "0.0.0.0/0"), ban("address", "::/0")]).of_address("unix", 0.0) is None


few_v4 = st.integers(0, 15).map(lambda number: str(ip_address(0xC0000200 + number)))
few_v6 = st.integers(0, 15).map(lambda number: str(ip_address((0x20010DB8 << 96) + (number << 62))))
networks = st.tuples(few_v4, st.integers(0, 32)) | st.tuples(few_v6, st.integers(0, 128))
bans = st.lists(st.tuples(networks, st.none() | st.integers(0, 20)), max_size=12)


@given(bans, few_v4 | few_v6, st.integers(0, 20))
def test_the_table_finds_what_reading_the_list_finds(
    made: list[tuple[tuple[str, int], int | None]], host: str, now: int
) -> None:
    listed = [
        ban("address", str(ip_network(f"{address}/{length}", strict=False)), until, str(number))
        for number, ((address, length), until) in enumerate(made)
    ]
    holding = {each.id for each in listed if each.holds(now) and ip_address(host) in ip_network(each.value)}
    found = BanTable(listed).of_address(host, now)
    assert (found is None) == (not holding)
    assert found is None or found.id in holding
