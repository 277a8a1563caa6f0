"""Room for questions: how many may be under way for whom.

Each set of addresses has room of its own, and in it publishing has its own again. Players are anonymous, and
anybody can send a thousand of them; what they fill must be theirs alone, or they keep publishers out, about
whom the policy says no where nobody is asked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from engine.hooks.settings import Kind

MAX_QUESTIONS: Final = 256
"""Of one kind under way for the same addresses; further ones the policy answers at once. A hundred a second
of a service that takes 2 s. There are as many such rooms as different addresses in the configuration."""


class Pots:
    """Questions under way, counted."""

    def __init__(self) -> None:
        self._under_way: Counter[tuple[Kind, Sequence[str]]] = Counter()

    def has_room(self, kind: Kind, urls: tuple[str, ...]) -> bool:
        """Whether one more may be asked."""
        return self._under_way[kind, urls] < MAX_QUESTIONS

    @contextmanager
    def one_more(self, kind: Kind, urls: tuple[str, ...]) -> Iterator[None]:
        """It is asked in here."""
        self._under_way[kind, urls] += 1
        try:
            yield
        finally:
            self._under_way[kind, urls] -= 1
            if not self._under_way[kind, urls]:
                del self._under_way[kind, urls]
