"""Static keys, by what their holders are called. The file has their hashes, never the keys.

    [paths."live/*".publish_keys]
    studio = "sha256:4f0c..."
    guest = "sha256:9b1e... until 2026-12-31T18:00:00Z"

The hash is a plain SHA-256 without salt or rounds: `fanlight key new` makes keys of 160 random bits, which no
table holds and nobody tries out. A slow hash would cost each publisher its milliseconds and protect only keys
that somebody thought up himself.
"""

import hmac
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Self

from engine.config.instants import instant_text, parse_instant
from engine.config.secret import digest
from engine.config.tables import read_table

MAX_KEYS: Final = 64
"""Each key shown is compared with all of them, so that the time tells nothing: some 15 us per candidate."""

ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
"""What a key may be called: it stands in log lines, and nothing needs quoting there."""

_LINE: Final = re.compile(r"sha256:([0-9a-f]{64})(?: until (\S+))?", re.ASCII)


class StaticKey(NamedTuple):
    """One key as it is known here: SHA-256 of it, and from when on it opens nothing (seconds since 1970)."""

    id: str
    digest: bytes
    until_s: int | None


class KeyTable:
    """An immutable table of id -> hash line; each id and each key is in it once."""

    __slots__ = ("_keys",)

    ALLOWED: Final = (
        f'a table of at most {MAX_KEYS} keys, such as {{studio = "sha256:..."}};'
        " `fanlight key new` prints a line"
    )

    def __init__(self, keys: Iterable[StaticKey] = ()) -> None:
        self._keys = tuple(keys)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a table, or its text as it stands in the environment; ValueError says what is wrong."""
        table = read_table(value)
        if len(table) > MAX_KEYS:
            raise ValueError(f"more than {MAX_KEYS} keys")
        keys = [_key(number, name, line) for number, (name, line) in enumerate(table.items(), 1)]
        if len({key.digest for key in keys}) < len(keys):
            raise ValueError("the same key twice")
        return cls(keys)

    def find(self, candidates: Iterable[str]) -> StaticKey | None:
        """The key that one of the candidates is, whether expired or not. Constant time per candidate."""
        found: StaticKey | None = None
        for candidate in candidates:
            shown = digest(candidate)
            for key in self._keys:
                if hmac.compare_digest(key.digest, shown):
                    found = key
        return found

    def as_table(self) -> dict[str, str]:
        """What `parse` reads."""
        return {key.id: hash_line(key.digest, key.until_s) for key in self._keys}

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[StaticKey]:
        return iter(self._keys)

    def __eq__(self, other: object) -> bool:
        return self._keys == other._keys if isinstance(other, KeyTable) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._keys)

    def __repr__(self) -> str:
        return f"KeyTable({', '.join(key.id for key in self._keys)})"


def hash_line(of: bytes, until_s: int | None) -> str:
    """What stands in the configuration for a key with this SHA-256."""
    until = "" if until_s is None else f" until {instant_text(until_s)}"
    return f"sha256:{of.hex()}{until}"


def _key(number: int, name: str, line: object) -> StaticKey:
    # By number: an id that is none may be a key that was put on the wrong side.
    if not ID.fullmatch(name):
        raise ValueError(f"entry {number}: the name of a key is 1 to 64 of A-Z a-z 0-9 _ . -")
    form = _LINE.fullmatch(line) if isinstance(line, str) else None
    if form is None:
        raise ValueError(
            f'entry {number}: not a hash line, "sha256:" and 64 digits, or that "until" a moment'
        )
    try:
        until_s = None if form[2] is None else parse_instant(form[2])
    except ValueError as error:
        raise ValueError(f"entry {number}: {error}") from None
    return StaticKey(name, bytes.fromhex(form[1]), until_s)
