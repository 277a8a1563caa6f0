"""What changes between two configurations, and how much of it can be had without a restart."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import asdict, replace

from engine.config.errors import ConfigError
from engine.config.keys import KEYS, Key
from engine.config.rules import check_rules
from engine.config.tree import Config, PathTable


class Reload(Struct, frozen=True):
    """Names of changed keys: `hot` apply at once, `restart` wait for the next start. Never values."""

    hot: tuple[str, ...]
    restart: tuple[str, ...]


def diff(old: Config, new: Config) -> Reload:
    """Compare two configurations key by key. Every key of a path table is hot."""
    changed = [key for key in KEYS.values() if _value(old, key) != _value(new, key)]
    hot = [key.dotted for key in changed if not key.restart]
    return Reload(
        hot=(*hot, *_changed_path_keys(old, new)),
        restart=tuple(key.dotted for key in changed if key.restart),
    )


def apply_hot(old: Config, new: Config) -> Config:
    """Return `new` with the keys that need a restart still as in `old`: what the running engine lives by.

    Raises ConfigError where new hot values do not go with the old fixed ones (a lag too large for
    the ring that stands); nothing is to be applied then.
    """
    mixed = new
    for key in KEYS.values():
        if key.restart:
            section = replace(getattr(mixed, key.section), **{key.name: _value(old, key)})
            mixed = replace(mixed, **{key.section: section})
    problems = check_rules(mixed)
    if problems:
        raise ConfigError(tuple(f"without a restart: {problem}" for problem in problems))
    return mixed


def _value(config: Config, key: Key) -> object:
    return getattr(getattr(config, key.section), key.name)


def _changed_path_keys(old: Config, new: Config) -> Iterator[str]:
    empty = PathTable()
    for pattern in sorted(old.paths.keys() | new.paths.keys()):
        before, after = (asdict(config.paths.get(pattern, empty)) for config in (old, new))
        yield from (f'paths."{pattern}".{name}' for name in before if before[name] != after[name])
