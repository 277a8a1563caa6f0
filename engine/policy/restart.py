"""Restart intensity: how soon a dead worker is started again. Pure; time is an argument.

A worker that had been serving is started again at once, however often that happens: somebody is killing
workers, and every moment without one is lost to players. A worker that dies at boot would burn the machine
if it were started at once for ever. What tells the two apart is how long it lived: only a death before
ready, or less than 10 s after, is an early death.

Up to `intensity` early deaths of a slot within `window_s` are answered at once. The next one brings
back-off, 0.1 s doubling to 30 s, and back-off ends only with a worker that has lived: were it to end when
the window is empty, waits of 30 s would empty a window of 60 s and each slot would burst again every few
minutes. (OTP's supervisor gives up instead, with 1 restart in 5 s by default; a streaming engine with one
sick worker still has healthy ones.)

Apart from that, 20 early deaths in 60 s over all slots raise the alarm: no single slot's fault any more.
"""

from collections import deque
from typing import Final

from msgspec import Struct

EARLY_DEATH_S: Final = 10.0
"""Living longer than this after ready forgives everything before."""

BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 30.0

ALARM_DEATHS: Final = 20
ALARM_WINDOW_S: Final = 60.0


class Decision(Struct, frozen=True, kw_only=True):
    """What to do about a death."""

    delay_s: float
    """How long to wait before the next start; 0: at once."""
    degraded: bool
    """The slot is in back-off: it lacks a worker for longer than a start takes."""
    alarm: bool
    """Too many early deaths over all slots."""


class _Slot:
    """One worker slot's early deaths in the window, and how deep it is in back-off (0: not)."""

    def __init__(self) -> None:
        self.deaths: deque[float] = deque()
        self.backoff_steps = 0


class RestartPolicy:
    """Decides for all slots; a slot is known by any name that stays the same over restarts.

    intensity: early deaths in `window_s` seconds that are answered at once. All times are seconds of one
    monotonic clock.
    """

    def __init__(self, intensity: int = 5, window_s: float = 60.0) -> None:
        self._intensity = intensity
        self._window_s = window_s
        self._slots: dict[int | str, _Slot] = {}
        self._all_deaths: deque[float] = deque(maxlen=ALARM_DEATHS)

    def configure(self, intensity: int, window_s: float) -> None:
        """Take new limits from a reload; what has happened stays known."""
        self._intensity, self._window_s = intensity, window_s

    def died(self, slot: int | str, now: float, ready_at: float | None) -> Decision:
        """Judge a death. ready_at: when the worker said it was ready, None if it never did."""
        if ready_at is not None and now - ready_at >= EARLY_DEATH_S:
            self._slots.pop(slot, None)
            return Decision(delay_s=0.0, degraded=False, alarm=self.alarm(now))
        self._all_deaths.append(now)
        delay_s = self._delay_after(self._slots.setdefault(slot, _Slot()), now)
        return Decision(delay_s=delay_s, degraded=delay_s > 0, alarm=self.alarm(now))

    def alarm(self, now: float) -> bool:
        """Whether there were 20 early deaths, over all slots, in the last 60 s."""
        full = len(self._all_deaths) == ALARM_DEATHS
        return full and now - self._all_deaths[0] <= ALARM_WINDOW_S

    def _delay_after(self, slot: _Slot, now: float) -> float:
        slot.deaths.append(now)
        while now - slot.deaths[0] > self._window_s:
            slot.deaths.popleft()
        if len(slot.deaths) <= self._intensity and not slot.backoff_steps:
            return 0.0
        slot.backoff_steps += 1
        # The exponent is bounded before the power is taken: a slot may be ill for weeks.
        doublings = min(slot.backoff_steps - 1, 16)
        return min(BACKOFF_FIRST_S * 2.0**doublings, BACKOFF_MAX_S)
