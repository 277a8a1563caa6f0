"""Reading the configuration again: what may change while the engine runs, and what has to wait."""

from collections.abc import Callable, Mapping
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from engine.config import Config, ConfigError, Reload, apply_hot, diff, load
from workers.runtime.logs import try_log_file
from workers.runtime.sealed_config import order_of


class Reread:
    """The outcome: the configuration to run by from now on, and its word in the metrics catalogue."""

    def __init__(self, config: Config, result: str) -> None:
        self.config = config
        self.result = result


def reread(
    running: Config,
    path: str | None,
    environ: Mapping[str, str],
    log: FilteringBoundLogger,
    why_not: Callable[[Config], str | None] = lambda _: None,
) -> Reread:
    """Load again and log what comes of it. A configuration that cannot be used changes nothing.

    why_not: tells what stands against it that the configuration itself does not show.
    """
    try:
        wanted = load(Path(path).read_text(encoding="utf-8") if path else "", environ)
        changes = diff(running, wanted)
        config = apply_hot(running, wanted)
        if (fault := why_not(config)) is not None:
            raise ConfigError((fault,))
        with order_of(config):  # were there no memory for it, workers would not hear of it
            pass
        _try_log_file(running.log.file, config.log.file)
    except (ConfigError, OSError, UnicodeDecodeError) as error:
        problems = error.problems if isinstance(error, ConfigError) else (str(error),)
        log.error("reload_refused", file=path, problems=problems, hint="the old configuration stays")
        return Reread(running, "refused")
    log.info("reloaded", file=path, applied=changes.hot, needs_restart=changes.restart)
    return Reread(config, _result(changes))


def _try_log_file(held: str, wanted: str) -> None:
    """Raise ConfigError for another file that cannot be written: there might be no log at all.

    The one that is held is not asked: what has happened to it is no fault of the new configuration.
    """
    if not wanted or wanted == held:
        return
    try:
        try_log_file(wanted)
    except OSError as error:
        raise ConfigError((f"log.file: {wanted} cannot be written: {error.strerror}",)) from None


def _result(changes: Reload) -> str:
    if changes.restart:
        return "needs_restart"
    return "applied" if changes.hot else "unchanged"
