"""Rates over the last few seconds, cheaply: totals per half second, and the difference of the ends."""

from collections import deque
from typing import Final

WINDOW_NS: Final = 5_000_000_000  # long enough to hold two usual GOPs, short enough to see a drop
_STEP_NS: Final = 500_000_000


class RateWindow:
    """Counts bytes and frames and says how many came a second, over about the last five seconds."""

    __slots__ = ("_edge_ns", "_marks", "bytes", "frames")

    def __init__(self) -> None:
        self.bytes = 0
        self.frames = 0
        self._edge_ns = 0
        self._marks: deque[tuple[int, int, int]] = deque()

    def add(self, now_ns: int, length: int, frames: int) -> None:
        """Count one tag. Time must not run backwards; if it does, the tag counts as now."""
        if now_ns >= self._edge_ns:
            self._mark(now_ns)
        self.bytes += length
        self.frames += frames

    def rates(self, now_ns: int) -> tuple[int, int]:
        """Return (bits a second, frames a thousand seconds). Zero until half a second has passed."""
        self._trim(now_ns)
        if not self._marks:
            return 0, 0
        since_ns, bytes_then, frames_then = self._marks[0]
        elapsed_ns = now_ns - since_ns
        if elapsed_ns < _STEP_NS:
            return 0, 0
        bits, frames = (self.bytes - bytes_then) * 8, self.frames - frames_then
        return bits * 1_000_000_000 // elapsed_ns, frames * 1_000_000_000_000 // elapsed_ns

    def _mark(self, now_ns: int) -> None:
        """Remember the totals at the beginning of a half second."""
        self._trim(now_ns)
        self._marks.append((now_ns, self.bytes, self.frames))
        self._edge_ns = now_ns + _STEP_NS

    def _trim(self, now_ns: int) -> None:
        while self._marks and self._marks[0][0] < now_ns - WINDOW_NS:
            self._marks.popleft()
