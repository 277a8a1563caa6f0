"""The configuration while it is being read: checked values so far, and everything that was wrong."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from engine.config import check
from engine.config.keys import KEYS, PATH_KEYS, PATH_SECTIONS, SECTIONS, Key
from engine.config.patterns import problem_with
from engine.config.tree import Config, PathTable

MAX_PATTERNS: Final = 256
"""Rules are held for every overlapping pair of patterns, and each new stream is matched with all of them."""


class Draft:
    """Takes values in any order, later ones over earlier ones, and never raises: mistakes are collected."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._sections: dict[str, dict[str, object]] = {}
        self._tables: dict[str, dict[str, object]] = {}

    def take_document(self, document: Mapping[str, object]) -> None:
        """Take a parsed TOML file."""
        for name, content in document.items():
            if name == "paths":
                self.take_paths(content)
            elif name not in SECTIONS:
                self.problems.append(check.unknown("top level", name, [*SECTIONS, "paths"]))
            elif isinstance(content, dict):
                self._take_section(name, content)
            else:
                self.problems.append(f"{name}: this is a section; write [{name}] and its keys below")

    def take(self, key: Key, where: str, value: object, *, strict: bool = True) -> None:
        """Take one value of a section, written under the name `where`."""
        self._store(self._sections.setdefault(key.section, {}), key.name, key, where, value, strict=strict)

    def take_paths(self, content: object, source: str = "paths") -> None:
        """Take the tables below `paths`."""
        if not isinstance(content, dict):
            self.problems.append(f'{source}: this holds tables; write [paths."live/*"] and its keys below')
            return
        for pattern, table in content.items():
            self._take_table(f'{source}."{check.printable(pattern)}"', pattern, table)
        if len(self._tables) > MAX_PATTERNS:
            self.problems.append(f"{source}: more than {MAX_PATTERNS} patterns; use at most that many")

    def build(self) -> Config:
        """Make the tree out of what was taken. Only to be called when there are no problems."""
        empty = Config()
        sections = {name: replace(getattr(empty, name), **given) for name, given in self._sections.items()}
        tables = {name: replace(PathTable(), **given) for name, given in self._tables.items()}
        return replace(empty, **sections, paths=tables)

    def _take_section(self, section: str, content: Mapping[str, object]) -> None:
        for name, value in content.items():
            key = KEYS.get(f"{section}.{name}")
            if key is None:
                known = [k.name for k in KEYS.values() if k.section == section]
                self.problems.append(check.unknown(f"[{section}]", name, known))
            else:
                self.take(key, key.dotted, value)

    def _take_table(self, where: str, pattern: str, table: object) -> None:
        problem = problem_with(pattern)
        if problem is not None:
            self.problems.append(f"{where}: not a pattern; {problem}")
        elif not isinstance(table, dict):
            self.problems.append(f'{where}: this is a table; write [paths."{pattern}"] and its keys below')
        else:
            self._take_path_keys(where, self._tables.setdefault(pattern, {}), table)

    def _take_path_keys(self, where: str, into: dict[str, object], table: Mapping[str, object]) -> None:
        """Take keys of the table itself, and keys grouped in sub-tables named like their section."""
        for name, value in table.items():
            if name in PATH_SECTIONS and isinstance(value, dict):
                for inner, inner_value in value.items():
                    self._take_path_key(f"{where}.{name}", name, into, inner, inner_value)
            else:
                self._take_path_key(where, None, into, name, value)

    def _take_path_key(
        self, where: str, section: str | None, into: dict[str, object], name: str, value: object
    ) -> None:
        key = PATH_KEYS.get(name) if section is None else KEYS.get(f"{section}.{name}")
        if key is not None and key.per_path:
            self._store(into, key.path_name, key, f"{where}.{name}", value, strict=True)
        elif homes := [k.section for k in _fixed_keys(name) if section in (None, k.section)]:
            belongs = " or ".join(f"[{home}]" for home in homes)
            self.problems.append(
                f"{where}.{name}: this cannot differ between streams; it belongs in {belongs}"
            )
        else:
            known = [k.name for k in PATH_KEYS.values() if k.section == section] or [*PATH_KEYS]
            self.problems.append(check.unknown(where, name, known))

    def _store(
        self, into: dict[str, object], name: str, key: Key, where: str, value: object, *, strict: bool
    ) -> None:
        try:
            into[name] = check.checked(key, where, value, strict=strict)
        except check.Refused as refused:
            self.problems.append(str(refused))


def _fixed_keys(name: str) -> Iterator[Key]:
    """Keys of that name that hold for all streams."""
    return (key for key in KEYS.values() if key.name == name and not key.per_path)
