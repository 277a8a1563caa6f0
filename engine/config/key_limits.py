"""What the holders of single keys may publish, by what their keys are called.

    [limits.key_limits.guest]
    max_bitrate_bps = 3_000_000
    max_session_s = 3600

They hold beside the limits of the stream's path, not instead of them. A key is called what the log calls it:
the name of a static key, the key id that a link was signed with, the subject of a token.
"""

import re
from collections.abc import Iterator
from typing import Final, Self

import msgspec
from msgspec.structs import asdict

from engine.config.media_limits import NO_LIMITS, MediaLimits
from engine.config.tables import Table, read_table

MAX_KEYS: Final = 64
"""As many as a table of keys has. With 100 bytes each they fit into the packet in which workers hear of a
reload, a few such tables as well."""

ID: Final = re.compile(r"[A-Za-z0-9_.@:|-]{1,64}", re.ASCII)
"""As the subject of a token may be; names of keys, and ids of those that sign links, are narrower."""


class KeyLimits(Table[str, MediaLimits]):
    """An immutable table of id -> limits."""

    __slots__ = ()

    ALLOWED: Final = (
        f"a table of at most {MAX_KEYS} keys by name, with limits each, such as"
        " {guest = {max_bitrate_bps = 3000000}}"
    )

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a table, or its text as it stands in the environment; ValueError says what is wrong."""
        table = read_table(value)
        if len(table) > MAX_KEYS:
            raise ValueError(f"more than {MAX_KEYS} keys")
        return cls(
            dict(_entry(number, name, limits) for number, (name, limits) in enumerate(table.items(), 1))
        )

    def of(self, key_id: str) -> MediaLimits:
        """The limits of whoever came with that key; none for others, and for who came without."""
        return self._entries.get(key_id, NO_LIMITS)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def as_table(self) -> dict[str, dict[str, object]]:
        """What `parse` reads: of each key what limits it, as the whole has to fit into a packet."""
        return {name: _limiting(limits) for name, limits in self._entries.items()}


def _limiting(limits: MediaLimits) -> dict[str, object]:
    unlimited = asdict(NO_LIMITS)
    return {field: value for field, value in asdict(limits).items() if value != unlimited[field]}


def _entry(number: int, name: str, limits: object) -> tuple[str, MediaLimits]:
    # By number, as in tables of keys: what is no name may be a key.
    if not ID.fullmatch(name):
        raise ValueError(f"entry {number}: the name of a key is 1 to 64 of A-Z a-z 0-9 _ . @ : | -")
    try:
        return name, msgspec.convert(limits, MediaLimits)
    except msgspec.ValidationError as error:
        raise ValueError(f"{name}: {error}") from None
