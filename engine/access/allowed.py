"""What the operator allows beyond public addresses: `[outgoing] allow`.

Two kinds of entries. An address or a network opens what lies in it, by any name. A name opens whatever
private, shared or loopback address it resolves to: its owner is somebody the operator trusts, and addresses
inside a cluster change. But no name opens the addresses that are nobody's service, metadata above all: these
need to be written as what they are.
"""

import ipaddress
import tomllib
from collections.abc import Iterable
from typing import Final, Self

from engine.access.addresses import Address, Danger, Network, danger_of, plain
from engine.access.hosts import BadHost, Host, parse_host

MAX_ENTRIES: Final = 256
"""They are looked through for each new connection."""

EXAMPLE: Final = '["127.0.0.1/32", "hooks.example.com"]'

OPENED_BY_NAME: Final[frozenset[Danger]] = frozenset({"loopback", "private", "shared"})


class AllowList:
    """An immutable list of networks and names."""

    __slots__ = ("_entries", "_names", "_networks")

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._entries = tuple(entries)
        read = [_entry(entry) for entry in self._entries]
        self._names = frozenset(entry for entry in read if isinstance(entry, str))
        self._networks = tuple(entry for entry in read if not isinstance(entry, str))

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a list, or its text as it stands in the environment; ValueError says what is wrong."""
        entries = _list(value) if isinstance(value, str) else value
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise ValueError("not a list of texts")
        if len(entries) > MAX_ENTRIES:
            raise ValueError(f"more than {MAX_ENTRIES} entries")
        return cls(entries)

    def danger(self, host: Host, address: Address) -> Danger | None:
        """Why nobody may connect to `address` for the sake of `host`; None if that is allowed."""
        danger = danger_of(address)
        if danger is None or self._has(address):
            return None
        return None if host in self._names and danger in OPENED_BY_NAME else danger

    def as_table(self) -> list[str]:
        """What `parse` reads."""
        return list(self._entries)

    def _has(self, address: Address) -> bool:
        forms = {address, plain(address)}
        return any(form in network for network in self._networks for form in forms)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return self._entries == other._entries if isinstance(other, AllowList) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._entries)

    def __repr__(self) -> str:
        return f"AllowList({list(self._entries)!r})"


def _entry(text: str) -> Network | str:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        if "/" in text:
            raise ValueError(f"a network that is none ({error})") from None
    try:
        name = parse_host(text)
    except BadHost as error:
        raise ValueError(str(error)) from None
    if not isinstance(name, str):  # in one of the odd forms: an operator who writes that has slipped
        raise ValueError("an address is written as four numbers, or as IPv6 without brackets")
    return name


def _list(text: str) -> object:
    try:
        document = tomllib.loads(f"allow = {text}")
    except (ValueError, RecursionError):
        document = {}
    if document.keys() != {"allow"}:
        raise ValueError("not a TOML list")
    return document["allow"]
