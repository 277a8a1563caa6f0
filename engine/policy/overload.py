"""The overload ladder: what a worker stops doing, in which order, when it can do no more.

    CALM           everything
    SLOW_API       85 %: whoever only looks on has to wait a little
    NO_PLAYERS     92 %: those who watch go on, others are sent elsewhere
    NO_PUBLISHERS  95 %: the same for new streams
    DROP_PLAYERS   98 %: some who watch have to go, so that the others can

The per cent are of what is scarcest: the event loop's lag, processor time, memory, descriptors. A publisher
that is there is never touched: one of them is all that many players have. Envoy's overload manager has such
steps (at 92 and 95 % of its heap), and so has SRS's circuit breaker.

Up takes three samples in a row that ask for it, down ten, at one a second: a burst of newcomers is no
overload, and who was just sent away must not be invited back a second later. Up goes only as far as all three
samples ask, down as far as all ten allow.
"""

from collections import deque
from enum import IntEnum
from typing import Final

from msgspec import Struct


class Level(IntEnum):
    """How far up the ladder a worker stands."""

    CALM = 0
    SLOW_API = 1
    NO_PLAYERS = 2
    NO_PUBLISHERS = 3
    DROP_PLAYERS = 4


STEPS: Final = (0.85, 0.92, 0.95, 0.98)
"""Where each level above CALM begins."""

UP_SAMPLES: Final = 3
DOWN_SAMPLES: Final = 10


class Load(Struct, frozen=True, kw_only=True):
    """How full a worker is, each as a share of what it may have."""

    loop_lag: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    descriptors: float = 0.0

    def worst(self) -> tuple[str, float]:
        """What is scarcest, and its share."""
        name = max(self.__struct_fields__, key=lambda name: float(getattr(self, name)))
        return name, getattr(self, name)


def level_for(share: float) -> Level:
    """The level that one sample asks for."""
    return Level(sum(share >= step for step in STEPS))


class Ladder:
    """Where one worker stands, from a sample a second."""

    def __init__(self) -> None:
        self.level = Level.CALM
        self._asked: deque[Level] = deque(maxlen=DOWN_SAMPLES)

    def sample(self, load: Load) -> Level:
        """Take a sample; the level from now on."""
        self._asked.append(level_for(load.worst()[1]))
        newest = list(self._asked)[-UP_SAMPLES:]
        if len(newest) == UP_SAMPLES and min(newest) > self.level:
            self.level = min(newest)
        elif len(self._asked) == DOWN_SAMPLES and max(self._asked) < self.level:
            self.level = max(self._asked)
        return self.level
