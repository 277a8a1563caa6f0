"""Programmes: which streams are renditions of one and the same, for players to choose from.

    [hls.programmes]
    "live/final" = ["live/final_1080", "live/final_480", "live/final_audio"]

A stream may be a rendition of one programme only, because its media playlist, which is the same for all
players, says where the other renditions stand. A programme may be named as one of its own renditions: the
stream as its encoder sends it, beside smaller ones.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Self

from engine.config.names import read_stream_name
from engine.config.tables import Table, read_table

MAX_PROGRAMMES: Final = 256
"""Of four renditions each they are the streams of twenty engines at the default of fifty."""

MAX_RENDITIONS: Final = 16
"""Of one programme. Apple's widest ladder has a dozen; each playlist has a line for each of them."""

EXAMPLE: Final = '{"live/final" = ["live/final_1080", "live/final_480"]}'

MAX_CHARACTERS: Final = 32 * 1024
"""Of all names together: so many programmes of four renditions, at 25 characters a name."""

_NONE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


class Programmes(Table[str, tuple[str, ...]]):
    """An immutable table of programme -> its renditions, in the order in which players are told of them."""

    __slots__ = ("_programme_of",)

    def __init__(self, renditions: Mapping[str, tuple[str, ...]] = _NONE) -> None:
        super().__init__(renditions)
        self._programme_of = {name: one for one, names in renditions.items() for name in names}

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a table, or its text as it stands in the environment; ValueError says what is wrong."""
        table = read_table(value)
        if len(table) > MAX_PROGRAMMES:
            raise ValueError(f"more than {MAX_PROGRAMMES} programmes")
        entries = [(read_stream_name(name), _names(names)) for name, names in table.items()]
        _check(entries)
        return cls(dict(entries))

    def renditions(self, programme: str) -> tuple[str, ...]:
        """The streams of a programme; empty if there is none of that name."""
        return self._entries.get(programme, ())

    def programme_of(self, stream: str) -> str | None:
        """The programme that `stream` is a rendition of."""
        return self._programme_of.get(stream)

    def as_table(self) -> dict[str, list[str]]:
        """What `parse` reads."""
        return {programme: list(names) for programme, names in self._entries.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)


def _check(entries: list[tuple[str, tuple[str, ...]]]) -> None:
    """What must hold between the entries."""
    programmes = [programme for programme, _ in entries]
    streams = [name for _, names in entries for name in names]
    if sum(map(len, programmes + streams)) > MAX_CHARACTERS:
        raise ValueError(f"more than {MAX_CHARACTERS} characters of names")
    if len(set(programmes)) < len(programmes):
        raise ValueError("the same programme twice")
    if len(set(streams)) < len(streams):
        raise ValueError("the same rendition twice")
    for programme, names in entries:
        if any(name in programmes and name != programme for name in names):
            raise ValueError("a programme as a rendition of another one")


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("a programme is a list of streams")
    if not 1 <= len(value) <= MAX_RENDITIONS:
        raise ValueError(f"a programme has 1 to {MAX_RENDITIONS} renditions")
    return tuple(map(read_stream_name, value))
