"""What a worker obeys, whatever its role: Drain and Reload, SIGTERM, and the end of its supervisor."""

import math
import select
import signal
from typing import Final

import trio

from workers.runtime.bus import BusError, Descriptors, Envelope
from workers.runtime.logs import configure_logs
from workers.runtime.messages import Drain, Ready, Reload
from workers.runtime.sealed_config import config_in
from workers.runtime.slots import SUPERVISOR
from workers.runtime.worker import Worker

HANG_MARGIN_S: Final = 5  # from the end of an orphan's drain to SIGALRM, which needs no working loop


def obey_bus(worker: Worker) -> None:
    """Handle the supervisor's messages. They are handled here, so that a role cannot forget to."""

    async def drain(message: Drain, _envelope: Envelope, _fds: Descriptors) -> None:
        worker.log.info("draining", seconds=message.seconds, reason="supervisor_asked")
        worker.drain(message.seconds)

    async def reload(message: Reload, _envelope: Envelope, fds: Descriptors) -> None:
        config = config_in(message, fds)
        configure_logs(config.log)
        if worker.tracer is not None:
            worker.tracer.ratio = config.traces.ratio
        worker.reload(config)

    worker.bus.handle(Drain, drain)
    worker.bus.handle(Reload, reload)


async def obey_signals(
    worker: Worker, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Drain at SIGTERM. The signal is blocked since before the fork, and let through from here on."""
    with trio.open_signal_receiver(signal.SIGTERM) as received:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        task_status.started()
        async for _ in received:
            worker.log.info("draining", seconds=worker.config.workers.drain_s, reason="SIGTERM")
            worker.drain(worker.config.workers.drain_s)


async def drain_when_orphaned(worker: Worker, supervisor_pidfd: int) -> None:
    """Wait for the supervisor's death, then leave within `workers.orphan_drain_s`.

    The ports must become free for a new supervisor soon, and nobody is left to replace a worker that fails.
    """
    await trio.lowlevel.wait_readable(supervisor_pidfd)
    seconds = worker.config.workers.orphan_drain_s
    signal.alarm(math.ceil(seconds) + HANG_MARGIN_S)
    worker.log.error("draining", seconds=seconds, reason="supervisor_gone")
    worker.drain(seconds)


def is_dead(pidfd: int) -> bool:
    """Whether the process behind a pidfd has ended."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


async def announce(worker: Worker) -> None:
    """Tell the supervisor when the role has said that it serves."""
    await worker.is_ready.wait()
    try:
        await worker.bus.send(SUPERVISOR, Ready())
    except BusError as error:  # it is dead or hung; the board says READY all the same
        worker.log.error("ready_message_lost", error=str(error))
