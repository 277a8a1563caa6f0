"""What one address may have: counted by household, refused past the limit, and forgotten within bounds."""

import ipaddress
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy import addresses
from engine.policy.addresses import (
    BURST_S,
    AddressBook,
    AddressLimits,
    Visit,
    address_of,
    key_of,
    parse_networks,
    share_of,
)

TWO_AT_ONCE = AddressLimits(max_connections=2)


def test_a_third_connection_of_one_address_is_refused_until_one_leaves() -> None:
    book = AddressBook(TWO_AT_ONCE)
    first, second = book.enter("192.0.2.1", 0.0), book.enter("192.0.2.1", 0.0)
    third = book.enter("192.0.2.1", 0.0)
    assert [first.refused, second.refused, third.refused] == ["", "", "address_connections"]
    assert book.enter("192.0.2.2", 0.0).refused == ""
    book.leave(third)
    assert book.enter("192.0.2.1", 1.0).refused == "address_connections"
    book.leave(first)
    book.leave(first)
    assert book.enter("192.0.2.1", 1.0).refused == ""
    assert book.enter("192.0.2.1", 1.0).refused == "address_connections"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("[2001:db8:1:2::1]", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_address_is_a_household(one: str, other: str, same: bool) -> None:
    found = [address_of(host) for host in (one, other)]
    keys = {key_of(address) for address in found if address is not None}
    assert len(keys) == (1 if same else 2)


def test_beginnings_are_limited_in_the_long_run_and_bursts_pass() -> None:
    book = AddressBook(AddressLimits(max_handshakes_per_s=10))

    def come(times: int, now_s: float) -> int:
        visits = [book.enter("192.0.2.1", now_s) for _ in range(times)]
        for visit in visits:
            book.leave(visit)
        return sum(not visit.refused for visit in visits)

    assert come(50, 0.0) == 20
    assert come(50, 0.0) == 0
    assert come(50, 1.0) == 10
    assert come(50, 100.0) == 20


def test_an_address_that_is_refused_is_news_once_a_minute() -> None:
    book = AddressBook(AddressLimits(max_connections=1))
    book.enter("192.0.2.1", 0.0)
    assert [book.enter("192.0.2.1", now).news for now in (0.0, 30.0, 61.0)] == [True, False, True]


def test_exempt_networks_and_what_is_no_address_have_no_limit() -> None:
    book = AddressBook(AddressLimits(max_connections=1), parse_networks("127.0.0.0/8,::1/128"))
    for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "", "unix", "::ffff:127.0.0.1"):
        assert [book.enter(host, 0.0).refused for _ in range(3)] == [""] * 3
    assert len(book) == 0


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "host", "10.0.0.0/8;::/0"])
def test_what_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a network"):
        parse_networks(text)


def test_a_flood_of_addresses_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MAX_IDLE", 100)
    book = AddressBook(AddressLimits(max_connections=1, max_handshakes_per_s=1))
    stays = book.enter("192.0.2.1", 0.0)
    for number in range(5_000):
        book.leave(book.enter(str(ipaddress.IPv4Address(number)), 0.0))
    assert len(book) == 101
    assert book.enter("192.0.2.1", 0.0).refused == "address_connections"
    book.leave(stays)
    assert len(book) == 100


def test_shares_add_up_to_the_limit_and_a_little_room_for_chance() -> None:
    assert share_of(0, 8) == 0
    assert share_of(7, 1) == 7
    for limit in (1, 10, 1000):
        for workers in (2, 4, 64):
            mean = limit / workers
            assert mean < share_of(limit, workers) <= mean + 2 * math.sqrt(mean) + 1


class Model:
    """The same, by counting everything that ever came."""

    def __init__(self, limits: AddressLimits) -> None:
        self.limits = limits
        self.open: dict[str, int] = {}
        self.begun: dict[str, list[float]] = {}

    def enter(self, host: str, now_s: float) -> str:
        begun, rate = self.begun.setdefault(host, []), self.limits.max_handshakes_per_s
        if self.limits.max_connections and self.open.get(host, 0) >= self.limits.max_connections:
            return "address_connections"
        if rate and self._debt([*begun, now_s], now_s) > max(1.0, rate * BURST_S):
            return "address_rate"
        begun.append(now_s)
        self.open[host] = self.open.get(host, 0) + 1
        return ""

    def _debt(self, begun: list[float], now_s: float) -> float:
        """The most, over all stretches that end now, by which more began than was earned."""
        rate = self.limits.max_handshakes_per_s
        return max(sum(at >= since for at in begun) - rate * (now_s - since) for since in begun)

    def leave(self, host: str) -> None:
        self.open[host] -= 1


steps = st.lists(
    st.tuples(st.sampled_from(["a", "b", "leave"]), st.integers(0, 3), st.integers(0, 9)), max_size=60
)


@given(st.sampled_from([0, 1, 3]), st.sampled_from([0.0, 0.25, 1.0, 2.0]), steps)
def test_the_book_decides_as_one_who_counts_everything(
    most: int, rate: float, steps: list[tuple[str, int, int]]
) -> None:
    limits = AddressLimits(max_connections=most, max_handshakes_per_s=rate)
    book, model, now = AddressBook(limits), Model(limits), 0.0
    hosts = {"a": "192.0.2.1", "b": "2001:db8::1"}
    inside: list[tuple[str, Visit]] = []
    for what, pause_s, which in steps:
        now += pause_s
        if what != "leave":
            visit = book.enter(hosts[what], now)
            assert visit.refused == model.enter(what, now)
            if not visit.refused:
                inside.append((what, visit))
        elif inside:
            host, visit = inside.pop(which % len(inside))
            book.leave(visit)
            model.leave(host)
