"""Passphrases by key: who shows which key encrypts with which passphrase.

    [srt.passphrases]
    "key of the van" = "passphrase of the van"

Both halves are secrets. Nothing that formats such a table, or complains about one, repeats either of them.
"""

import hmac
import tomllib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Self

from engine.config.secret import Passphrase, Secret, digest

MAX_PASSPHRASES: Final = 64
"""Each one shown is compared with all of them, so that the time tells nothing: some 20 us per candidate."""

EXAMPLE: Final = '{"key" = "passphrase"}'


class Passphrases:
    """An immutable table of key -> passphrase; neither is ever empty, and each key is in it once."""

    __slots__ = ("_by_digest", "_table")

    def __init__(self, table: Mapping[str, str] = MappingProxyType({})) -> None:
        """Raise ValueError for entries that cannot be; it says which by number, since the key is a secret."""
        if len(table) > MAX_PASSPHRASES:
            raise ValueError(f"more than {MAX_PASSPHRASES} keys")
        entries = [_entry(number, key, text) for number, (key, text) in enumerate(table.items(), 1)]
        self._table = {key.reveal(): passphrase for key, passphrase in entries}
        self._by_digest = [(digest(key.reveal()), passphrase) for key, passphrase in entries]

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a table, or its text as it stands in the environment; ValueError says what is wrong."""
        table = _table(value) if isinstance(value, str) else value
        if not isinstance(table, Mapping):
            raise ValueError("not a table")
        return cls(table)

    def find(self, candidates: Iterable[str]) -> Passphrase | None:
        """The passphrase of the first candidate that is a key. Compares in constant time per candidate."""
        found: Passphrase | None = None
        for candidate in candidates:
            shown = digest(candidate)
            for key, passphrase in self._by_digest:
                if hmac.compare_digest(key, shown) and found is None:
                    found = passphrase
        return found

    def as_table(self) -> dict[str, str]:
        """What `parse` reads: for the encoder that hands the configuration to our own workers."""
        return {key: passphrase.reveal() for key, passphrase in self._table.items()}

    def __len__(self) -> int:
        return len(self._table)

    def __eq__(self, other: object) -> bool:
        return self._table == other._table if isinstance(other, Passphrases) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._table.items()))

    def __repr__(self) -> str:
        return f"Passphrases({len(self)} of ***)"

    __str__ = __repr__


def _table(text: str) -> object:
    try:
        document = tomllib.loads(f"passphrases = {text}")
    except (ValueError, RecursionError):
        document = {}
    if document.keys() != {"passphrases"}:
        raise ValueError("not a TOML inline table")
    return document["passphrases"]


def _entry(number: int, key: object, text: object) -> tuple[Secret, Passphrase]:
    if not isinstance(key, str) or not isinstance(text, str):
        raise ValueError(f"entry {number}: a passphrase is a text")
    try:
        if not key or not text:
            raise ValueError("neither a key nor its passphrase may be empty")
        return Secret(key), Passphrase(text)
    except ValueError as error:
        raise ValueError(f"entry {number}: {error}") from None
