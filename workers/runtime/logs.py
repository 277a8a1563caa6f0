"""Logs: one JSON object per line on stderr, or a human form where stderr is a terminal.

Every line has `at` (UTC), `level`, `event` and `worker`; the rest are fields. The writer never blocks: a
log reader that has stopped must not stop the media path. It asks whether the line fits first, which for a
pipe means that PIPE_BUF bytes are free, and counts what it had to drop. Why not O_NONBLOCK: the flag
belongs to the open file, which other processes share.
"""

import os
import select
from typing import Final, Literal

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

LogForm = Literal["auto", "json", "human"]
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_ALWAYS: Final = 50  # critical, exception
_STDERR: Final = 2
_CONSOLE: Final = structlog.dev.ConsoleRenderer(
    colors=os.isatty(_STDERR), exception_formatter=structlog.dev.plain_traceback
)
_PIPE_BUF_BYTES: Final = 4096  # pipe(7): what a writable pipe takes at once, and as a whole


class LineWriter:
    """Writes whole lines to a descriptor that may be a pipe nobody reads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self.dropped = 0

    def write(self, line: bytes) -> None:
        """Write one line, or count it as dropped. Its newline is added here."""
        if self.dropped:
            self._confess()
        if not self._put(line + b"\n"):
            self.dropped += 1

    def _confess(self) -> None:
        note = msgspec.json.encode({"level": "warning", "event": "log lines dropped", "count": self.dropped})
        if self._put(note + b"\n"):
            self.dropped = 0

    def _put(self, line: bytes) -> bool:
        for start in range(0, len(line), _PIPE_BUF_BYTES):
            if not self._fits():
                return False
            try:
                os.write(self._descriptor, line[start : start + _PIPE_BUF_BYTES])
            except OSError:  # the reader is gone, or the disk is full: nothing that a log line could say
                return False
        return True

    def _fits(self) -> bool:
        return any(events & select.POLLOUT for _, events in self._poll.poll(0))

    # The names under which structlog's filtering logger calls what it wraps.
    debug = info = warning = error = critical = exception = msg = write


class _Settings:
    """What holds for all loggers of this process; a reload may change it while they live."""

    threshold = LEVELS["info"]
    human = False


def configure_logs(level: str, form: LogForm, descriptor: int = _STDERR) -> None:
    """Set level and form for every logger of this process, also those that exist."""
    _Settings.threshold = LEVELS[level]
    _Settings.human = form == "human" or (form == "auto" and os.isatty(descriptor))


def open_log(worker: str, descriptor: int = _STDERR) -> FilteringBoundLogger:
    """A logger with the name of its process bound as the field `worker`."""
    processors: list[Processor] = [
        _drop_below_threshold,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _render,
    ]
    log: FilteringBoundLogger = structlog.wrap_logger(
        LineWriter(descriptor),
        processors=processors,
        # The level is looked at in a processor, which can follow a reload; a class made for a level cannot.
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS["debug"]),
        cache_logger_on_first_use=True,
    ).bind(worker=worker)
    return log


def _drop_below_threshold(_logger: object, name: str, event: EventDict) -> EventDict:
    if LEVELS.get(name, _ALWAYS) < _Settings.threshold:
        raise structlog.DropEvent
    return event


def _render(logger: object, name: str, event: EventDict) -> bytes:
    if _Settings.human:
        return _human(logger, name, event)
    return _json(_ordered(structlog.processors.format_exc_info(logger, name, event)))


def _human(logger: object, name: str, event: EventDict) -> bytes:
    event["timestamp"] = event.pop("at")
    return _CONSOLE(logger, name, event).encode("utf-8", "backslashreplace")


def _json(event: EventDict) -> bytes:
    try:
        return msgspec.json.encode(event, enc_hook=repr)
    except (TypeError, ValueError, RecursionError) as error:  # a log line must never be what fails
        return msgspec.json.encode({"level": "error", "event": repr(event)[:2000], "unencodable": str(error)})


def _ordered(event: EventDict) -> EventDict:
    """Put time, level, event and worker first: people read these lines too."""
    first = {key: event.pop(key) for key in ("at", "level", "event", "worker") if key in event}
    return {**first, **event}
