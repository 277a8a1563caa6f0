"""Plain numbers that a pump counts on its way; collected once a second, never per tag and player."""

import dataclasses
from collections import Counter


@dataclasses.dataclass(slots=True)
class PumpFigures:
    """Since the last `take`. The lists hold samples: one per pass, per join, and per WebSocket message that
    was made for all players.
    """

    bytes_sent: int = 0
    tags_sent: int = 0
    tags_dropped: Counter[str] = dataclasses.field(default_factory=Counter)
    jumps: Counter[str] = dataclasses.field(default_factory=Counter)
    latencies_s: list[float] = dataclasses.field(default_factory=list)
    joins_s: list[float] = dataclasses.field(default_factory=list)
    message_bytes: list[int] = dataclasses.field(default_factory=list)
