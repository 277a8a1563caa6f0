"""Which addresses the engine may be sent to: a table from the registries, and a second opinion."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.addresses import DANGERS_V4, DANGERS_V6, METADATA, NAT64, danger_of, plain

TABLE = {
    "0.0.0.0": "unspecified",
    "0.255.255.255": "unspecified",
    "10.0.0.0": "private",
    "10.255.255.255": "private",
    "100.63.255.255": None,
    "100.64.0.0": "shared",
    "100.127.255.255": "shared",
    "100.128.0.0": None,
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "169.254.0.1": "link_local",
    "169.254.169.254": "metadata",
    "169.254.170.2": "metadata",
    "100.100.100.200": "metadata",
    "168.63.129.16": "metadata",
    "172.15.255.255": None,
    "172.16.0.0": "private",
    "172.31.255.255": "private",
    "172.32.0.0": None,
    "192.0.0.192": "metadata",
    "192.0.0.8": "reserved",
    "192.0.2.1": "reserved",
    "192.88.99.1": "tunnel",
    "192.168.0.1": "private",
    "192.169.0.1": None,
    "198.18.0.1": "reserved",
    "198.51.100.7": "reserved",
    "203.0.113.7": "reserved",
    "223.255.255.255": None,
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "1.1.1.1": None,
    "93.184.216.34": None,
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "reserved",  # IPv4-compatible, RFC 4291 section 2.5.5.1
    "::ffff:127.0.0.1": "loopback",
    "::ffff:10.1.2.3": "private",
    "::ffff:169.254.169.254": "metadata",
    "::ffff:0.0.0.0": "unspecified",
    "::ffff:1.1.1.1": None,
    "::ffff:0:127.0.0.1": "reserved",  # IPv4-translated, RFC 2765
    "64:ff9b::127.0.0.1": "loopback",
    "64:ff9b::169.254.169.254": "metadata",
    "64:ff9b::192.168.1.1": "private",
    "64:ff9b::1.1.1.1": None,
    "64:ff9b:1::1.1.1.1": "private",
    "100::1": "reserved",  # discard, RFC 6666
    "2001::1": "tunnel",
    "2001:0:7f00:1::": "tunnel",
    "2001:20::1": "reserved",
    "2001:db8::1": "reserved",
    "2001:4860:4860::8888": None,
    "2002:7f00:1::1": "tunnel",
    "2606:4700:4700::1111": None,
    "3fff::1": "reserved",
    "4000::1": "reserved",
    "5f00::1": "reserved",
    "fc00::1": "private",
    "fd00:ec2::254": "metadata",
    "fdff::1": "private",
    "fe80::1": "link_local",
    "febf::1": "link_local",
    "fec0::1": "private",
    "ff02::1": "multicast",
}


@pytest.mark.parametrize(("text", "danger"), TABLE.items())
def test_each_address_has_its_reason_or_none(text: str, danger: str | None) -> None:
    assert danger_of(ipaddress.ip_address(text)) == danger


@pytest.mark.parametrize("network", [network for network, _ in (*DANGERS_V4, *DANGERS_V6)])
def test_networks_are_dangerous_from_their_first_to_their_last_address(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> None:
    assert danger_of(network[0]) is not None
    assert danger_of(network[-1]) is not None


@given(st.ip_addresses(v=4))
def test_an_address_in_disguise_is_as_dangerous_as_itself(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(0xFFFF_0000_0000 | int(address))
    synthesized = ipaddress.IPv6Address(int(NAT64[0]) | int(address))
    assert danger_of(mapped) == danger_of(synthesized) == danger_of(address)
    assert plain(mapped) == address


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_the_library_takes_for_private_is_never_let_through(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.is_private and plain(address) == address:
        assert danger_of(address) is not None


@given(st.ip_addresses(network="2600::/12"))
def test_what_registries_give_out_is_let_through(address: ipaddress.IPv6Address) -> None:
    assert danger_of(address) is None


def test_metadata_is_metadata_wherever_it_lies() -> None:
    assert {danger_of(address) for address in METADATA} == {"metadata"}
