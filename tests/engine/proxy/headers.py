"""PROXY headers as a proxy writes them."""

import ipaddress
import struct
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

SIGNATURE: Final = bytes.fromhex("0D0A0D0A000D0A515549540A")
LOCAL: Final = SIGNATURE + b"\x20\x00\x00\x00"
UNKNOWN: Final = b"PROXY UNKNOWN\r\n"


def v1(source: Address, port: int, target: str = "192.0.2.254") -> bytes:
    """A line of version 1."""
    there = ipaddress.ip_address(target if source.version == 4 else "2001:db8::fe")
    return f"PROXY TCP{source.version} {source} {there} {port} 1935\r\n".encode()


def v2(source: Address, port: int, more: bytes = b"", *, command: int = 1) -> bytes:
    """A header of version 2; `more` are its TLVs."""
    there = ipaddress.ip_address("192.0.2.254" if source.version == 4 else "2001:db8::fe")
    body = source.packed + there.packed + struct.pack("!HH", port, 1935) + more
    family = 0x11 if source.version == 4 else 0x21
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(body)) + body
