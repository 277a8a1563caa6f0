"""Passphrases by key: who shows which key encrypts with which passphrase.

    [srt.passphrases]
    "key of the van" = "passphrase of the van"

Both halves are secrets. Nothing that formats such a table, or complains about one, repeats either of them.
"""

import hmac
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Self, cast

from engine.config.secret import Passphrase, Secret, digest
from engine.config.tables import Table, read_table

MAX_PASSPHRASES: Final = 64
"""Each one shown is compared with all of them, so that the time tells nothing: some 20 us per candidate."""

EXAMPLE: Final = '{"key" = "passphrase"}'


class Passphrases(Table[str, Passphrase]):
    """An immutable table of key -> passphrase; neither is ever empty, and each key is in it once."""

    __slots__ = ("_by_digest",)

    def __init__(self, table: Mapping[str, str] = MappingProxyType({})) -> None:
        """Raise ValueError for entries that cannot be; it says which by number, since the key is a secret."""
        if len(table) > MAX_PASSPHRASES:
            raise ValueError(f"more than {MAX_PASSPHRASES} keys")
        entries = [_entry(number, key, text) for number, (key, text) in enumerate(table.items(), 1)]
        super().__init__({key.reveal(): passphrase for key, passphrase in entries})
        self._by_digest = [(digest(key.reveal()), passphrase) for key, passphrase in entries]

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a table, or its text as it stands in the environment; ValueError says what is wrong."""
        return cls(cast("Mapping[str, str]", read_table(value)))  # each entry is looked at there

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
        return {key: passphrase.reveal() for key, passphrase in self._entries.items()}

    def __repr__(self) -> str:
        return f"Passphrases({len(self)} of ***)"

    __str__ = __repr__


def _entry(number: int, key: object, text: object) -> tuple[Secret, Passphrase]:
    if not isinstance(key, str) or not isinstance(text, str):
        raise ValueError(f"entry {number}: a passphrase is a text")
    try:
        if not key or not text:
            raise ValueError("neither a key nor its passphrase may be empty")
        return Secret(key), Passphrase(text)
    except ValueError as error:
        raise ValueError(f"entry {number}: {error}") from None
