"""Wake-ups between processes: an eventfd, which counts rings and wakes whoever waits for it to be readable.

Ringing never waits: the counter holds 2**64 - 2 rings, and when it is full the sleeper has been called often
enough. A ring may get lost with its process, so nobody relies on one: pumps also poll.
"""

import os
from contextlib import suppress
from typing import Self


class Doorbell:
    """One sleeper, any number of ringers. The descriptor is non-blocking, and inherited over fork only."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def create(cls) -> Self:
        return cls(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))

    def ring(self) -> None:
        """Make `fd` readable. Costs about half a microsecond, and never blocks."""
        with suppress(BlockingIOError):
            os.eventfd_write(self.fd, 1)

    def drain(self) -> int:
        """Make `fd` unreadable again; how many rings there were since the last time."""
        try:
            return os.eventfd_read(self.fd)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1
