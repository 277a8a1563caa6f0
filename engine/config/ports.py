"""Ports that stand for a stream: for encoders that can be given an address, but no stream id.

[srt.ports]
10081 = "live/cam1"
"""

from collections.abc import Iterator
from typing import Final, Self

from engine.config.listen import parse_port
from engine.config.names import read_stream_name
from engine.config.tables import Table, read_table

MAX_PORTS: Final = 64
"""Each is a socket per fanout worker; whoever has more cameras has some that can send a stream id."""

EXAMPLE: Final = '{10081 = "live/cam1"}'


class StreamPorts(Table[int, str]):
    """An immutable table of port -> full stream name. Each port and each name is in it once."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a table, or its text as it stands in the environment; ValueError says what is wrong."""
        table = read_table(value)
        if len(table) > MAX_PORTS:
            raise ValueError(f"more than {MAX_PORTS} ports")
        entries = [(parse_port(str(port)), read_stream_name(name)) for port, name in table.items()]
        for what, values in zip(("port", "stream"), zip(*entries, strict=True), strict=False):
            if len(set(values)) < len(values):
                raise ValueError(f"the same {what} twice")
        return cls(dict(entries))

    def items(self) -> Iterator[tuple[int, str]]:
        """(port, stream name), in the order they were written."""
        return iter(self._entries.items())

    def as_table(self) -> dict[str, str]:
        """What `parse` reads."""
        return {str(port): name for port, name in self._entries.items()}
