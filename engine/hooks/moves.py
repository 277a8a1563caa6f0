"""What becomes of events that wait for an address which the configuration does not have any more.

Who corrects an address puts another in its place, and what waits for the first goes to that one. Who takes a
service away, on purpose, does not want its events at another service: so an address that anything was
configured to call before is nobody's heir, and neither is any where there are more or fewer than before.

    "https://a/"             "https://a.example/"     they go there
    "https://a/ https://b/"  "https://c/ https://b/"  those for a go to c
    "https://a/ https://b/"  "https://b/"             those for a are removed
    "https://a/"             "https://b/", known      those for a are removed
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from engine.config import Config, for_path
from engine.config.hook_urls import HookUrls
from engine.config.tree import Hooks, PathTable
from engine.hooks.records import Moved, Queued, in_parts
from engine.hooks.settings import urls_for


class Moves(NamedTuple):
    """Events with the address that they go to now; and how many have none, by the address they had."""

    moved: list[Queued]
    homeless: Counter[str]


def are_alike(old: Config, new: Config) -> bool:
    """Whether hooks are the same for every path, so that nothing can move."""
    return old.hooks == new.hooks and old.paths == new.paths


class Heirs:
    """Where events go after one change of the configuration. What patterns say of a path is kept: it takes a
    tenth of a millisecond where there are a hundred, and many events may wait."""

    def __init__(self, old: Config, new: Config) -> None:
        self._old = old
        self._new = new
        self._known = addresses_in(old)
        self._hooks: dict[str, tuple[Hooks, Hooks]] = {}

    def of(self, event: Queued) -> str | None:
        """The event's address from now on; None if it has none."""
        before, now = self._hooks_of(event.path or event.stream)
        action = event.action
        return _heir(event.url, urls_for(before, action), urls_for(now, action), self._known)

    def _hooks_of(self, path: str) -> tuple[Hooks, Hooks]:
        found = self._hooks.get(path)
        if found is None:
            now = for_path(self._new, path).hooks
            before = now if self._old is self._new else for_path(self._old, path).hooks
            found = self._hooks[path] = (before, now)
        return found


def moves_of(waiting: Iterable[Queued], heirs: Heirs) -> Moves:
    """Look at events that wait; those whose address has stayed are in neither."""
    moves = Moves([], Counter())
    for event in waiting:
        heir = heirs.of(event)
        if heir is None:
            moves.homeless[event.url] += 1
        elif heir != event.url:
            moves.moved.append(replace(event, url=heir))
    return moves


def records_of(moved: Iterable[Queued]) -> Iterator[Moved]:
    """What is appended of it."""
    numbers: dict[str, list[int]] = {}
    for event in moved:
        numbers.setdefault(event.url, []).append(event.number)
    for url, all_of_it in numbers.items():
        for part in in_parts(all_of_it):
            yield Moved(part, url)


def addresses_in(config: Config) -> set[str]:
    """All that any stream may have hooks at."""
    sections: list[Hooks | PathTable] = [config.hooks, *config.paths.values()]
    return {url for section in sections for url in _urls_in(section)}


def _urls_in(section: Hooks | PathTable) -> Iterator[str]:
    for name in section.__struct_fields__:
        value = getattr(section, name)
        if isinstance(value, HookUrls):
            yield from value.urls


def _heir(url: str, before: Sequence[str], now: Sequence[str], known: set[str]) -> str | None:
    if url in now:
        return url
    if url not in before or len(before) != len(now):
        return None
    heir = now[before.index(url)]
    return heir if heir not in known else None
