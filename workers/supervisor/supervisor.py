"""The supervisor itself: ties signals, workers' news and timers to what is to be done about them."""

import signal
import time
from collections.abc import Mapping

from structlog.typing import FilteringBoundLogger

from engine.config import Config
from workers.runtime.inheritance import Inheritance
from workers.runtime.logs import Packets, configure_logs, log_packet, look_after_logs, open_log_file
from workers.runtime.messages import Drain, Reload
from workers.runtime.notify import Notifier
from workers.runtime.sealed_config import order_of
from workers.runtime.slots import SUPERVISOR
from workers.supervisor.estate import Estate
from workers.supervisor.health import is_healthy, status, until_next_look_s
from workers.supervisor.lending import Lending
from workers.supervisor.limits import DRAIN_MARGIN_S, KILL_PATIENCE_S, STATUS_EVERY_S
from workers.supervisor.listeners import (
    addresses_of,
    close_listeners,
    set_options,
    stream_addresses_of,
    unguarded,
)
from workers.supervisor.loop import Loop
from workers.supervisor.post import Post
from workers.supervisor.reload import reread
from workers.supervisor.roster import Roster
from workers.supervisor.seat import Seat


class Supervisor:
    """One life of the engine, from the first fork to the last worker's end."""

    def __init__(
        self,
        config: Config,
        config_path: str | None,
        environ: Mapping[str, str],
        roles: Mapping[str, str],
        estate: Estate,
        loop: Loop,
        log: FilteringBoundLogger,
    ) -> None:
        self._config = config
        self._config_path = config_path
        self._environ = environ
        self._roles = roles
        self._estate = estate
        self._loop = loop
        self._log = log
        self._notifier = Notifier.from_environ(environ)
        self._post = Post(estate.inboxes[SUPERVISOR], estate.outboxes, log)
        self._roster = Roster(estate, self._inherit, loop, config, log)
        own_sockets = any(len(sockets) > 1 for sockets in estate.listeners.values())
        self._lending = Lending(estate.slots, loop, self._post, log, needed=own_sockets)
        self._ready = self._stopping = False
        self._status = ""
        self._started = 0.0

    def run(self, started: float) -> None:
        """Serve until stopped by a signal. `started` is when the process began, for the log."""
        self._started = started
        self._wire()
        try:
            self._say_where()
            self._roster.start()
            self._loop.run()
        finally:
            self._roster.kill_all()
        self._log.info("stopped", seconds=round(time.monotonic() - started, 3))

    def _say_where(self) -> None:
        listeners = self._estate.listeners
        streams = stream_addresses_of(listeners)
        self._log.info("listening", **addresses_of(listeners), **({"srt_ports": streams} if streams else {}))

    def _wire(self) -> None:
        self._roster.on_ready = self._worker_ready
        self._roster.on_down = self._lending.down
        self._roster.on_empty = self._loop.stop
        self._loop.watch(self._post.fileno(), self._read_post)
        self._loop.on_signal(signal.SIGTERM, self._stop)
        self._loop.on_signal(signal.SIGINT, self._stop)
        self._loop.on_signal(signal.SIGHUP, self._reload)
        self._loop.after("status", STATUS_EVERY_S, self._tell_status)
        if self._notifier.watchdog_s is not None:
            self._loop.after("watchdog", 0, self._feed_watchdog)

    def _inherit(self) -> Inheritance:
        estate = self._estate
        return Inheritance(
            slots=estate.slots,
            config=self._config,
            arena=estate.arena,
            listeners=estate.listeners,
            doorbells=estate.doorbells,
            inboxes=estate.inboxes,
            outboxes=estate.outboxes,
            metrics_directory=str(estate.metrics.directory),
            package_arena=estate.packages.arena if estate.packages else None,
            segment_folder=estate.packages.folder if estate.packages else None,
            srt_secret=estate.srt_secret,
            supervisor_pidfd=estate.own_pidfd,
            roles=self._roles,
            close_private=self._close_in_child,
        )

    def _close_in_child(self) -> None:
        self._loop.close()
        self._roster.forget_processes()

    def _read_post(self) -> None:
        for source, message in self._post.arrived():
            if Packets.logged:
                log_packet(self._log, "post", source=source, message=type(message).__name__)
        self._roster.look()  # the board has the truth; a message only says when to look

    def _worker_ready(self, seat: Seat) -> None:
        self._lending.up(seat)
        if not self._ready and all(each.announced for each in self._roster.seats):
            self._ready = True
            seconds = round(time.monotonic() - self._started, 3)
            self._log.info("ready", workers=len(self._roster.seats), seconds=seconds)
            self._notifier.ready(self._current_status())

    def _stop(self) -> None:
        if self._stopping:
            self._log.warning("stopping_at_once", reason="second_signal")
            self._kill()
            return
        self._stopping = True
        drain_s = self._config.workers.drain_s
        self._log.info("draining", seconds=drain_s)
        self._notifier.stopping()
        close_listeners(self._estate.listeners)  # our copies: with the workers' own, the ports close
        seconds = max(drain_s - DRAIN_MARGIN_S, drain_s / 2)
        for seat, process in self._roster.living():
            if not self._post.send(seat.slot.number, Drain(seconds)):
                process.signal(signal.SIGTERM)
        self._roster.retire()
        self._loop.after("drain", drain_s, self._kill)

    def _kill(self) -> None:
        self._roster.kill_all()
        self._loop.after("give up", KILL_PATIENCE_S, self._loop.stop)

    def _reload(self) -> None:
        self._notifier.reloading()
        self._open_log_file()
        outcome = reread(self._config, self._config_path, self._environ, self._log, self._why_not)
        self._estate.metrics.bind("fanlight_reloads_total", result=outcome.result).inc()
        # Unchanged, too: a worker may have missed it the last time. Refused, too, with TLS: the certificate's
        # files are read again.
        if outcome.result != "refused" or self._config.tls.enabled:
            self._apply(outcome.config)
        self._notifier.ready(self._current_status())

    def _why_not(self, config: Config) -> str | None:
        return None if self._stopping else unguarded(self._estate.listeners, config)

    def _apply(self, config: Config) -> None:
        self._config = config
        configure_logs(config.log)  # another log.file was tried by `reread`, and the next line opens it
        self._roster.configure(config)
        if not self._stopping:
            set_options(self._estate.listeners, config)
        self._tell_workers(config)

    def _tell_workers(self, config: Config) -> None:
        try:
            with order_of(config) as order:
                for seat, _ in self._roster.living():
                    self._post.send(seat.slot.number, order.message, order.descriptors)
        except OSError as error:  # a moment ago, in `reread`, there was room for it
            self._log.error("order_lost", to="all", order=Reload.__name__, error=str(error))

    def _open_log_file(self) -> None:
        """Workers need no word: each looks before a line whether the file has been moved."""
        try:
            open_log_file()
        except OSError as error:
            self._log.error("log_file_failed", file=self._config.log.file, why=str(error))

    def _tell_status(self) -> None:
        look_after_logs(self._log)
        text = self._current_status()
        if self._ready and text != self._status and not self._stopping:
            self._status = text
            self._notifier.status(text)
        self._loop.after("status", STATUS_EVERY_S, self._tell_status)

    def _current_status(self) -> str:
        return status(self._roster.seats, self._estate.directory.live_count())

    def _feed_watchdog(self) -> None:
        assert self._notifier.watchdog_s is not None
        healthy = self._stopping or is_healthy(self._roster.seats, self._estate.directory.live_count())
        if healthy:
            self._notifier.watchdog()
        pause_s = until_next_look_s(self._notifier.watchdog_s, healthy=healthy)
        self._loop.after("watchdog", pause_s, self._feed_watchdog)
