"""Whether the engine as a whole is well, for the service manager's watchdog and its one line of status."""

from collections.abc import Sequence

from workers.runtime.slots import FANOUT, INGEST
from workers.supervisor.limits import WATCHDOG_LOOKS
from workers.supervisor.seat import Seat


def is_healthy(seats: Sequence[Seat], live_streams: int) -> bool:
    """Whether every role has a worker that serves.

    The watchdog answers with a restart of everything, which cuts all players off. So while there are streams
    live, only the roles that carry them count: a control worker that keeps dying is no reason to end those.
    """
    up = {seat.slot.role for seat in seats if seat.is_up}
    wanted = {INGEST, FANOUT} if live_streams else {seat.slot.role for seat in seats}
    return wanted <= up


def until_next_look_s(watchdog_s: float, *, healthy: bool) -> float:
    """How long to wait until health is looked at again; `watchdog_s` is half the manager's patience.

    After a look that could not feed the watchdog the next one comes soon. At the usual pace it would come
    when patience is over, and a worker that was being replaced in that moment would cost everybody the
    engine.
    """
    return watchdog_s if healthy else watchdog_s / WATCHDOG_LOOKS


def status(seats: Sequence[Seat], live_streams: int) -> str:
    """One line for `systemctl status`."""
    up = sum(seat.is_up for seat in seats)
    return f"{up} of {len(seats)} workers ready, {live_streams} streams live"
