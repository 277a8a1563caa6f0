"""A service outside, played by the test: each attempt ends as the script says."""

from collections.abc import Iterable
from typing import NamedTuple

import trio

from engine.policy.breaker import BreakerLimits, BreakerState
from engine.policy.outside import Blame, OutsideError, OutsideLimits
from engine.policy.retry import RetryLimits
from engine.policy.seats import SeatLimits
from shm.breakers import BreakerEntry
from workers.runtime.outside import Outside

DEADLINE_S = 3.0
OPEN_S = 10.0
FAILURES = 2
OK, FAIL, LASTING, OURS, HANG = "ok", "fail", "lasting", "ours", "hang"


class Child:
    """One figure."""

    def __init__(self) -> None:
        self.value = 0.0
        self.seen: list[float] = []

    def inc(self, amount: float = 1) -> None:
        self.value += amount

    def dec(self, amount: float = 1) -> None:
        self.value -= amount

    def set(self, value: float) -> None:
        self.value = value

    def observe(self, amount: float) -> None:
        self.seen.append(amount)


class Figures:
    """All figures, by name and labels."""

    def __init__(self) -> None:
        self.children: dict[tuple[str, frozenset[tuple[str, str]]], Child] = {}

    def bind(self, name: str, **labels: str) -> Child:
        return self.children.setdefault((name, frozenset(labels.items())), Child())

    def of(self, name: str, **labels: str) -> dict[str, float]:
        """The values of one metric by the one label that is not given, without zeros."""
        given = frozenset({("dependency", "hooks"), *labels.items()})
        found = {key[1] - given: child.value for key, child in self.children.items() if key[0] == name}
        return {next(iter(rest))[1]: value for rest, value in found.items() if value}


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append({"level": "info", "event": event, **fields})

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append({"level": "warning", "event": event, **fields})


class Stage(NamedTuple):
    """The kit and everything that it tells."""

    outside: Outside
    figures: Figures
    log: Lines

    @property
    def state(self) -> BreakerState:
        return self.outside._breaker.state

    @property
    def is_at_rest(self) -> bool:
        """Nobody has a seat, nobody waits for one, and no trial is under way."""
        seats, machine = self.outside._seats, self.outside._breaker._machine
        return (seats.taken, seats.waiting, machine._trial) == (0, 0, False)


def make_stage(
    *,
    attempts: int = 1,
    seats: int = 4,
    waiting: int = 4,
    failures: int = FAILURES,
    entry: BreakerEntry | None = None,
) -> Stage:
    limits = OutsideLimits(
        deadline_s=DEADLINE_S,
        retry=RetryLimits(attempts=attempts, first_delay_s=0.1),
        breaker=BreakerLimits(failures=failures, open_s=OPEN_S),
        seats=SeatLimits(seats=seats, waiting=waiting),
    )
    figures, log = Figures(), Lines()
    outside = Outside("hooks", limits, metrics=figures, log=log, entry=entry, chance=lambda: 0.0)
    return Stage(outside, figures, log)


class LastingFault(OutsideError):
    """Another attempt would end the same way."""

    blame = Blame.THEIRS_FOR_GOOD


class OurFault(OutsideError):
    """The service was not to blame."""

    blame = Blame.OURS


class Service:
    """Answers `attempt` as scripted, one word an attempt; after the script it is well."""

    def __init__(self, script: Iterable[str] = ()) -> None:
        self.script = list(script)
        self.asked = 0

    async def attempt(self) -> str:
        self.asked += 1
        word = self.script.pop(0) if self.script else OK
        await trio.sleep(0.01)
        if word == HANG:
            await trio.sleep_forever()
        if word == FAIL:
            raise ConnectionResetError("reset by the service")
        if word == LASTING:
            raise LastingFault("hooks", "no", "never")
        if word == OURS:
            raise OurFault("hooks", "no", "not like this")
        return "answer"


async def trip(stage: Stage) -> None:
    """Let the service fail until the breaker is open."""
    service = Service([FAIL] * FAILURES)
    for _ in range(FAILURES):
        try:
            await stage.outside.call(service.attempt)
        except ConnectionResetError:
            continue
    assert stage.state is BreakerState.OPEN
