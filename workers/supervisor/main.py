"""The supervisor: makes what outlives workers, starts them, and keeps them there.

Theory of operation. One thread and no event loop library: a fork out of a running trio loop breaks the
child, and threads do not survive a fork. A selector waits for pidfds (a death), the supervisor's inbox,
signals and timers; each is answered by a small step that cannot wait. Decisions are pure machines
(`engine.policy.restart`, `loans`); everything needed to go on after any worker's death is owned here
(`estate`).

It holds no stream and no player, so its own death ends no connection at once: workers see it and drain.
"""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from structlog.typing import FilteringBoundLogger

from engine.config import Config
from workers.runtime.aborts import trace_aborts
from workers.runtime.certificates import Unusable, check, check_time
from workers.runtime.logs import configure_logs, count_lines, open_log, open_log_file
from workers.runtime.slots import CONTROL, FANOUT, INGEST, PACKAGER
from workers.supervisor.errors import StartError
from workers.supervisor.estate import found, warm_up
from workers.supervisor.loop import Loop
from workers.supervisor.supervisor import Supervisor

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        INGEST: "workers.ingest.main",
        FANOUT: "workers.fanout.main",
        PACKAGER: "workers.packager.main",
        CONTROL: "workers.control.main",
    }
)
"""Role to module; each has `async def serve(worker)`. By name, because roles never import each other."""

SUPERVISOR: Final = "supervisor"
"""What this process is called in logs and metrics."""

LIBRARIES: Final = ("trio", "msgspec", "structlog", "httptools", "wsproto", "prometheus_client")
NOT_SHARED: Final = frozenset({CONTROL})
# Roles that import after the fork: control's web framework (25 MB) has no place in the media workers.

EXIT_OK: Final = 0
EXIT_START_FAILED: Final = 1


def run(
    config: Config, config_path: str | None, environ: Mapping[str, str], roles: Mapping[str, str] = ROLES
) -> int:
    """Be the engine until it is told to stop; the process's exit code. Must run in the main thread.

    `config` is what was loaded from `config_path` (None: from nothing) and `environ`; SIGHUP loads it again.
    """
    trace_aborts()
    started = time.monotonic()
    configure_logs(config.log)
    log = open_log(SUPERVISOR)
    loop = Loop()
    try:
        _check_log_file(config)
        _check_certificate(config, log)
        estate = found(config, environ, log)
        with estate.stack:
            count_lines(estate.metrics, SUPERVISOR)
            warm_up((*LIBRARIES, *(module for role, module in roles.items() if role not in NOT_SHARED)))
            Supervisor(config, config_path, environ, roles, estate, loop, log).run(started)
    except StartError as error:
        log.error("cannot_start", error=str(error))
        return EXIT_START_FAILED
    finally:
        loop.close()
    return EXIT_OK


def _check_log_file(config: Config) -> None:
    try:
        open_log_file()
    except OSError as error:
        raise StartError(f"log.file: {config.log.file} cannot be written: {error.strerror}") from None


def _check_certificate(config: Config, log: FilteringBoundLogger) -> None:
    """Raise StartError for files that TLS cannot be served with.

    One that has expired is only told: the plain ports, and clients that do not look, are no worse off.
    """
    if not config.tls.enabled:
        return
    try:
        identity = check(config.tls)
    except Unusable as error:
        raise StartError(str(error)) from None
    try:
        check_time(config.tls, identity)
    except Unusable as error:
        log.error("certificate_not_valid", why=str(error), hint="clients will refuse it")
