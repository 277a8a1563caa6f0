"""Boxes (ISO 14496-12 §4.2): length u32, kind, content."""

from struct import Struct
from typing import Final

_HEAD: Final = Struct(">I4s")
_FULL_HEAD: Final = Struct(">I4sI")


def box(kind: bytes, *content: bytes) -> bytes:
    """Return a box with these pieces as its content."""
    data = b"".join(content)
    return _HEAD.pack(_HEAD.size + len(data), kind) + data


def full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    """Return a box whose content begins with version u8 and flags u24."""
    data = b"".join(content)
    return _FULL_HEAD.pack(_FULL_HEAD.size + len(data), kind, version << 24 | flags) + data
