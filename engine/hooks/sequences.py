"""The number of each stream's last event, for as many names as there is room for.

Strangers ask for names that nobody publishes, ten thousand of them if they like, and a service may be asked
about each. What they ask for must not push out the count of a stream that is there. So names go in this order
when there are too many, and in each group those first that were silent longest:

    1. names that were only asked for
    2. names that were on air
    never: names of open sessions and of events that wait, which others bound
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from engine.hooks.limits import MAX_SEQUENCES

SLACK: Final = MAX_SEQUENCES // 8
"""Names that go at a time: looking for them costs a look at all."""


class Sequences:
    """Counts by name.

    Args:
        is_in_use: whether a name has open sessions, or events that wait.
    """

    def __init__(self, is_in_use: Callable[[str], bool]) -> None:
        self._is_in_use = is_in_use
        self._asked_for: OrderedDict[str, int] = OrderedDict()
        self._on_air: OrderedDict[str, int] = OrderedDict()
        self._most = MAX_SEQUENCES

    def __len__(self) -> int:
        return len(self._asked_for) + len(self._on_air)

    def next(self, name: str) -> int:
        """The number of its next event."""
        number = self._group_of(name).get(name, 0) + 1
        self.note(name, number)
        return number

    def note(self, name: str, number: int) -> None:
        """It has had an event of this number."""
        group = self._group_of(name)
        group[name] = max(number, group.get(name, 0))
        group.move_to_end(name)
        if len(self) > self._most:
            self._make_room(name)

    def came_on_air(self, name: str) -> None:
        """It is a stream, and no invention."""
        if name not in self._on_air:
            self._on_air[name] = self._asked_for.pop(name, 0)

    def groups(self) -> Iterator[tuple[bool, list[tuple[str, int]]]]:
        """All there are, longest silent first: whether they were on air, and their numbers by name."""
        yield False, list(self._asked_for.items())
        yield True, list(self._on_air.items())

    def _group_of(self, name: str) -> OrderedDict[str, int]:
        return self._on_air if name in self._on_air else self._asked_for

    def _make_room(self, newest: str) -> None:
        """`newest` stays: what it is counted for will be noted in a moment."""
        for group in (self._asked_for, self._on_air):
            idle = [name for name in group if name != newest and not self._is_in_use(name)]
            for name in idle[: max(0, len(self) - (MAX_SEQUENCES - SLACK))]:
                del group[name]
        self._most = max(MAX_SEQUENCES, len(self) + SLACK)
