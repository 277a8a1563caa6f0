"""The host of a URL: an address, in whatever form it is written, or a name.

`http://2130706433/`, `http://0x7f.1/`, `http://017700000001/` and `http://127.1/` all reach 127.0.0.1,
because the C library's `inet_aton` has read numbers this way since 4.3BSD and browsers follow (WHATWG URL,
section 3.5). Whoever looks at texts only sees names there. So numbers are read here, all forms of them,
before anybody resolves anything; and what ends in a number and is no address is refused, as WHATWG has it,
instead of being handed to a resolver that may know still another form.
"""

import ipaddress
import re
from typing import Final

from engine.access.addresses import Address

MAX_NAME_CHARACTERS: Final = 253
"""RFC 1035 section 2.3.4: 255 octets on the wire."""

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_MAX_PARTS: Final = 4
_BITS: Final = 32
_MAX_DIGITS: Final = 64  # more than any that means something, and less than what Python is slow to read

Host = Address | str
"""A name is in lower case and without a dot at its end."""


class BadHost(ValueError):
    """The text is no host. The message says why, and repeats nothing of it."""


def parse_host(text: str) -> Host:
    """Read the host of a URL: brackets and all. Raises BadHost."""
    if text.startswith("["):
        return _parse_ipv6(text)
    if not text.isascii():
        # Full-width digits and dots become plain ones when a resolver prepares a name (RFC 5891, UTS 46).
        raise BadHost("the host has letters beyond ASCII; write the name as its registry does, in xn-- form")
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _parse_ipv4(labels)
    if len(name) > MAX_NAME_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        raise BadHost("the host is neither a name nor an address")
    return name


def host_text(host: Host) -> str:
    """The way back, in the one canonical form: what goes into a URL."""
    return f"[{host}]" if isinstance(host, ipaddress.IPv6Address) else str(host)


def _parse_ipv6(text: str) -> Address:
    try:
        if "%" in text or not text.endswith("]"):  # a zone is an interface of this machine: nowhere outside
            raise ValueError
        return ipaddress.IPv6Address(text[1:-1])
    except ValueError:
        raise BadHost("what stands in brackets is no IPv6 address") from None


def _parse_ipv4(labels: list[str]) -> Address:
    """One to four numbers; the last fills all the bytes that are left."""
    if len(labels) > _MAX_PARTS:
        raise BadHost("the host ends in a number and is no address")
    *first, last = map(_number, labels)
    left_bits = _BITS - 8 * len(first)
    if any(number > 0xFF for number in first) or last >= 1 << left_bits:
        raise BadHost("the host is an address with a number that is too large")
    value = last
    for position, number in enumerate(first):
        value |= number << (_BITS - 8 * (position + 1))
    return ipaddress.IPv4Address(value)


def _number(text: str) -> int:
    """Decimal, octal with a leading 0, hexadecimal with 0x (of which nothing is 0)."""
    if len(text) > _MAX_DIGITS:
        raise BadHost("the host is an address with a number that is too long")
    try:
        if text.startswith("0x"):
            return int(text[2:] or "0", 16)
        return int(text, 8 if text.startswith("0") else 10)
    except ValueError:
        raise BadHost("the host ends in a number and is no address") from None
