"""Which addresses a request to the outside may go to, whoever wrote the URL.

An engine stands inside a network that strangers do not see, and its requests come from there. A URL that
names, or a name that resolves to, the machine itself, its neighbours or the cloud's metadata service would
make it their errand boy (server-side request forgery). So only public unicast addresses are safe; everything
else has a reason here, from the registries of IANA: iana-ipv4-special-registry and
iana-ipv6-special-registry.

Why not `ipaddress.is_global`: its tables differ from one Python to the next (3.11.10 changed a dozen
answers), it takes multicast for global, and it gives no reason. Tables of our own are short, and the tests
compare them with it.
"""

import ipaddress
from collections.abc import Iterable
from typing import Final, Literal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Danger = Literal[
    "unspecified",
    "loopback",
    "private",
    "shared",
    "link_local",
    "metadata",
    "multicast",
    "tunnel",
    "reserved",
]

METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Google Cloud, Azure, OpenStack, DigitalOcean
        "169.254.170.2",  # AWS ECS: credentials of the task
        "169.254.170.23",  # AWS EKS: credentials of the pod
        "fd00:ec2::254",  # AWS over IPv6
        "fd00:ec2::23",
        "fd20:ce::254",  # Google Cloud over IPv6
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure's WireServer, in the midst of public addresses
        "192.0.0.192",  # Oracle Cloud's older one
    )
)
"""Where clouds hand out credentials to whoever asks from inside."""

_ROWS_V4: Final[tuple[tuple[str, Danger], ...]] = (
    ("0.0.0.0/8", "unspecified"),  # RFC 1122: this network; Linux connects 0.0.0.0 to the machine itself
    ("10.0.0.0/8", "private"),  # RFC 1918
    ("100.64.0.0/10", "shared"),  # RFC 6598: behind a carrier's NAT
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link_local"),  # RFC 3927
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),  # RFC 6890: protocol assignments
    ("192.0.2.0/24", "reserved"),  # RFC 5737: documentation
    ("192.88.99.0/24", "tunnel"),  # RFC 7526: what was 6to4's relay
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "reserved"),  # RFC 2544: benchmarks
    ("198.51.100.0/24", "reserved"),
    ("203.0.113.0/24", "reserved"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),  # RFC 1112, with the broadcast address
)

GLOBAL_UNICAST_V6: Final = ipaddress.IPv6Network("2000::/3")
"""What IANA gives out (RFC 4291 section 2.4). What lies outside it and is not named below is reserved."""

_ROWS_V6: Final[tuple[tuple[str, Danger], ...]] = (
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("64:ff9b:1::/48", "private"),  # RFC 8215: a network's own NAT64
    ("2001::/32", "tunnel"),  # RFC 4380: Teredo, an IPv4 address in disguise
    ("2001::/23", "reserved"),  # RFC 2928: protocol assignments
    ("2001:db8::/32", "reserved"),  # RFC 3849: documentation
    ("2002::/16", "tunnel"),  # RFC 3056: 6to4, an IPv4 address in disguise
    ("3fff::/20", "reserved"),  # RFC 9637: documentation
    ("fc00::/7", "private"),  # RFC 4193
    ("fe80::/10", "link_local"),
    ("fec0::/10", "private"),  # RFC 3879: site-local, as old machines still use it
    ("ff00::/8", "multicast"),
)

DANGERS_V4: Final = tuple((ipaddress.IPv4Network(text), danger) for text, danger in _ROWS_V4)
DANGERS_V6: Final = tuple((ipaddress.IPv6Network(text), danger) for text, danger in _ROWS_V6)

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: how a network with IPv6 only reaches IPv4; DNS64 makes these, so the address inside counts."""

_LOW_32_BITS: Final = 0xFFFF_FFFF


def danger_of(address: Address) -> Danger | None:
    """Why a request must not go there; None for a public address."""
    address = plain(address)
    if address in METADATA:
        return "metadata"
    if isinstance(address, ipaddress.IPv4Address):
        return _first(DANGERS_V4, address)
    if address in NAT64:
        return danger_of(ipaddress.IPv4Address(int(address) & _LOW_32_BITS))
    return _first(DANGERS_V6, address) or (None if address in GLOBAL_UNICAST_V6 else "reserved")


def plain(address: Address) -> Address:
    """The IPv4 address in an IPv4-mapped one (RFC 4291 section 2.5.5.2), since it is this that the kernel
    connects to; any other as it is."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _first(
    table: Iterable[tuple[Network, Danger]], address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> Danger | None:
    return next((danger for network, danger in table if address in network), None)
