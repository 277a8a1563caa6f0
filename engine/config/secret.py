"""Text that must not be seen: keys and passwords.

Red5 printed stream keys and shared secrets in its logs (Red5#482). A value of this type cannot get there by
accident: whatever formats it gets three stars. The one way out is `reveal`, which a reader can search for.
"""

import hashlib
import hmac
from typing import Final

MAX_SECRET_CHARACTERS: Final = 256
"""Longer than any key a person or a key generator makes, and small enough to travel in a query."""

MIN_PASSPHRASE_BYTES: Final = 10
MAX_PASSPHRASE_BYTES: Final = 79
"""Both are libsrt's (SRTO_PASSPHRASE): another length could be configured here and at no encoder."""


class Secret:
    """A secret text. Empty means that nothing is asked for; `bool(secret)` tells."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        """Raise ValueError where the text is too long or has characters that no client can type."""
        if len(text) > MAX_SECRET_CHARACTERS or not text.isprintable():
            raise ValueError(f"a secret is printable text of at most {MAX_SECRET_CHARACTERS} characters")
        self._text = text

    def matches(self, candidate: str) -> bool:
        """Compare in constant time; the digests hide the length too."""
        return hmac.compare_digest(digest(self._text), digest(candidate))

    def reveal(self) -> str:
        """The text itself: for the encoder that hands the configuration to our own workers."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self.matches(other._text) if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(digest(self._text))

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__


class Passphrase(Secret):
    """What both ends of an encrypted SRT connection derive its keys from; empty: not encrypted."""

    __slots__ = ()

    def __init__(self, text: str = "") -> None:
        """Raise ValueError for what libsrt would not take: it counts bytes, not characters."""
        super().__init__(text)
        if text and not MIN_PASSPHRASE_BYTES <= len(text.encode()) <= MAX_PASSPHRASE_BYTES:
            raise ValueError(f"a passphrase has {MIN_PASSPHRASE_BYTES} to {MAX_PASSPHRASE_BYTES} characters")


def digest(text: str) -> bytes:
    """What secrets are compared by."""
    # surrogatepass: a candidate comes from the network, and a lone surrogate must be "wrong", not a crash.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
