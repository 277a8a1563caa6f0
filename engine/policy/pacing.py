"""How long a pump rests between passes.

A pass over a log's players costs 6 to 7 us a player (the design's prototype: 1,000 players, 6 % of a core at
a tick of 100 ms), nearly all of it one system call each, and hardly more if it carries five frames instead of
one. So with few players a pass follows every frame, and with many it pays to let frames gather. The question
is only how long, and the answer need not be configured:

    sum of all passes of the worker / tick = share of the core spent on passes

Hence tick = sum of passes / share. With a share of a tenth, 100 players (0.65 ms) rest 6 ms, 500 rest 33 ms,
1,000 rest 65 ms and 2,000 the default maximum: more delay than that is not traded for processor time.
The part of a pass that grows with the bytes it carries (b seconds of work for each second of stream) makes
passes longer as the tick grows; that converges to tick = fixed part / (share - b), or, where b alone is more
than the share, to the maximum.

A resting time under CHEAP_TICK_MS is no rest at all but the minimum: a stream has a frame every 10 to 20 ms,
so short a rest would gather nothing and cost a timer.

Passes are smoothed, since a pass in which twenty players join carries their whole start debt and says little
about the next.
"""

from typing import Final

SHARE: Final = 0.10  # of a core, for passes; the rest is for joins, protocol work and busier times
CHEAP_TICK_MS: Final = 4.0
# of the newest pass: eight passes forget one, as TCP's round-trip estimate does (RFC 6298)
_WEIGHT: Final = 0.125


class WorkerLoad:
    """The smoothed cost of one pass of each pump of a worker, summed. Its pacers keep it."""

    __slots__ = ("total_s",)

    def __init__(self) -> None:
        self.total_s = 0.0


class Pacer:
    """Decides the tick of one pump from measured passes.

    min_ms and max_ms bound it, and fix it where they are equal. share is the part of the core that all passes
    of the worker together may take; pumps of one worker share a `load`, without one the pump is judged as if
    alone.
    """

    __slots__ = ("_load", "_max_s", "_min_s", "_pass_s", "_share")

    def __init__(
        self, min_ms: float, max_ms: float, share: float = SHARE, load: WorkerLoad | None = None
    ) -> None:
        self._min_s, self._max_s = min_ms / 1000, max_ms / 1000
        self._share = share
        self._load = load or WorkerLoad()
        self._pass_s = 0.0

    def note(self, pass_s: float) -> None:
        """Take in how long a pass took (processor or wall time of the loop, without what it waited)."""
        before = self._pass_s
        self._pass_s = pass_s if not before else before + _WEIGHT * (pass_s - before)
        self._load.total_s += self._pass_s - before

    def rest(self) -> None:
        """The pump has stopped (no players, no stream): it no longer weighs on the others."""
        self._load.total_s = max(0.0, self._load.total_s - self._pass_s)
        self._pass_s = 0.0

    @property
    def tick_s(self) -> float:
        """The time from the beginning of one pass to the beginning of the next, at least."""
        wanted_s = self._load.total_s / self._share
        if wanted_s < CHEAP_TICK_MS / 1000:
            return self._min_s
        return min(max(wanted_s, self._min_s), self._max_s)
