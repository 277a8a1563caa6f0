"""Who really asks, where a proxy that we trust says so (X-Forwarded-For).

Each proxy adds the address it was asked from at the end of the field, so it is read from there: as long as
the one who speaks is trusted, the one before it is believed. What a client wrote at the beginning itself is
never come to, and from anybody whom we do not trust the field means nothing.
"""

from typing import Final

from engine.config.networks import Networks, address_of

MAX_HOPS: Final = 16
"""Proxies in a row. Two are usual, a CDN of several layers has four."""

NOBODY: Final = ""
"""An address that could not be read: in no list."""


def client_address(peer: str, forwarded: str, trusted: Networks) -> str:
    """The address of the client behind `peer`.

    forwarded: the field, several joined with commas. NOBODY where a proxy that we trust says what is no
    address ("unknown", "_hidden"): it would be wrong to let the client pass for the proxy.
    """
    if not forwarded or not trusted:
        return peer
    hops = forwarded.rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    client = peer
    while hops and trusted.has(address_of(client)):
        client = _without_port(hops.pop().strip())
        if address_of(client) is None:
            return NOBODY
    return client


def _without_port(hop: str) -> str:
    """Some write "192.0.2.7:4711" or "[2001:db8::1]:4711"."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
