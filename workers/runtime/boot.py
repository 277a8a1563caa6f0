"""From fork to `serve`, and out again: what every worker's life shares.

Theory of operation. The child begins with a copy of the supervisor's memory, its signals blocked. It takes
off what was the supervisor's (signal handlers, wake-up descriptor, selector, the others' inboxes), takes
its seat on the board, and only then runs trio, for the first time in this process.

A worker leaves in one of four ways. *Drained*: a message or SIGTERM; the role finishes and returns, code 0.
*Orphaned*: the supervisor's pidfd becomes readable; the same within `orphan_drain_s`, with SIGALRM's default
action behind it for a drain that hangs. *Failed*: the role raised, or returned unasked; one log line, code 1.
*Killed*: nothing here runs, and whatever another process needs is in shared memory or in the kernel.

PR_SET_PDEATHSIG is a second belt for the pidfd, so it must not be harsher than that: SIGTERM, which drains,
not SIGKILL, which would cut every player off in the moment the supervisor dies. SIGTERM stays blocked until
somebody listens, so that it cannot hit a half-made worker. SIGINT and SIGHUP are ignored: a terminal sends
them to the whole group, and it is the supervisor that decides what they mean. What neither belt covers is a
worker that hangs at the moment its supervisor is killed: two faults at once, left to systemd's control
group.

The process ends with os._exit: exit handlers, finalisers and stacked frames of the supervisor are in this
process's memory too, and must never run here.
"""

import ctypes
import gc
import importlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

import trio
from structlog.typing import FilteringBoundLogger

from shm.arena import Arena
from shm.board import Board, WorkerCell, WorkerRole, WorkerState
from shm.directory import Directory
from shm.process import start_ticks
from workers.runtime import orders, pulse
from workers.runtime.aborts import trace_aborts
from workers.runtime.burial import bury
from workers.runtime.bus import Bus
from workers.runtime.inheritance import Inheritance
from workers.runtime.logs import begin_as_child, count_lines, look_after_logs, open_log
from workers.runtime.metrics import Metrics
from workers.runtime.packages import Packages
from workers.runtime.slots import CONTROL, FANOUT, WorkerSlot, of_role
from workers.runtime.worker import API, HTTP, HTTPS, METRICS, RTMP, RTMPS, SRT, Worker, is_srt

if TYPE_CHECKING:
    from workers.runtime.tracing import Tracer

EXIT_DRAINED: Final = 0
EXIT_FAILED: Final = 1

# Young collections once per 10,000 new containers rather than 700: the tight loops make and drop many tuples
# without cycles. What was there at the fork is frozen and never looked at.
GC_THRESHOLDS: Final = (10_000, 20, 50)

LISTENERS_OF: Final = {FANOUT: (RTMP, HTTP, RTMPS, HTTPS, SRT), CONTROL: (API, METRICS)}
HELD_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Blocked around the fork, so that none meets the supervisor's handlers in the child."""

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_PR_SET_NAME: Final = 15
_LIBC: Final = ctypes.CDLL(None, use_errno=True)

Serve = Callable[[Worker], Awaitable[None]]


class RoleReturned(Exception):
    """`serve` came back although nobody had asked the worker to leave."""


def boot(inheritance: Inheritance, slot: WorkerSlot) -> NoReturn:
    """Be the worker in `slot` until it ends. Called in the forked child, with HELD_SIGNALS blocked."""
    code = EXIT_FAILED
    try:
        code = _live(inheritance, slot)
    finally:
        with suppress(OSError, ValueError):  # nobody may be reading any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _live(inheritance: Inheritance, slot: WorkerSlot) -> int:
    begin_as_child()
    log = open_log(slot.name)
    try:
        _leave_the_supervisor_behind(inheritance, slot)
        if orders.is_dead(inheritance.supervisor_pidfd):
            return EXIT_DRAINED
        worker = _take_seat(inheritance, slot, log)
        serve: Serve = importlib.import_module(inheritance.roles[slot.role]).serve
        trio.run(_serve, worker, serve, inheritance.supervisor_pidfd)
    except BaseException as error:
        log.critical("worker_failed", error=_named(error), exc_info=error)
        return EXIT_FAILED
    look_after_logs(log)
    log.info("worker_drained")
    return EXIT_DRAINED


def _named(error: BaseException) -> str:
    """The error in one line; of a group, its first leaf."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _leave_the_supervisor_behind(inheritance: Inheritance, slot: WorkerSlot) -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    _LIBC.prctl(_PR_SET_NAME, f"fl:{slot.name}".encode(), 0, 0, 0)  # what top(1) shows
    signal.set_wakeup_fd(-1)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    for default in (signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM):
        signal.signal(default, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS - {signal.SIGTERM})
    inheritance.close_private()
    for number, inbox in inheritance.inboxes.items():
        if number != slot.number:
            inbox.close()
    for kind, sockets in inheritance.listeners.items():
        if not _keeps(slot.role, kind):
            for listener in sockets:
                listener.close()
    trace_aborts()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


def _keeps(role: str, kind: str) -> bool:
    return (SRT if is_srt(kind) else kind) in LISTENERS_OF.get(role, ())


def _take_seat(inheritance: Inheritance, slot: WorkerSlot, log: FilteringBoundLogger) -> Worker:
    arena = Arena.attach(inheritance.arena.fd)
    board = Board(arena)
    cell = board.worker(slot.number)
    buried = bury(board, slot.number, arena.geometry.streams)
    bus = Bus(slot.number, inheritance.inboxes[slot.number], inheritance.outboxes, log)
    _sit_down(cell, slot)
    metrics = Metrics(slot.name, inheritance.metrics_directory)
    count_lines(metrics, slot.role)
    return Worker(
        slot=slot,
        slots=inheritance.slots,
        config=inheritance.config,
        arena=arena,
        board=board,
        cell=cell,
        directory=Directory(arena),
        listeners={
            kind: held if _keeps(slot.role, kind) else [] for kind, held in inheritance.listeners.items()
        },
        doorbells=inheritance.doorbells,
        bus=bus,
        log=log,
        metrics=metrics,
        srt_secret=inheritance.srt_secret,
        packages=_packages(inheritance, slot),
        tracer=_tracer(inheritance, bus, metrics),
        buried=buried,
    )


def _packages(inheritance: Inheritance, slot: WorkerSlot) -> Packages | None:
    if inheritance.package_arena is None or inheritance.segment_folder is None:
        return None
    return Packages.attach(inheritance.package_arena, inheritance.segment_folder, slot.number)


def _tracer(inheritance: Inheritance, bus: Bus, metrics: Metrics) -> "Tracer | None":
    if not inheritance.config.traces.url:
        return None
    from workers.runtime.tracing import Tracer  # here: what is off is not even imported

    (control,) = of_role(inheritance.slots, CONTROL)
    return Tracer(bus, control.number, inheritance.config.traces.ratio, metrics)


def _sit_down(cell: WorkerCell, slot: WorkerSlot) -> None:
    """Take the cell over; `pid` last, because with it the other words are this process's."""
    cell.role = WorkerRole.__members__.get(slot.role.upper(), WorkerRole.NONE)
    cell.state = WorkerState.STARTING
    cell.start_time = start_ticks(os.getpid())
    cell.pid = os.getpid()


async def _serve(worker: Worker, serve: Serve, supervisor_pidfd: int) -> None:
    orders.obey_bus(worker)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.beat, worker)
        nursery.start_soon(orders.announce, worker)
        nursery.start_soon(orders.drain_when_orphaned, worker, supervisor_pidfd)
        await nursery.start(orders.obey_signals, worker)
        nursery.start_soon(worker.bus.run)
        if worker.tracer is not None:
            nursery.start_soon(worker.tracer.run)
        with worker.scope:
            await serve(worker)
        if worker.scope.cancelled_caught:
            worker.log.warning("drain_cut_short", reason="deadline")
        if not worker.draining.is_set():
            raise RoleReturned(f"{worker.slot.role} ended by itself")
        if worker.tracer is not None:
            await worker.tracer.flush_at_last()
        nursery.cancel_scope.cancel()
    worker.cell.state = WorkerState.GONE
