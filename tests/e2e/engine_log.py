"""The engine's standard output while a test runs: JSON lines, kept and waited for."""

import json
import threading
import time
from collections.abc import Callable
from typing import IO

LogLine = dict[str, object]


class EngineLog:
    """Reads the log in a thread of its own, so that the engine never waits for the test."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.lines: list[LogLine] = []
        self.ended = False
        self._stream = stream
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._follow, name="engine log", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        for raw in self._stream:
            with self._news:
                self.lines.append(read_line(raw))
                self._news.notify_all()
        with self._news:
            self.ended = True
            self._news.notify_all()

    def wait_for(
        self, event: str, *, timeout_s: float = 10.0, where: Callable[[LogLine], bool] = lambda line: True
    ) -> LogLine:
        """Give the first line with this event that fits, past ones included.

        Raises AssertionError with the whole log if it is not there in time, or the engine ended without it.
        """
        deadline = time.monotonic() + timeout_s
        with self._news:
            while (found := self._find(event, where)) is None:
                left = deadline - time.monotonic()
                assert left > 0, f"no line {event!r} within {timeout_s} s\n{self}"
                assert not self.ended, f"the engine ended without a line {event!r}\n{self}"
                self._news.wait(left)
        return found

    def _find(self, event: str, where: Callable[[LogLine], bool]) -> LogLine | None:
        return next((line for line in self.lines if line.get("event") == event and where(line)), None)

    def close(self) -> None:
        """Read to the end of the stream, which comes when every process of the engine is gone."""
        self._thread.join(timeout=10)
        assert not self._thread.is_alive(), f"a process of the engine still holds its output\n{self}"
        self._stream.close()

    def __str__(self) -> str:
        return "\n".join(json.dumps(line) for line in self.lines)


def read_line(raw: bytes) -> LogLine:
    """Read one line; what is not JSON (a crash dump) is kept as text under `raw`."""
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    return line if isinstance(line, dict) else {"raw": raw.decode(errors="replace").rstrip()}
