"""Writes whole lines to a descriptor that may be a pipe nobody reads.

The writer never blocks: a log reader that has stopped must not stop the media path. It asks whether the line
fits first, which for a pipe means that PIPE_BUF bytes are free, and counts what it had to drop. Why not
O_NONBLOCK: the flag belongs to the open file, which other processes share.
"""

import os
import select
from typing import Final

import msgspec

_PIPE_BUF_BYTES: Final = 4096  # pipe(7): what a writable pipe takes at once, and as a whole


class LineWriter:
    """One descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self.dropped = 0

    def write(self, line: bytes) -> bool:
        """Write one line, or count it as dropped; whether it was written. Its newline is added here."""
        if self.dropped:
            self._confess()
        written = self._put(line + b"\n")
        if not written:
            self.dropped += 1
        return written

    def _confess(self) -> None:
        note = msgspec.json.encode({"level": "warning", "event": "log_lines_dropped", "count": self.dropped})
        if self._put(note + b"\n"):
            self.dropped = 0

    def _put(self, line: bytes) -> bool:
        for start in range(0, len(line), _PIPE_BUF_BYTES):
            if not self._fits():
                return False
            try:
                os.write(self._descriptor, line[start : start + _PIPE_BUF_BYTES])
            except OSError:  # the reader is gone, or the disk is full: nothing that a log line could say
                return False
        return True

    def _fits(self) -> bool:
        return any(events & select.POLLOUT for _, events in self._poll.poll(0))
