"""Where an input went and how much work it was, in executed lines of Python: the same on every machine.

`sys.settrace` sees each line of the code under test. The steps from line to line tell whether an input got to
somewhere new, as the edges of a coverage-guided fuzzer do; their number is the work. Time would tell the same
less clearly, and not twice.
"""

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import TraceFunction

Step = tuple[int, int, int]


class Trail:
    """Follows calls through the files under `folders`, and nowhere else."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._folders = tuple(folders)
        self._steps: set[Step] = set()
        self._last = 0
        self.lines = 0

    def follow(self, run: Callable[[], object]) -> set[Step]:
        """Call `run`; gives the steps it went, and their number in `lines`."""
        self._steps, self._last, self.lines = set(), 0, 0
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            run()
        finally:
            sys.settrace(before)
        return self._steps

    def _enter(self, frame: FrameType, event: str, argument: object) -> "TraceFunction | None":
        return self._line if frame.f_code.co_filename.startswith(self._folders) else None

    def _line(self, frame: FrameType, event: str, argument: object) -> "TraceFunction":
        if event == "line":
            line = frame.f_lineno
            self._steps.add((id(frame.f_code), self._last, line))
            self._last = line
            self.lines += 1
        return self._line
