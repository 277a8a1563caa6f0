"""An ASGI application on a listening socket that was made by the supervisor.

hypercorn speaks HTTP on each connection; accepting is done here, for three things its own server lacks.

- A wall round each connection: requests that break HTTP in the right place make hypercorn raise, and its
  server then ends with all connections. Plain HTTP/1.1 suffices: a valid request with garbage behind it.
- A deadline for writing: hypercorn sends in a shielded scope, so a client that has stopped reading would hold
  up the drain until TCP_USER_TIMEOUT, which the listeners carry as well, ends it.
- An end when the client has left: hypercorn lets such a connection be idle for the rest of its keep-alive
  time.

`TCPServer` is not part of hypercorn's public interface: its version is pinned.
"""

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app
from structlog.typing import FilteringBoundLogger

from engine.policy.addresses import AddressBook
from workers.control import limits
from workers.control.requests import REQUEST_ID_HEADER, App, new_request_id
from workers.runtime.metrics import Binder

STATUS_LINE: Final = b"HTTP/1.1 "


async def serve_http(
    site: "Site",
    listener: socket.socket,
    shutdown: trio.Event,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `shutdown` is set and requests under way have ended, `GRACE_S` later at most.

    The listener stays the caller's: a duplicate is accepted on, and closed.
    """
    own = trio.SocketListener(trio.socket.from_stdlib_socket(listener.dup()))
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as door:
            accept = partial(trio.serve_listeners, site.talk, [own], handler_nursery=connections)
            door.start_soon(accept)
            task_status.started()
            await shutdown.wait()
            door.cancel_scope.cancel()
        await site.close_idle()
        connections.cancel_scope.deadline = trio.current_time() + limits.GRACE_S


class Site:
    """All connections of one listener.

    Args:
        app: answers.
        log, metrics: hear of connections that fail and that are turned away.
        visits: what one address may have; the listeners of a process share it.
        port: what the counters call this listener.
    """

    def __init__(
        self,
        app: App,
        log: FilteringBoundLogger,
        metrics: Binder,
        visits: AddressBook,
        port: str = "api",
    ) -> None:
        self._log = log
        self._metrics = metrics
        self._visits = visits
        self._config = _config()
        self._app = wrap_app(cast("Any", app), limits.BODY_MAX_BYTES, "asgi")
        self._context = WorkerContext(None)
        self.connections = 0
        """How many are open now."""
        self._gauge = metrics.bind("fanlight_control_connections", port=port)

    async def talk(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end. Never raises but Cancelled."""
        host = host_of(stream)
        visit = self._visits.enter(host, trio.current_time())
        refused = visit.refused or ("too_many_connections" if self._is_full() else "")
        try:
            if refused:
                self._turn_away(host, refused, news=visit.news)
            else:
                await self._talk_counted(stream)
        finally:
            self._visits.leave(visit)
            await trio.aclose_forcefully(stream)

    async def _talk_counted(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        self._gauge.set(self.connections)
        bounded = BoundedStream(stream)
        try:
            if await self._talk(bounded) and not bounded.answered:
                self._count("timeout")
        except Exception as error:  # the wall
            self._log.info("control_connection_failed", error=first_cause(error))
        finally:
            self.connections -= 1
            self._gauge.set(self.connections)

    def _is_full(self) -> bool:
        return self.connections >= limits.MAX_CONNECTIONS

    def _count(self, reason: str) -> None:
        """A connection that never asked for anything."""
        self._metrics.bind("fanlight_handshake_failures_total", protocol="http", reason=reason).inc()

    def _turn_away(self, host: str, reason: str, *, news: bool) -> None:
        self._count(reason)
        if news:
            self._log.warning("address_refused", remote=host, reason=reason)

    async def close_idle(self) -> None:
        """Connections without a request under way end now, the others after it."""
        await self._context.terminated.set()

    async def _talk(self, stream: "BoundedStream") -> bool:
        """Serve it; whether it ended because nothing came for too long."""
        connection = Connection(
            self._app, self._config, self._context, ConnectionState({}), cast("Any", stream)
        )
        await connection.run()
        return connection.timed_out


class BoundedStream:
    """The part of a SocketStream that hypercorn uses, with a deadline for writing."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.socket = stream.socket
        self.send_eof = stream.send_eof
        self.aclose = stream.aclose
        self.ended = trio.Event()
        """Set when the client will send no more."""
        self.answered = False
        """Whether the client was ever told anything."""

    async def receive_some(self, max_bytes: int) -> bytes:
        data = b""
        try:
            data = bytes(await self._stream.receive_some(max_bytes))
        finally:
            if not data:
                self.ended.set()
        return data

    async def send_all(self, data: bytes) -> None:
        """Send, or close the connection. Raises BrokenResourceError."""
        self.answered = True
        with trio.move_on_after(limits.WRITE_TIMEOUT_S) as scope:
            await self._stream.send_all(with_request_id(data))
        if scope.cancelled_caught:
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("the client has stopped reading")


class Connection(TCPServer):
    """hypercorn's connection, without its habit to stay idle for KEEP_ALIVE_S after the client has left."""

    timed_out = False
    """Whether it was idle for all of that time, or dripped a head."""

    async def _idle_timeout(self) -> None:
        with trio.move_on_after(limits.KEEP_ALIVE_S) as patience:
            await first_of(self.context.terminated.wait, cast("Any", self.stream).ended.wait)
        self.timed_out = patience.cancelled_caught
        with trio.CancelScope(shield=True):
            await self._initiate_server_close()


async def first_of(*waits: Callable[[], Awaitable[None]]) -> None:
    """Wait until one of them has come."""
    async with trio.open_nursery() as nursery:

        async def wait_for(wait: Callable[[], Awaitable[None]]) -> None:
            await wait()
            nursery.cancel_scope.cancel()

        for wait in waits:
            nursery.start_soon(wait_for, wait)


def with_request_id(data: bytes) -> bytes:
    """An answer that hypercorn gave by itself, to what is no request, has no id yet; others pass as they are.

    Heads are sent in one piece each, and no body here begins like one.
    """
    if not data.startswith(STATUS_LINE) or REQUEST_ID_HEADER in data:
        return data
    line, rest = data.split(b"\r\n", 1)
    return b"\r\n".join((line, REQUEST_ID_HEADER + b": " + new_request_id().encode(), rest))


def host_of(stream: trio.SocketStream) -> str:
    """Where a connection comes from; empty if it has gone already."""
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        return ""


def first_cause(error: BaseException) -> str:
    """An exception in one line; of a group, its first leaf."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _config() -> Config:
    config = Config()
    config.read_timeout = limits.READ_TIMEOUT_S
    config.keep_alive_timeout = limits.KEEP_ALIVE_S
    config.h11_max_incomplete_size = limits.HEAD_MAX_BYTES
    config.include_server_header = False
    # Requests and faults are logged by our own middleware, with ids, in our own form.
    config.accesslog = None
    config.errorlog = None
    return config
