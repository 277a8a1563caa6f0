"""The loop of a process full of players, who play while somebody lets more join or asks for the books."""

import time
from collections.abc import Callable

from bench.hls.crowd import Crowd, V
from bench.lines import Commands, say
from bench.players import Joins

TURN_S = 0.05


class Rounds:
    """Moments that come at an even rate."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_s = time.monotonic() + every_s

    def due(self) -> bool:
        """Whether the next has come, which then is the past. Those that were missed do not come again."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return False
        self._next_s = max(self._next_s + self._every_s, now_s)
        return True

    @property
    def wait_s(self) -> float:
        """Until the next."""
        return max(0.0, self._next_s - time.monotonic())


def serve(crowd: Crowd[V], rounds: Rounds, act: Callable[[V], None]) -> None:
    """Play, take commands, and let each player act when a round is due, until stdin ends.

    `join COUNT RATE` answers when all have something or it takes too long; `mark`, with the books since the
    last mark.
    """
    commands, joins = Commands(), None
    say(event="ready")
    while not commands.ended:
        crowd.poll(min(TURN_S, rounds.wait_s, joins.wait_s() if joins else TURN_S))
        if joins is not None and joins.advance(crowd):
            joins = None
            say(event="joined", **crowd.mark())
        if rounds.due():
            crowd.each(act)
        for words in commands.read():
            joins = _obey(crowd, words) or joins
    crowd.close()


def _obey(crowd: Crowd[V], words: list[str]) -> Joins | None:
    match words:
        case ["join", count, rate]:
            return Joins(int(count), float(rate))
        case ["mark"]:
            say(event="mark", **crowd.mark())
        case _:
            say(event="failed", reason=f"unknown command {words}")
    return None
