"""What a role gets to work with: its seat, its configuration, and the doors to everybody else."""

import math
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import trio
from structlog.typing import FilteringBoundLogger

from engine.config import Config
from engine.policy.leaks import Holdings
from shm.arena import Arena
from shm.board import Board, WorkerCell, WorkerState
from shm.directory import Directory
from shm.doorbell import Doorbell
from workers.runtime.burial import Buried
from workers.runtime.bus import Bus
from workers.runtime.metrics import Metrics
from workers.runtime.packages import Packages
from workers.runtime.slots import WorkerSlot
from workers.runtime.vitals import Vitals

if TYPE_CHECKING:
    from workers.runtime.tracing import Tracer

RTMP: Final = "rtmp"
HTTP: Final = "http"
HTTPS: Final = "https"
RTMPS: Final = "rtmps"
SRT: Final = "srt"
API: Final = "api"
METRICS: Final = "metrics"

_MAPPED: Final = f"{SRT}:"

ReloadCallback = Callable[[Config, Config], None]


def mapped_srt(name: str) -> str:
    """The kind of listener that stands for publishing stream `name` over SRT (`[srt.ports]`)."""
    return _MAPPED + name


def mapped_stream(kind: str) -> str | None:
    """The stream that a kind of listener stands for, or None if clients say themselves what they want."""
    return kind.removeprefix(_MAPPED) if kind.startswith(_MAPPED) else None


def is_srt(kind: str) -> bool:
    """Whether listeners of this kind are UDP sockets for SRT."""
    return kind == SRT or kind.startswith(_MAPPED)


@dataclass(kw_only=True, eq=False)
class Worker:
    """One worker process as its role sees it. `async def serve(worker: Worker) -> None` is a role's entry.

    A role calls `ready()` once it serves. When `draining` is set it stops accepting, calls
    `close_listeners()`, lets what is there finish, and returns; at `drain_deadline` it is cancelled. A role
    that returns before `draining` is set has failed, as has one that raises: the process ends with code 1
    and is replaced.

    `listeners` holds non-blocking sockets that listen already. Under "rtmp" and "http" a fanout worker finds
    the sockets of all fanout workers, by fanout index, so that it can accept for one that is down (`Lend`);
    `own_listener` picks its own. "rtmps" and "https" are the same, and empty without TLS.
    Where systemd handed in one socket, the list has that one. The same holds
    of the UDP sockets under "srt", and under `mapped_srt(name)` for each port that stands for a stream;
    without SRT "srt" is empty. Control finds "api" and "metrics". What a role does not need is not there:
    the lists are empty.
    """

    slot: WorkerSlot
    slots: tuple[WorkerSlot, ...]
    config: Config
    arena: Arena
    board: Board
    cell: WorkerCell
    directory: Directory
    listeners: Mapping[str, list[socket.socket]]
    doorbells: Mapping[int, Doorbell]
    bus: Bus
    log: FilteringBoundLogger
    metrics: Metrics
    srt_secret: bytes = field(repr=False)
    """What SRT cookies are made with: of this boot, and the same in all workers, since a successor or a
    borrower of the listener gets the second half of a handshake."""
    packages: Packages | None = None
    """None where HLS is off."""
    tracer: "Tracer | None" = None
    """None where traces are off, which costs whoever asks this one look."""
    buried: tuple[Buried, ...] = ()
    """Players of the process that died in this slot before: the role counts them as ended, `worker_death`."""
    draining: trio.Event = field(default_factory=trio.Event)
    is_ready: trio.Event = field(default_factory=trio.Event)
    drain_deadline: float = math.inf
    """Trio time at which `serve` is cancelled; infinite until `draining` is set."""
    vitals: Vitals = field(default_factory=Vitals)
    """How busy the process is; the heartbeat tells it."""
    holdings: Callable[[], Holdings] = field(default=Holdings)
    """What the role is at work on: it says so itself, for what that needs is no leak."""
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    """The scope that the runtime runs `serve` in."""
    _on_reload: list[ReloadCallback] = field(default_factory=list)

    @property
    def doorbell(self) -> Doorbell:
        """This worker's own doorbell: the one to wait on."""
        return self.doorbells[self.slot.number]

    def own_listener(self, kind: str) -> socket.socket:
        """The socket to accept on for `kind`: this slot's, or the one that all share."""
        shared = self.listeners[kind]
        return shared[self.slot.index % len(shared)]

    def ready(self) -> None:
        """Say that the role serves: on the board at once, and to the supervisor."""
        self.cell.ready_ns = time.monotonic_ns()
        if not self.draining.is_set():
            self.cell.state = WorkerState.READY
        self.is_ready.set()

    def on_reload(self, callback: ReloadCallback) -> None:
        """Call `callback(old, new)` whenever `config` has been replaced."""
        self._on_reload.append(callback)

    def reload(self, config: Config) -> None:
        """Replace the configuration and tell who asked to know. Called by the runtime."""
        old, self.config = self.config, config
        for callback in self._on_reload:
            callback(old, config)

    def drain(self, seconds: float) -> None:
        """Begin to leave. A later call can only shorten the time that is left."""
        self.drain_deadline = min(self.drain_deadline, trio.current_time() + seconds)
        self.scope.deadline = self.drain_deadline
        self.cell.state = WorkerState.DRAINING
        self.draining.set()

    def close_listeners(self) -> None:
        """Close this process's copies of all listening sockets; accepting on them must have ended."""
        for sockets in self.listeners.values():
            for listener in sockets:
                listener.close()
