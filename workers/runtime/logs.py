"""Logs: one JSON object per line, on a standard stream, in a file, or both; docs/logs.md says what is in it.

Every line has `at` (UTC), `level`, `event` and `worker`; the rest are fields. Where the stream is a
terminal a form for people is written there; the file has JSON always. Neither stops the media path: what a
slow reader or a full disk does not take is counted and left out (log_lines.py, log_file.py), and so is what
exceeds the rate of its kind (engine/policy/line_rates.py).

Levels: error, somebody has to act now; warning, it went on by itself (a retry, a fallback), look when there
is time; info, what happens to streams and clients; debug, for whoever looks for a fault; trace, each
message of each publisher, and what the supervisor is told.
"""

import os
import time
from typing import Final, Literal, Protocol

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from engine.config import Log
from engine.policy.line_rates import LineRates
from workers.runtime.log_file import LogFile, open_regular
from workers.runtime.log_lines import LineWriter
from workers.runtime.metrics import Child

LogForm = Literal["auto", "json", "human"]
LEVELS: Final = {"trace": 5, "debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
UNLIMITED: Final = frozenset({"log_lines_left_out", "worker_failed"})
"""Kinds that no rate holds back: the word on what was, and the last words of a process."""
_ALWAYS: Final = LEVELS["critical"]
_STDOUT: Final = 1
STREAMS: Final = {"stdout": _STDOUT, "stderr": 2, "off": None}


class Counts(Protocol):
    """The part of the metrics that is used here."""

    def bind(self, name: str, **labels: str) -> Child: ...


class _Process:
    """What holds for all loggers of this process; a reload may change it while they live."""

    threshold = LEVELS["info"]
    console: structlog.dev.ConsoleRenderer | None = None
    """Writes the stream's lines for people, if they are not JSON."""
    stream: LineWriter | None = LineWriter(_STDOUT)
    stream_name = "stdout"
    file: LogFile | None = None
    rotation_error = ""
    rates = LineRates(Log().max_lines_per_s)
    counts: Counts | None = None
    component = ""


class Packets:
    """Whether single packets are logged: asked before each, so it is an attribute and no call."""

    logged = False


class Ordinary:
    """Whether what went well is logged of each request of a player: asked before each, as `Packets` is."""

    logged = False


def configure_logs(settings: Log) -> None:
    """Set level, form, stream, file and rate for every logger of this process, also those that exist.

    A file that cannot be opened costs its lines until it can be; `open_log_file` tells.
    """
    _Process.threshold = LEVELS[settings.level]
    Packets.logged = settings.level == "trace"
    Ordinary.logged = LEVELS["debug"] >= _Process.threshold
    _Process.rates.set_rate(settings.max_lines_per_s)
    _take_stream(settings)
    _take_file(settings)


def _take_stream(settings: Log) -> None:
    descriptor = STREAMS[settings.stream]
    if settings.stream != _Process.stream_name:
        _Process.stream_name = settings.stream
        _Process.stream = _writer(settings.stream)
    on_terminal = descriptor is not None and os.isatty(descriptor)
    for_people = settings.format == "human" or (settings.format == "auto" and on_terminal)
    _Process.console = _console(colors=on_terminal) if for_people else None


def _console(*, colors: bool) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)


def _writer(stream_name: str) -> LineWriter | None:
    descriptor = STREAMS[stream_name]
    return None if descriptor is None else LineWriter(descriptor)


def _take_file(settings: Log) -> None:
    file = _Process.file
    if file is not None and file.path != settings.file:
        file.close()
        file = _Process.file = None
    if file is not None:
        file.max_bytes, file.kept = settings.max_file_bytes, settings.kept_files
    elif settings.file:
        _Process.file = LogFile(settings.file, settings.max_file_bytes, settings.kept_files)


def open_log_file() -> None:
    """Open the file, if there is one, as it is now: at start, after a fork, and when told that it was moved.

    Raises OSError.
    """
    if _Process.file is not None:
        _Process.file.open()


def try_log_file(path: str) -> None:
    """Whether lines could be written there, before anything depends on it. Raises OSError."""
    os.close(open_regular(path))


def begin_as_child() -> None:
    """Have nothing in common with the parent: after a fork the open file, and so its lock, would be one."""
    _Process.rates.take_left_out()
    _Process.counts = None
    _Process.stream = _writer(_Process.stream_name)
    if _Process.file is not None:
        _Process.file.close()


def count_lines(counts: Counts, component: str) -> None:
    """Count in these metrics from now on; errors as those of `component`, a role or the supervisor."""
    _Process.counts = counts
    _Process.component = component


def look_after_logs(log: FilteringBoundLogger) -> None:
    """Now and then: say what was left out, and let go of a file that has been moved away."""
    for kind, count in _Process.rates.take_left_out().items():
        log.warning("log_lines_left_out", kind=kind, count=count)
    if _Process.file is not None:
        _tell_rotation(log, _Process.file, _Process.file.look_after())


def _tell_rotation(log: FilteringBoundLogger, file: LogFile, error: str) -> None:
    """Once, and again only after it has worked for a while: each look is one more try."""
    if error and error != _Process.rotation_error:
        log.error("log_rotation_failed", file=file.path, why=error)
    _Process.rotation_error = error


def log_packet(log: FilteringBoundLogger, event: str, **fields: object) -> None:
    """One line at level trace. Ask `Packets.logged` first."""
    log.debug(event, level="trace", **fields)


class _Sink:
    """What structlog hands rendered lines to. With a descriptor of its own it knows no stream and no file."""

    def __init__(self, descriptor: int | None) -> None:
        self._own = None if descriptor is None else LineWriter(descriptor)

    def write(self, level: str, shown: bytes, kept: bytes) -> None:
        """Write `shown` to the stream and `kept` to the file."""
        stream, file = self._own or _Process.stream, None if self._own else _Process.file
        _count("fanlight_log_lines_total", level=level)
        if stream is not None and not stream.write(shown):
            _count("fanlight_log_lines_left_out_total", reason="stream_full")
        if file is not None:
            rotations = file.rotations
            if not file.write(kept):
                _count("fanlight_log_lines_left_out_total", reason="file_failed")
            elif file.rotations != rotations:
                _count("fanlight_log_rotations_total")

    # The names under which structlog's filtering logger calls what it wraps.
    debug = info = warning = error = critical = exception = msg = write


def _count(name: str, **labels: str) -> None:
    if _Process.counts is not None:
        _Process.counts.bind(name, **labels).inc()


def open_log(worker: str, descriptor: int | None = None) -> FilteringBoundLogger:
    """A logger with the name of its process bound as the field `worker`.

    descriptor: where its lines go instead of the process's stream and file.
    """
    processors: list[Processor] = [
        _add_level,
        _drop_below_threshold,
        _count_error,
        _drop_above_rate,
        structlog.contextvars.merge_contextvars,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _render,
    ]
    log: FilteringBoundLogger = structlog.wrap_logger(
        _Sink(descriptor),
        processors=processors,
        # The level is looked at in a processor, which can follow a reload; a class made for a level cannot.
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS["debug"]),
        cache_logger_on_first_use=True,
    ).bind(worker=worker)
    return log


def _add_level(_logger: object, name: str, event: EventDict) -> EventDict:
    event.setdefault("level", "error" if name == "exception" else name)
    return event


def _drop_below_threshold(_logger: object, _name: str, event: EventDict) -> EventDict:
    if LEVELS.get(event["level"], _ALWAYS) < _Process.threshold:
        raise structlog.DropEvent
    return event


def _count_error(_logger: object, _name: str, event: EventDict) -> EventDict:
    """Where lines are written, so that nothing that goes wrong can be forgotten; whether it is left out or
    not.
    """
    if LEVELS.get(event["level"], _ALWAYS) >= LEVELS["error"]:
        _count("fanlight_errors_total", component=_Process.component, type=str(event["event"]))
    return event


def _drop_above_rate(_logger: object, _name: str, event: EventDict) -> EventDict:
    kind = event["event"]
    if kind not in UNLIMITED and not _Process.rates.allow(kind, time.monotonic()):
        _count("fanlight_log_lines_left_out_total", reason="rate")
        raise structlog.DropEvent
    return event


def _render(
    logger: object, name: str, event: EventDict
) -> tuple[tuple[str, bytes, bytes], dict[str, object]]:
    level, console = event["level"], _Process.console
    shown = _human(console, logger, name, dict(event)) if console else b""
    kept = b""
    if not console or _Process.file is not None:
        kept = _json(_ordered(structlog.processors.format_exc_info(logger, name, event)))
    return (level, shown or kept, kept), {}


def _human(console: structlog.dev.ConsoleRenderer, logger: object, name: str, event: EventDict) -> bytes:
    event["timestamp"] = event.pop("at")
    return console(logger, name, event).encode("utf-8", "backslashreplace")


def _json(event: EventDict) -> bytes:
    try:
        return msgspec.json.encode(event, enc_hook=repr)
    except (TypeError, ValueError, RecursionError) as error:  # a log line must never be what fails
        return msgspec.json.encode({"level": "error", "event": repr(event)[:2000], "unencodable": str(error)})


def _ordered(event: EventDict) -> EventDict:
    """Put time, level, event and worker first: people read these lines too."""
    first = {key: event.pop(key) for key in ("at", "level", "event", "worker") if key in event}
    return {**first, **event}
