"""How often a stream's tracks may change: each change is an init segment and a segment of its own.

Frames are refused whose tracks would be one change too many, until there is room for it. So a publisher who
changes codecs with every frame gets a new segment now and then, and his folder a small file with it.
"""

from engine.protocols.hls.limits import CHANGE_EVERY_US, MAX_CHANGES


class ChangeBudget:
    """Changes that are left: some at once, then one now and then."""

    def __init__(self) -> None:
        self._left_us = MAX_CHANGES * CHANGE_EVERY_US
        self._seen_us: int | None = None

    def take(self, wall_us: int) -> bool:
        """Take one at this date, in microseconds; False if there is none left."""
        elapsed_us = 0 if self._seen_us is None else max(0, wall_us - self._seen_us)
        self._seen_us = wall_us
        self._left_us = min(self._left_us + elapsed_us, MAX_CHANGES * CHANGE_EVERY_US)
        if self._left_us < CHANGE_EVERY_US:
            return False
        self._left_us -= CHANGE_EVERY_US
        return True
