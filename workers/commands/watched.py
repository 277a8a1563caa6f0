"""Work that may hang in C, run where Ctrl-C and a deadline still reach it.

FFmpeg's RTMP has no deadline of its own that PyAV could set, and a signal handler of Python runs only
between two instructions: a server that accepts and then says nothing would hold the command for ever. So
the work runs in a daemon thread, says when it waits for somebody else, and the main thread looks at the
clock.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from workers.commands.errors import CommandError

LOOK_S: Final = 0.1
STALL_S: Final = 15.0
"""How long the other side may take nothing: RTMP servers give up on a silent peer after 5 to 30 s
themselves."""
GOODBYE_S: Final = 2.0
"""How long the work may take to say goodbye to the other side after Ctrl-C."""


class Stopped(Exception):
    """The main thread wants the work to end."""


class Watch:
    """What the work and the one that watches it tell each other."""

    def __init__(self) -> None:
        self._waiting_since: float | None = None
        self._stop = threading.Event()

    @contextmanager
    def waiting(self, *, even_if_stopped: bool = False) -> Iterator[None]:
        """Around a call that depends on the other side. Raises Stopped before it."""
        if self._stop.is_set() and not even_if_stopped:
            raise Stopped
        self._waiting_since = time.monotonic()
        try:
            yield
        finally:
            self._waiting_since = None

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise Stopped."""
        if self._stop.wait(seconds):
            raise Stopped

    def stop(self) -> None:
        self._stop.set()

    def is_stalled(self) -> bool:
        """Whether the other side has kept the work waiting for too long."""
        since = self._waiting_since
        return since is not None and time.monotonic() - since > STALL_S


def run_watched(work: Callable[[Watch], None], stalled: str) -> None:
    """Run `work`, and raise what it raises; CommandError with the text `stalled` if it hangs."""
    watch, failures, done = Watch(), list[BaseException](), threading.Event()

    def guarded() -> None:
        try:
            with suppress(Stopped):
                work(watch)
        except BaseException as error:  # handed to the main thread
            failures.append(error)
        finally:
            done.set()

    threading.Thread(target=guarded, daemon=True).start()
    try:
        _follow(done, watch, stalled)
    except KeyboardInterrupt:
        watch.stop()
        done.wait(GOODBYE_S)
        raise
    for failure in failures:
        raise failure


def _follow(done: threading.Event, watch: Watch, stalled: str) -> None:
    # An event, not Thread.join: interrupted, that takes a running thread for one that has ended (bpo-45274).
    while not done.wait(LOOK_S):
        if watch.is_stalled():
            raise CommandError(stalled)
