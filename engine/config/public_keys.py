"""Public keys of those who issue tokens, in PEM, by key id.

    [access.jwt_public_keys]
    issuer = '''
    -----BEGIN PUBLIC KEY-----
    ...
    -----END PUBLIC KEY-----'''

In the file itself and not beside it: a public key is five lines and no secret, so that reading the
configuration stays reading one text. Whether it is a key of the right kind is found out where tokens are
read.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Self

from engine.config.key_table import ID
from engine.config.tables import read_table

MAX_PUBLIC_KEYS: Final = 16
MAX_PEM_CHARACTERS: Final = 4096
"""RSA of 16,384 bits has 2,900."""

_PEM: Final = re.compile(
    r"\s*-----BEGIN PUBLIC KEY-----\s[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*", re.ASCII
)


class PublicKeys:
    """An immutable table of id -> PEM."""

    __slots__ = ("_keys",)

    ALLOWED: Final = f"a table of at most {MAX_PUBLIC_KEYS} public keys in PEM, by key id"

    def __init__(self, keys: Mapping[str, str] = MappingProxyType({})) -> None:
        self._keys = dict(keys)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a table, or its text as it stands in the environment; ValueError says what is wrong."""
        table = read_table(value)
        if len(table) > MAX_PUBLIC_KEYS:
            raise ValueError(f"more than {MAX_PUBLIC_KEYS} keys")
        return cls(dict(_entry(number, *item) for number, item in enumerate(table.items(), 1)))

    def items(self) -> Iterator[tuple[str, str]]:
        """(id, PEM)."""
        return iter(self._keys.items())

    def as_table(self) -> dict[str, str]:
        """What `parse` reads."""
        return dict(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __eq__(self, other: object) -> bool:
        return self._keys == other._keys if isinstance(other, PublicKeys) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._keys.items()))

    def __repr__(self) -> str:
        return f"PublicKeys({', '.join(self._keys)})"


def _entry(number: int, key_id: str, pem: object) -> tuple[str, str]:
    if not ID.fullmatch(key_id):
        raise ValueError(f"entry {number}: the id of a key is 1 to 64 of A-Z a-z 0-9 _ . -")
    if not isinstance(pem, str) or len(pem) > MAX_PEM_CHARACTERS or not _PEM.fullmatch(pem):
        raise ValueError(f"entry {number}: not a public key in PEM, -----BEGIN PUBLIC KEY-----")
    return key_id, pem.strip()
