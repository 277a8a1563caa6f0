"""Finds the sessions whose worker has died, and ends them: a dead worker tells nothing any more."""

import time
from collections.abc import Callable
from typing import Final

from engine.hooks.notices import Ended
from engine.hooks.sessions import Holder, Ledger, Session
from shm.board import Board
from workers.runtime.slots import SUPERVISOR

LOOK_S: Final = 0.5
"""How often the holders are looked at."""

GRACE_S: Final = 2.0
"""How long a session outlives its worker here: what that one had told or handed on may still be on the bus,
and says more than its death."""

WORKER_DEATH: Final = "worker_death"
ENGINE_DEATH: Final = "engine_death"


class Deaths:
    """Looks for sessions of the dead.

    Args:
        ledger: what is open.
        is_alive: whether a process is there.
    """

    def __init__(self, ledger: Ledger, is_alive: Callable[[Holder], bool]) -> None:
        self._ledger = ledger
        self._is_alive = is_alive
        self._found_s: dict[tuple[str, Holder], float] = {}

    def look(self, now_s: float) -> list[Ended]:
        """The ends that are to be told now."""
        left = {
            (session.id, session.holder): session for session in self._ledger.left_by_the_dead(self._is_alive)
        }
        self._found_s = {key: self._found_s.get(key, now_s) for key in left}
        return [_end_of(session) for key, session in left.items() if now_s - self._found_s[key] >= GRACE_S]


def alive_on(board: Board, workers: int, engine: Holder) -> Callable[[Holder], bool]:
    """Whether a holder is there, as the board has it; `engine` is the one that this process belongs to."""

    def is_alive(holder: Holder) -> bool:
        if holder.slot == SUPERVISOR:
            return holder == engine
        if not 0 <= holder.slot < workers:
            return False
        cell = board.worker(holder.slot)
        return (cell.pid, cell.start_time) == (holder.pid, holder.start_ticks)

    return is_alive


def _end_of(session: Session) -> Ended:
    seconds = max(0.0, time.time() - session.began_ms / 1000)
    reason = ENGINE_DEATH if session.holder.slot == SUPERVISOR else WORKER_DEATH
    return Ended(session.id, reason, seconds)
