"""A publisher's session as webhooks know it: the limits it lives by, and the end that is told once."""

from collections import deque
from typing import Final

from engine.hooks.notices import Ended, Held
from workers.runtime.hook_line import HookLine
from workers.runtime.messages import HandedVisit

BITRATE_WINDOW_S: Final = 10.0
"""Over which a publisher's bitrate is judged: longer than the burst that a keyframe is, or a network's
pause."""


class PublisherVisit:
    """One publisher's visit; nothing at all where nobody follows it.

    Args:
        handed: what came with the hand-over.
        line: to the sender of webhooks.
        began_s: when the session began, on the clock of `overstep`.
    """

    def __init__(self, handed: HandedVisit | None, line: HookLine | None, began_s: float) -> None:
        self._handed = handed
        self._line = line if handed is not None else None
        self._began_s = began_s
        self._readings: deque[tuple[float, int]] = deque([(began_s, 0)])
        if self._line is not None and handed is not None:
            self._line.tell(Held(handed.session_id, self._line.holder))

    def name_for(self, asked: str) -> str:
        """The stream that this publisher gets."""
        return self._handed.stream if self._handed else asked

    def overstep(self, now_s: float, bytes_in: int) -> str:
        """The limit that the publisher has passed, as a reason to end; empty for none. Asked every round."""
        handed = self._handed
        if handed is None:
            return ""
        if handed.lifetime_s and now_s - self._began_s > handed.lifetime_s:
            return "lifetime"
        if handed.max_bitrate_bps and self._bitrate_bps(now_s, bytes_in) > handed.max_bitrate_bps:
            return "bitrate"
        return ""

    def end(self, reason: str, seconds: float = 0.0, bytes_in: int = 0) -> None:
        """Tell that it is over; the first time counts."""
        line, self._line = self._line, None
        if line is not None and self._handed is not None:
            line.tell(Ended(self._handed.session_id, reason, seconds, bytes_in))

    def _bitrate_bps(self, now_s: float, bytes_in: int) -> float:
        """Over the window; 0 before there is a whole one."""
        readings = self._readings
        readings.append((now_s, bytes_in))
        while len(readings) > 2 and now_s - readings[1][0] >= BITRATE_WINDOW_S:
            readings.popleft()
        since_s, before = readings[0]
        whole = now_s - since_s >= BITRATE_WINDOW_S
        return (bytes_in - before) * 8 / (now_s - since_s) if whole else 0.0
