"""Worker processes: forked, watched through a pidfd, signalled through it, and reaped.

`multiprocess` with the fork context: the child has all modules imported already and shares their pages, so
it starts in milliseconds. Signals are blocked around the fork; without that, one that arrives in the child
before it has its own handlers would be written into the supervisor's wake-up socket, and be taken for the
supervisor's.
"""

import os
import signal
from contextlib import suppress
from typing import Final

from multiprocess import get_context

from workers.runtime.boot import HELD_SIGNALS, boot
from workers.runtime.inheritance import Inheritance
from workers.runtime.slots import WorkerSlot

_FORK: Final = get_context("fork")


class WorkerProcess:
    """One child. Its pidfd is readable once it is dead."""

    def __init__(self, inheritance: Inheritance, slot: WorkerSlot) -> None:
        """Fork. OSError if the machine refuses a process or a descriptor; nothing is left over then."""
        self._process = _FORK.Process(target=boot, args=(inheritance, slot), name=slot.name)
        held = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        self.pid: int = self._process.pid
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError:
            self._process.kill()
            self._process.join()
            self._process.close()
            raise

    def signal(self, number: int) -> None:
        """Send a signal to this very process; nothing if it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def forget(self) -> None:
        """In a sibling of this process: close its copy of the pidfd."""
        os.close(self.pidfd)

    def reap(self) -> int:
        """After death: free everything it had here; its exit code, negative for a signal."""
        self._process.join()
        code: int = self._process.exitcode
        self._process.close()
        os.close(self.pidfd)
        return code


def describe(code: int) -> dict[str, int | str]:
    """An exit code as log fields."""
    if code >= 0:
        return {"exit_code": code}
    return {"exit_code": code, "signal": signal.Signals(-code).name}
