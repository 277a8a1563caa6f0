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
from engine.hooks.settings import Action, urls_for


class Moves(NamedTuple):
    """Events with the address that they go to now; and how many have none, by the address they had."""

    moved: list[Queued]
    homeless: Counter[str]


def moves_of(waiting: Iterable[Queued], old: Config, new: Config) -> Moves:
    """Look at all events that wait; those whose address has stayed are in neither."""
    heirs: dict[tuple[str, Action, str], str | None] = {}
    known = addresses_in(old)
    moves = Moves([], Counter())
    for event in waiting:
        path = event.path or event.stream
        key = (path, event.action, event.url)
        if key not in heirs:
            before, now = for_path(old, path).hooks, for_path(new, path).hooks
            heirs[key] = _heir(event.url, urls_for(before, event.action), urls_for(now, event.action), known)
        heir = heirs[key]
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
