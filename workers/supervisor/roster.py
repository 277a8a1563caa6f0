"""Who is there, who has died, who comes next: forking, watching and replacing the workers."""

import signal
from collections.abc import Callable, Iterator

from structlog.typing import FilteringBoundLogger

from engine.config import Config
from engine.policy.restart import Decision, RestartPolicy
from workers.runtime.inheritance import Inheritance
from workers.runtime.metrics import forget_gauges
from workers.supervisor.estate import Estate
from workers.supervisor.limits import CHECK_EVERY_S, FORK_RETRY_S
from workers.supervisor.loop import Loop
from workers.supervisor.processes import WorkerProcess, describe
from workers.supervisor.seat import Seat

SeatCallback = Callable[[Seat], None]


class Roster:
    """All seats. Starts every worker, replaces the dead and the hung, until `retire`."""

    def __init__(
        self,
        estate: Estate,
        inherit: Callable[[], Inheritance],
        loop: Loop,
        config: Config,
        log: FilteringBoundLogger,
    ) -> None:
        self.seats = tuple(Seat(slot, estate.board.worker(slot.number)) for slot in estate.slots)
        self.on_ready: SeatCallback = _ignore
        self.on_down: SeatCallback = _ignore
        self.on_empty: Callable[[], None] = _nothing
        self._estate = estate
        self._inherit = inherit
        self._loop = loop
        self._config = config
        self._log = log
        self._policy = RestartPolicy(config.workers.restart_intensity, config.workers.restart_window_s)
        self._retired = False
        self._alarmed = False
        self._last_check = loop.now()
        self._trust_from = 0.0

    def start(self) -> None:
        """Fork every worker and begin to watch. The last slot first: control takes longest to be ready."""
        for seat in reversed(self.seats):
            self._fork(seat)
        self._last_check = self._loop.now()
        self._loop.after("heartbeats", CHECK_EVERY_S, self.check)

    def configure(self, config: Config) -> None:
        """Take a reloaded configuration."""
        self._config = config
        self._policy.configure(config.workers.restart_intensity, config.workers.restart_window_s)

    def living(self) -> Iterator[tuple[Seat, WorkerProcess]]:
        """The seats that have a process, whatever state it is in."""
        return ((seat, seat.process) for seat in self.seats if seat.process is not None)

    def forget_processes(self) -> None:
        """In a child: close its copies of what watches its siblings. They are not its to watch."""
        for _, process in self.living():
            process.forget()

    def retire(self) -> None:
        """Replace nobody from now on; `on_empty` is called when the last one has gone."""
        self._retired = True
        for seat in self.seats:
            self._loop.cancel(f"restart {seat.slot.name}")
        self._loop.after("empty", 0, self._tell_if_empty)

    def kill_all(self) -> None:
        for _, process in self.living():
            process.signal(signal.SIGKILL)

    def look(self) -> None:
        """Tell who has become ready, or begun to leave; asked for at every message, and at every check."""
        for seat in self.seats:
            if seat.became_ready():
                self._log.info("worker_ready", slot=seat.slot.name, **self._boot_figures(seat))
                self.on_ready(seat)
            if seat.became_retiring() and not self._retired:
                self.on_down(seat)

    def check(self) -> None:
        """Look at every heartbeat, and come again."""
        now = self._loop.now()
        timeout_s = self._config.workers.heartbeat_timeout_s
        # This process itself was stopped (a paused machine, a debugger): so were the workers, perhaps.
        if now - self._last_check > 3 * CHECK_EVERY_S:
            self._trust_from = now + timeout_s
        self._last_check = now
        if now >= self._trust_from:
            for seat, process in self.living():
                if seat.is_overdue(now, timeout_s):
                    self._replace_hung(seat, process)
        self.look()
        self._loop.after("heartbeats", CHECK_EVERY_S, self.check)

    def _fork(self, seat: Seat) -> None:
        try:
            process = WorkerProcess(self._inherit(), seat.slot)
        except OSError as error:
            self._log.error("fork_refused", slot=seat.slot.name, error=str(error), retry_s=FORK_RETRY_S)
            self._loop.after(f"restart {seat.slot.name}", FORK_RETRY_S, lambda: self._fork(seat))
            return
        seat.seat(process)
        self._loop.watch(process.pidfd, lambda: self._bury(seat, process))

    def _replace_hung(self, seat: Seat, process: WorkerProcess) -> None:
        self._log.error("worker_hung", slot=seat.slot.name, pid=process.pid, hint="no heartbeat; killing it")
        seat.hung = True
        process.signal(signal.SIGKILL)

    def _bury(self, seat: Seat, process: WorkerProcess) -> None:
        ready_at = seat.ready_at
        self._loop.unwatch(process.pidfd)
        code = process.reap()
        seat.vacate()
        forget_gauges(self._estate.metrics.directory, seat.slot.name)
        if self._retired:
            self._log.info("worker_gone", slot=seat.slot.name, pid=process.pid, **describe(code))
            self._tell_if_empty()
            return
        decision = self._policy.died(seat.slot.name, self._loop.now(), ready_at)
        self._report(seat, process.pid, code, ready_at, decision)
        self.on_down(seat)
        if decision.delay_s:
            self._loop.after(f"restart {seat.slot.name}", decision.delay_s, lambda: self._fork(seat))
        else:
            self._fork(seat)

    def _report(self, seat: Seat, pid: int, code: int, ready_at: float | None, decision: Decision) -> None:
        reason = _reason(seat, code, ready_at)
        served_s = round(self._loop.now() - ready_at, 3) if ready_at is not None else None
        self._estate.metrics.bind("fanlight_worker_restarts_total", role=seat.slot.role, reason=reason).inc()
        self._log.error(
            "worker_died",
            slot=seat.slot.name,
            pid=pid,
            reason=reason,
            served_s=served_s,
            restart_in_s=decision.delay_s,
            **describe(code),
        )
        if decision.alarm and not self._alarmed:
            self._log.critical("workers_die_everywhere", hint="see the errors above; restarts go on, slowly")
        self._alarmed = decision.alarm

    def _boot_figures(self, seat: Seat) -> dict[str, float | int]:
        assert seat.process is not None
        assert seat.ready_at is not None
        return {"pid": seat.process.pid, "boot_ms": round((seat.ready_at - seat.forked_at) * 1000, 1)}

    def _tell_if_empty(self) -> None:
        if not any(True for _ in self.living()):
            self.on_empty()


def _reason(seat: Seat, code: int, ready_at: float | None) -> str:
    """Why a worker died, in the words of the metrics catalogue."""
    if seat.hung:
        return "hung"
    if ready_at is None:
        return "boot_failed"
    return "killed" if code < 0 else "exited"


def _ignore(_seat: Seat) -> None:
    """Until somebody wants to know."""


def _nothing() -> None:
    """Until somebody wants to know."""
