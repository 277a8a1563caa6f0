"""Who is kept out for a while: addresses, stream names, ids of keys. Pure; times of day are arguments.

An address is kept out of everything at the ports for media, a stream's name from being published, a key from
whatever streams it would open. A key goes by its id, which the log tells, and the API of each client: the
name of a static key, the key that a link was signed with (so all of its links go), or the subject of a token.
Keys of the API itself are not banned: whoever banned their own could not lift the ban.

Bans are few and looked up for every connection, so they are sorted once into tables: a look-up is one per
length of network that occurs, not one per ban.
"""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final, Literal

from msgspec import Struct

from engine.access.names import BadName, parse_stream_name
from engine.policy.addresses import address_of

BanKind = Literal["address", "stream", "key"]

MAX_BANS: Final = 4096
"""Half a megabyte as JSON. Who has to ban more has a firewall."""

MAX_KEY_CHARACTERS: Final = 128


class BadBan(ValueError):
    """What was to be banned cannot be; the text says why."""


class Ban(Struct, frozen=True, kw_only=True):
    """One ban. Times are seconds since 1970; `until_s` is None for ever."""

    id: str
    kind: BanKind
    value: str
    """As `parse_banned` gives it."""
    reason: str
    since_s: float
    until_s: float | None

    def holds(self, now_s: float) -> bool:
        return self.until_s is None or now_s < self.until_s


class BanTable:
    """Bans, made quick to look up. Those that are over stay in it, and count no more."""

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        self.bans = tuple(bans)
        self._networks: dict[tuple[int, int], dict[int, list[Ban]]] = {}  # (version, length) -> network
        self._names: dict[tuple[str, str], list[Ban]] = {}
        for ban in self.bans:
            self._file(ban)

    def of_address(self, host: str, now_s: float) -> Ban | None:
        """The ban of an address, or of a network that it is in."""
        address = address_of(host) if self._networks else None
        if address is None:
            return None
        number = int(address)
        for (version, length), networks in self._networks.items():
            if version == address.version:
                found = networks.get(number >> (address.max_prefixlen - length), ())
                if (ban := _first(found, now_s)) is not None:
                    return ban
        return None

    def of_stream(self, name: str, now_s: float) -> Ban | None:
        """The ban of a stream's name."""
        return _first(self._names.get(("stream", name), ()), now_s)

    def of_key(self, key_id: str, now_s: float) -> Ban | None:
        """The ban of a key, by its id; who came without one has the empty id, which nobody bans."""
        return _first(self._names.get(("key", key_id), ()), now_s)

    def of_publisher(self, host: str, name: str, key_id: str, now_s: float) -> Ban | None:
        """The ban of whoever would publish `name` from there, with that key."""
        return self.of_address(host, now_s) or self.of_stream(name, now_s) or self.of_key(key_id, now_s)

    def _file(self, ban: Ban) -> None:
        if ban.kind != "address":
            self._names.setdefault((ban.kind, ban.value), []).append(ban)
            return
        network = ip_network(ban.value)
        number = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        lengths = self._networks.setdefault((network.version, network.prefixlen), {})
        lengths.setdefault(number, []).append(ban)


def _first(bans: Iterable[Ban], now_s: float) -> Ban | None:
    return next((ban for ban in bans if ban.holds(now_s)), None)


def parse_banned(kind: BanKind, value: str) -> str:
    """What is to be banned, in its one form. Raises BadBan."""
    if kind == "address":
        return _network(value)
    if kind == "stream":
        try:
            return parse_stream_name(value)
        except BadName as error:
            raise BadBan(str(error)) from None
    if not (0 < len(value) <= MAX_KEY_CHARACTERS and value.isascii() and value.isprintable()):
        raise BadBan(f"an id of a key is 1 to {MAX_KEY_CHARACTERS} printable characters")
    return value


def _network(value: str) -> str:
    address = address_of(value)
    if address is not None:
        return str(ip_network(address))
    try:
        return str(ip_network(value))
    except ValueError:
        raise BadBan("an address or a network is wanted, such as 192.0.2.7 or 2001:db8::/64") from None
