"""The cookie that makes a caller prove its address before anything is remembered about it.

The induction's answer carries a number that only this listener can compute, from the caller's address, a
secret and the time; the conclusion must bring it back (draft-sharabayko-srt section 4.3.1.1). So an
induction costs us one hash and no memory, and a conclusion from a forged address fails here.

libsrt and gosrt take an MD5 of address, secret and minute. This is an HMAC-SHA256, cut to the field's 32
bits: a guess is right once in two billion, and two windows are valid at any time.
"""

import hmac
from typing import Final, NamedTuple

WINDOW_SHIFT: Final = 26
"""A window is 2^26 microseconds, 67 s. This one and the last are valid, so a caller has at least 67 s; libsrt
does the same with minutes."""


class Peer(NamedTuple):
    """A UDP address, as a socket gives it: the first two parts of what `recvfrom` says."""

    host: str
    port: int


def bake(secret: bytes, peer: Peer, now_us: int) -> int:
    """The cookie for this address now, never 0, which means "none" in an induction."""
    return _cookie(secret, peer, now_us >> WINDOW_SHIFT)


def is_ours(cookie: int, secret: bytes, peer: Peer, now_us: int) -> bool:
    """Whether this listener gave this cookie to this address in the last 67 s, or up to twice that."""
    window = now_us >> WINDOW_SHIFT
    return cookie in (_cookie(secret, peer, window), _cookie(secret, peer, window - 1))


def _cookie(secret: bytes, peer: Peer, window: int) -> int:
    digest = hmac.digest(secret, f"srt {peer.host} {peer.port} {window}".encode(), "sha256")
    return int.from_bytes(digest[:4], "big") or 1
