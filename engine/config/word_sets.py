"""Sets of words out of a few known ones: a list in the file, or the words with commas in the environment."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Self

from engine.config.inline import words_of


class WordSet:
    """An immutable set, in the order of `KNOWN`."""

    __slots__ = ("_words",)

    KNOWN: ClassVar[tuple[str, ...]]

    def __init__(self, *words: str) -> None:
        self._words = tuple(word for word in self.KNOWN if word in words)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a list or its text; ValueError says what is wrong."""
        words = words_of(value)
        if not all(word in cls.KNOWN for word in words):
            raise ValueError("not one of the known words")
        return cls(*words)

    def as_table(self) -> list[str]:
        """What `parse` reads."""
        return list(self._words)

    def __contains__(self, word: object) -> bool:
        return word in self._words

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)

    def __eq__(self, other: object) -> bool:
        return self._words == other._words if isinstance(other, WordSet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._words)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._words)})"


def choices(words: Iterable[str]) -> str:
    """What a key of such a type takes, in words."""
    return "a list of " + ", ".join(f'"{word}"' for word in words)


class Ways(WordSet):
    """The ways in: what whoever comes may show to be let in. One of them is enough.

        publish_access = ["key", "signature"]

    Empty: keys where there are any, else open. `hook` is the one that is asked besides: whoever the others
    let in is then judged by a callback; by itself it judges everybody.
    """

    __slots__ = ()

    KNOWN = ("open", "key", "signature", "jwt", "hook")
    ALLOWED: ClassVar[str] = choices(KNOWN)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a list or its text; ValueError says what is wrong."""
        ways = super().parse(value)
        if "open" in ways and set(ways) - {"open", "hook"}:
            raise ValueError("what is open asks for nothing else")
        return ways


class ProxiedPorts(WordSet):
    """The ports where a trusted proxy in front says whom it speaks for, before everything else."""

    __slots__ = ()

    KNOWN = ("rtmp", "rtmps", "http", "https")
    ALLOWED: ClassVar[str] = choices(KNOWN)
