"""An ASGI application on a listening socket that was made by the supervisor.

hypercorn's trio server, told by the limits here what it does not limit itself. Two things it does not have: a
deadline for writing, in whose place the listeners carry TCP_USER_TIMEOUT, so that a client that has stopped
reading is gone after that and not never; and a wall round its connections, so that a fault in one ends all of
them. The wall is here: the server is started again on the same socket.
"""

import os
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from structlog.typing import FilteringBoundLogger

from workers.control import limits
from workers.control.requests import App

Trigger = Callable[[], Awaitable[None]]


async def serve_http(
    app: App,
    listener: socket.socket,
    log: FilteringBoundLogger,
    shutdown: trio.Event,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `shutdown` is set and requests under way have ended, `GRACE_S` later at most.

    The listener stays the caller's: the server gets a duplicate, which it closes.
    """
    started = _Once(task_status)
    while not shutdown.is_set():
        try:
            await _serve_once(app, listener, shutdown, started)
        except Exception as error:
            log.error("HTTP server failed, starting it again", exc_info=error)
            await trio.sleep(limits.RESTART_PAUSE_S)


async def _serve_once(app: App, listener: socket.socket, shutdown: trio.Event, started: "_Once") -> None:
    config = _config(os.dup(listener.fileno()))
    async with trio.open_nursery() as nursery:
        run: Callable[..., Awaitable[Any]] = partial(serve, shutdown_trigger=shutdown.wait, mode="asgi")
        await nursery.start(run, app, config)
        started()


class _Once:
    """Tells the nursery that the server listens: the first time only."""

    def __init__(self, task_status: trio.TaskStatus[None]) -> None:
        self._task_status = task_status
        self._said = False

    def __call__(self) -> None:
        if not self._said:
            self._said = True
            self._task_status.started()


def _config(descriptor: int) -> Config:
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.backlog = limits.BACKLOG
    config.read_timeout = limits.READ_TIMEOUT_S
    config.keep_alive_timeout = limits.KEEP_ALIVE_S
    config.graceful_timeout = limits.GRACE_S
    config.h11_max_incomplete_size = limits.HEAD_MAX_BYTES
    config.include_server_header = False
    # Requests and faults are logged by our own middleware, with ids, in our own form.
    config.accesslog = None
    config.errorlog = None
    return config
