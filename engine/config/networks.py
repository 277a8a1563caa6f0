"""Lists of addresses and networks, looked through in a microsecond however long they are.

allow = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
"""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final, Self, TypeAlias

from engine.config.inline import words_of

MAX_NETWORKS: Final = 256
"""A list of every office of a large house. Longer ones belong into a firewall."""

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Networks:
    """An immutable list of networks.

    Held by length of prefix, so that a look costs as much as there are different lengths in it.
    """

    __slots__ = ("_by_prefix", "_networks")

    ALLOWED: Final = (
        f'a list of at most {MAX_NETWORKS} addresses and networks, such as ["10.0.0.0/8", "192.0.2.7"]'
    )

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)
        by_prefix: dict[tuple[int, int], set[int]] = {}
        for network in self._networks:
            shift = network.max_prefixlen - network.prefixlen
            by_prefix.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)
        self._by_prefix = tuple((*key, frozenset(heads)) for key, heads in by_prefix.items())

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a list, or its text with commas as it stands in the environment; ValueError says what is
        wrong.
        """
        words = words_of(value)
        if len(words) > MAX_NETWORKS:
            raise ValueError(f"more than {MAX_NETWORKS} networks")
        return cls(_network(number, word) for number, word in enumerate(words, 1))

    def has(self, address: Address | None) -> bool:
        """Whether the address is in one of them. None, what could not be read, is in none."""
        if address is None:
            return False
        number, version = int(address), address.version
        return any(version == one and number >> shift in heads for one, shift, heads in self._by_prefix)

    def as_table(self) -> list[str]:
        """What `parse` reads."""
        return [str(network) for network in self._networks]

    def __iter__(self) -> Iterator[Network]:
        return iter(self._networks)

    def __len__(self) -> int:
        return len(self._networks)

    def __eq__(self, other: object) -> bool:
        return self._networks == other._networks if isinstance(other, Networks) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._networks)

    def __repr__(self) -> str:
        return f"Networks({self.as_table()!r})"


def address_of(text: str) -> Address | None:
    """The address in "192.0.2.7", "[2001:db8::1]" or "fe80::1%eth0"; None for what is none.

    An IPv4 address in IPv6's clothes (::ffff:192.0.2.7), as sockets for both have it, is the IPv4 address:
    else every list would have to name both.
    """
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _network(number: int, word: str) -> Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        raise ValueError(
            f"entry {number}: not an address, nor a network whose address ends where its prefix does"
        ) from None
