"""What one address may have: connections at once, and connections begun in a second.

An address is an IPv4 address, or the first 64 bits of an IPv6 one: a household or a rented server gets such a
network whole (RFC 6177), and has 2^64 addresses in it to come from. IPv4 in IPv6's clothes counts as IPv4.

The table is bounded. Addresses with a connection are as many as connections, which others bound; of those
without one the latest `MAX_IDLE` are remembered, for their rate alone. A flood from more addresses than that
makes the oldest forgotten, and so only gives back what had nearly been earned back already.

Why no table in shared memory, so that workers count together: it would have many writers, at each accept, for
a limit that is an estimate anyway. The kernel deals connections out among the workers by a hash, so each of
them holds its share (`share_of`) and the sum is right within a few per cent.
"""

import math
from collections import OrderedDict
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal

from msgspec import Struct

MAX_IDLE: Final = 16_384
"""Addresses remembered that have no connection now, some 200 bytes each."""

BURST_S: Final = 2.0
"""So many seconds' worth of beginnings may come at once: a page that opens six connections, an office after
its network was away."""

SPREAD: Final = 2.0
"""Standard deviations of chance that a worker's share has room for: one honest address in forty, at its very
limit, would be refused by one of the workers a little early."""

IPV6_BITS: Final = 64

TELL_AGAIN_S: Final = 60.0
"""How long an address goes on being refused in silence after that was told."""

Network = IPv4Network | IPv6Network
Refusal = Literal["", "address_connections", "address_rate"]


class AddressLimits(Struct, frozen=True, kw_only=True):
    """What one address may have in one worker; 0 is no limit."""

    max_connections: int = 0
    max_handshakes_per_s: float = 0.0


class _Entry:
    """One address: connections now, and beginnings not yet earned back as of a moment."""

    __slots__ = ("at_s", "began", "key", "open", "told_s")

    def __init__(self, key: str) -> None:
        self.key = key
        self.open = 0
        self.began = 0.0
        self.at_s = 0.0
        self.told_s = -math.inf

    def is_news(self, now_s: float) -> bool:
        """Whether its being refused has not been told lately."""
        if now_s - self.told_s < TELL_AGAIN_S:
            return False
        self.told_s = now_s
        return True


class Visit:
    """One connection that has asked. `refused` is empty, or says why it must go; `news` if the log should
    hear of it.
    """

    __slots__ = ("_entry", "news", "refused")

    def __init__(self, refused: str = "", entry: _Entry | None = None, *, news: bool = False) -> None:
        self.refused = refused
        self.news = news
        self._entry = entry

    def take_entry(self) -> _Entry | None:
        """The entry that counts this visit; once."""
        entry, self._entry = self._entry, None
        return entry


class AddressBook:
    """Who is here and who has come lately. `limits` and `exempt` may be replaced."""

    def __init__(self, limits: AddressLimits, exempt: tuple[Network, ...] = ()) -> None:
        self.limits = limits
        self.exempt = exempt
        self._active: dict[str, _Entry] = {}
        self._idle: OrderedDict[str, _Entry] = OrderedDict()  # who left first is forgotten first

    def __len__(self) -> int:
        return len(self._active) + len(self._idle)

    def enter(self, host: str, now_s: float) -> Visit:
        """A connection from `host` has begun: count it, or refuse it. Each that is let in must `leave`.

        A host that is no address (a Unix socket's) has no limit. now_s: a clock that never goes back.
        """
        address = address_of(host)
        if address is None or self._is_exempt(address):
            return Visit()
        key = key_of(address)
        entry = self._active.get(key) or self._idle.pop(key, None) or _Entry(key)
        refused = self._judge(entry, now_s)
        if not refused:
            entry.open += 1
            entry.began += 1
        self._keep(entry)
        if refused:
            return Visit(refused, news=entry.is_news(now_s))
        return Visit(entry=entry)

    def leave(self, visit: Visit) -> None:
        """The connection is over. Harmless for one that was refused, and the second time."""
        entry = visit.take_entry()
        if entry is not None:
            entry.open -= 1
            self._keep(entry)

    def _judge(self, entry: _Entry, now_s: float) -> Refusal:
        limits, rate = self.limits, self.limits.max_handshakes_per_s
        entry.began = max(0.0, entry.began - rate * max(0.0, now_s - entry.at_s))
        entry.at_s = max(entry.at_s, now_s)
        if 0 < limits.max_connections <= entry.open:
            return "address_connections"
        if rate and entry.began + 1 > max(1.0, rate * BURST_S):
            return "address_rate"
        return ""

    def _keep(self, entry: _Entry) -> None:
        if entry.open:
            self._active[entry.key] = entry
            return
        self._active.pop(entry.key, None)
        self._idle[entry.key] = entry
        if len(self._idle) > MAX_IDLE:
            self._idle.popitem(last=False)

    def _is_exempt(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self.exempt)


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The address in "192.0.2.1", "[2001:db8::1]" or "fe80::1%eth0"; None where there is none."""
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def key_of(address: IPv4Address | IPv6Address) -> str:
    """What addresses of one household have in common."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), IPV6_BITS), strict=False))


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks divided by commas; an address is a network of its own. Raises ValueError with a sentence."""
    found: list[Network] = []
    for word in filter(None, text.split(",")):
        try:
            found.append(ip_network(word))
        except ValueError:
            raise ValueError(f'"{word}" is not a network') from None
    return tuple(found)


def share_of(limit: int, workers: int) -> int:
    """What each of so many workers may let in, so that together they let in `limit`; 0 stays no limit."""
    if not limit or workers == 1:
        return limit
    mean = limit / workers
    return math.ceil(mean + SPREAD * math.sqrt(mean * (1 - 1 / workers)))
