"""Who is behind a proxy: believed from those whom we trust, and from nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.forwarded import client_address
from engine.config.networks import Networks

TRUSTED = Networks.parse(["10.0.0.0/8", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),  # a stranger says what he likes
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # what the client wrote himself is before that
        ("10.0.0.1", "1.1.1.1, 198.51.100.1 , 10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("[2001:db8:1::5]", "2001:db8:9::1", "2001:db8:9::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8:9::1]:4711", "2001:db8:9::1"),
        ("10.0.0.1", "unknown", ""),
        ("10.0.0.1", "198.51.100.1,", ""),
    ],
)
def test_the_last_one_who_is_not_a_proxy_of_ours(peer: str, forwarded: str, client: str) -> None:
    assert client_address(peer, forwarded, TRUSTED) == client


def test_nobody_is_believed_where_nobody_is_trusted() -> None:
    assert client_address("127.0.0.1", "198.51.100.1", Networks()) == "127.0.0.1"


def test_a_long_chain_is_not_walked_to_its_end() -> None:
    assert client_address("10.0.0.1", "198.51.100.1" + ",10.0.0.1" * 10_000, TRUSTED) == "10.0.0.1"


@given(st.text(), st.text())
def test_nothing_that_is_said_raises(peer: str, forwarded: str) -> None:
    assert isinstance(client_address(peer, forwarded, TRUSTED), str)
