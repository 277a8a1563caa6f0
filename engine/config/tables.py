"""Values that are tables, with entries that the operator names: what they have in common.

In a file such a value is a TOML table; in an environment variable, the text of an inline one.
"""

import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """An immutable table: equal to another with the same entries, in whatever order they were written."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[K, V] = MappingProxyType({})) -> None:
        self._entries = dict(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return self._entries == other._entries if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._entries!r})"


def read_table(value: object) -> Mapping[str, object]:
    """The table that stands in a file, or as a text in the environment; ValueError says what is wrong."""
    table = _read_text(value) if isinstance(value, str) else value
    if not isinstance(table, Mapping):
        raise ValueError("not a table")
    return table


def _read_text(text: str) -> object:
    try:
        document = tomllib.loads(f"table = {text}")
    except (ValueError, RecursionError):
        document = {}
    if document.keys() != {"table"}:
        raise ValueError("not a TOML inline table")
    return document["table"]
