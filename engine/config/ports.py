"""Ports that stand for a stream: for encoders that can be given an address, but no stream id.

    [srt.ports]
    10081 = "live/cam1"

Names go through the one door here, when the file is read, so that a bad one is the operator's mistake and
not a surprise of the first encoder.
"""

import tomllib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Self

from engine.access.names import BadName, parse_stream_name
from engine.config.listen import parse_port

MAX_PORTS: Final = 64
"""Each is a socket per fanout worker; whoever has more cameras has some that can send a stream id."""

EXAMPLE: Final = '{10081 = "live/cam1"}'


class StreamPorts:
    """An immutable table of port -> full stream name. Each port and each name is in it once."""

    __slots__ = ("_names",)

    def __init__(self, names: Mapping[int, str] = MappingProxyType({})) -> None:
        self._names = dict(names)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a table, or its text as it stands in the environment; ValueError says what is wrong."""
        table = _table(value) if isinstance(value, str) else value
        if not isinstance(table, Mapping):
            raise ValueError("not a table")
        if len(table) > MAX_PORTS:
            raise ValueError(f"more than {MAX_PORTS} ports")
        entries = [(parse_port(str(port)), _name(name)) for port, name in table.items()]
        for what, values in zip(("port", "stream"), zip(*entries, strict=True), strict=False):
            if len(set(values)) < len(values):
                raise ValueError(f"the same {what} twice")
        return cls(dict(entries))

    def items(self) -> Iterator[tuple[int, str]]:
        """(port, stream name), in the order they were written."""
        return iter(self._names.items())

    def as_table(self) -> dict[str, str]:
        """What `parse` reads."""
        return {str(port): name for port, name in self._names.items()}

    def __len__(self) -> int:
        return len(self._names)

    def __eq__(self, other: object) -> bool:
        return self._names == other._names if isinstance(other, StreamPorts) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._names.items()))

    def __repr__(self) -> str:
        return f"StreamPorts({self._names!r})"


def _table(text: str) -> object:
    try:
        document = tomllib.loads(f"ports = {text}")
    except (ValueError, RecursionError):
        document = {}
    if document.keys() != {"ports"}:
        raise ValueError("not a TOML inline table")
    return document["ports"]


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a stream name is a text")
    try:
        return parse_stream_name(value)
    except BadName as error:
        raise ValueError(str(error)) from None
