"""What takes the packets of a PID that carries no media: tables, or only the clock.

Beside `assembly.Assembly`; the reader checks the counters of all three alike.
"""

from engine.protocols.mpegts.events import TsEvent
from engine.protocols.mpegts.sections import SectionReader


class TableSource:
    """A PID with tables."""

    def __init__(self) -> None:
        self.counter = -1
        self.reader = SectionReader()

    def break_off(self, events: list[TsEvent]) -> None:
        """Packets are missing: so is a table."""
        self.reader.lose()

    finish = break_off

    def is_duplicate(self, payload: bytes) -> bool:
        """A counter that stands still means the same packet: muxers differ only in sending tables twice."""
        return True


class ClockSource:
    """A PID that is looked at for its clock references alone."""

    def __init__(self) -> None:
        self.counter = -1

    def break_off(self, events: list[TsEvent]) -> None:
        """There is nothing to be lost."""

    finish = break_off

    def is_duplicate(self, payload: bytes) -> bool:
        """Payloads are not read."""
        return True
