"""The supervisor's loop: one selector, named timers, signals as bytes in a socket. No trio, no threads.

Everything the supervisor reacts to is a callback run here, one at a time, so nothing it knows needs a lock.
Signals come through `signal.set_wakeup_fd`: the C handler writes one byte, and the selector wakes. Why not
signalfd: Python 3.11 has none. Why not handlers in Python: they run between any two instructions.
"""

import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterable
from typing import Final

Callback = Callable[[], None]

_IDLE_S: Final = 60.0  # the longest sleep where no timer is set; there always is one in practice


class Loop:
    """Runs callbacks for readable descriptors, due timers and signals, until `stop`.

    To be made in the main thread, which is where Python handles signals.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: dict[str, tuple[float, Callback]] = {}
        self._signals: dict[int, Callback] = {}
        self._stopped = False
        self._wakeup, self._signalled = socket.socketpair()
        self._wakeup.setblocking(False)
        self._signalled.setblocking(False)
        self.watch(self._wakeup.fileno(), self._take_signals)
        self._previous_wakeup = signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)

    @staticmethod
    def now() -> float:
        """Monotonic seconds: the clock of all timers."""
        return time.monotonic()

    def watch(self, descriptor: int, callback: Callback) -> None:
        """Call back whenever `descriptor` is readable, until `unwatch`."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def unwatch(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def at(self, name: str, when: float, callback: Callback) -> None:
        """Call back once, at `when`. A timer of the same name is replaced."""
        self._timers[name] = (when, callback)

    def after(self, name: str, seconds: float, callback: Callback) -> None:
        self.at(name, self.now() + seconds, callback)

    def cancel(self, name: str) -> None:
        self._timers.pop(name, None)

    def on_signal(self, number: int, callback: Callback) -> None:
        """Call back for each time the signal has arrived (several in one instant may be one, as always)."""
        self._signals[number] = callback
        signal.signal(number, _do_nothing)

    def run(self) -> None:
        """Run until `stop`."""
        while not self._stopped:
            self._turn()

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        """Close all descriptors of the loop, not those it watches. Also for a child's copy of it."""
        signal.set_wakeup_fd(self._previous_wakeup)
        self._selector.close()
        self._wakeup.close()
        self._signalled.close()

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._sleep_s()):
            # An earlier callback of this turn may have unwatched it, and its number may be another's by now.
            if self._selector.get_map().get(key.fd) == key:
                key.data()
        self._run_due()

    def _sleep_s(self) -> float:
        due = min((when for when, _ in self._timers.values()), default=self.now() + _IDLE_S)
        return max(0.0, due - self.now())

    def _run_due(self) -> None:
        now = self.now()
        due = sorted((when, name) for name, (when, _) in self._timers.items() if when <= now)
        for when, name in due:
            timer = self._timers.get(name)
            if timer is not None and timer[0] == when:  # not cancelled nor replaced by an earlier one
                del self._timers[name]
                timer[1]()

    def _take_signals(self) -> None:
        for number in self._received():
            callback = self._signals.get(number)
            if callback is not None:
                callback()

    def _received(self) -> Iterable[int]:
        try:
            return self._wakeup.recv(4096)
        except BlockingIOError:
            return ()


def _do_nothing(_number: int, _frame: object) -> None:
    """A Python handler must stand, or the wake-up descriptor is not written to."""
