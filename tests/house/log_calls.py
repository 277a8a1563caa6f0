"""Every line that the source may log, read off its syntax trees: event, level and fields."""

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.house.source import Module, modules

LEVELS: Final = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}
LOGGERS: Final = frozenset({"log", "_log", "line"})
NOT_FIELDS: Final = frozenset({"exc_info"})


class LogCall(NamedTuple):
    """One call of a logger. `level` is what the line says, `has_more` that it has fields by `**`."""

    event: str
    level: str
    fields: frozenset[str]
    has_more: bool
    where: str


def log_calls() -> list[LogCall]:
    """All of them."""
    return [call for module in modules("workers") for call in _calls_of(module)]


def bound_fields() -> frozenset[str]:
    """The names of what is bound to loggers and contexts, and not said at each call."""
    names = {
        keyword.arg
        for module in modules("workers")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _is_binding(node.func)
        for keyword in node.keywords
        if keyword.arg is not None
    }
    return frozenset(names)


def _whole_line(node: ast.Dict, where: str) -> LogCall | None:
    """A line that no logger makes, since it is about the stream that loggers write to."""
    texts = {
        key.value: value.value if isinstance(value, ast.Constant) else None
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    level, event = texts.get("level"), texts.get("event")
    if not isinstance(level, str) or not isinstance(event, str):
        return None
    return LogCall(event, level, frozenset(map(str, texts.keys() - {"level", "event"})), False, where)


def _calls_of(module: Module) -> Iterator[LogCall]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Dict) and (line := _whole_line(node, f"{module.name}:{node.lineno}")):
            yield line
        if isinstance(node, ast.Call) and not _is_packet_logger(node) and (found := _level_and_event(node)):
            level, event = found
            where = f"{module.name}:{node.lineno}"
            names = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
            has_more = any(keyword.arg is None for keyword in node.keywords)
            yield LogCall(_text(event, where), level, frozenset(names - NOT_FIELDS), has_more, where)


def _is_packet_logger(call: ast.Call) -> bool:
    """`log_packet` itself: the calls of it are what counts."""
    return any(keyword.arg == "level" for keyword in call.keywords)


def _level_and_event(call: ast.Call) -> tuple[str, ast.expr] | None:
    """The level and the expression for the event, if this is a call of a logger."""
    if isinstance(call.func, ast.Name) and call.func.id == "log_packet":
        return "trace", call.args[1]
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in LEVELS or not call.args:
        return None
    return (LEVELS[call.func.attr], call.args[0]) if is_logger(call.func.value) else None


def is_logger(node: ast.expr) -> bool:
    """Whether this is what the source calls a logger."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in LOGGERS


def _is_binding(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr == "bind":
        return is_logger(function.value) or isinstance(function.value, ast.Call)
    return function.attr in ("bind_contextvars", "bound_contextvars")


def _text(event: ast.expr, where: str) -> str:
    assert isinstance(event, ast.Constant), f"{where}: an event is a text of its own, so that it can be found"
    return str(event.value)
