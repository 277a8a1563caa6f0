"""Times one step: the best of several repeats, because noise only ever adds."""

import gc
import time
from collections.abc import Callable
from typing import NamedTuple

REPEATS = 7
#: A repeat lasts about this long.
REPEAT_S = 0.1


class Step(NamedTuple):
    """One step on a frame's way. `work` does it `per_call` times."""

    name: str
    work: Callable[[], object]
    per_call: int = 1
    unit: str = "each"


class Timing(NamedTuple):
    """Nanoseconds for one, best and median of the repeats."""

    name: str
    unit: str
    best_ns: float
    median_ns: float


def time_step(step: Step) -> Timing:
    """Run `step` often enough to be sure."""
    calls = _calls_for(step.work)
    gc.collect()
    gc.disable()
    try:
        results = sorted(_repeat(step.work, calls) for _ in range(REPEATS))
    finally:
        gc.enable()
    best, middle = (value / step.per_call for value in (results[0], results[REPEATS // 2]))
    return Timing(step.name, step.unit, best, middle)


def _calls_for(work: Callable[[], object]) -> int:
    calls, elapsed_ns = 1, 0.0
    while elapsed_ns < REPEAT_S * 1e9 / 10:
        calls *= 2
        elapsed_ns = _repeat(work, calls) * calls
    return max(1, int(calls * REPEAT_S * 1e9 / elapsed_ns))


def _repeat(work: Callable[[], object], calls: int) -> float:
    begin_ns = time.perf_counter_ns()
    for _ in range(calls):
        work()
    return (time.perf_counter_ns() - begin_ns) / calls
