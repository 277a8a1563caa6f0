"""Every line that tells an error has a type in the catalogue of metrics, and no type is without a line."""

import ast
from collections.abc import Iterator

from engine.metrics import ERROR_TYPES
from tests.house.source import modules

LEVELS = ("error", "exception", "critical")
LOGS = ("log", "_log")


def errors_logged() -> Iterator[tuple[str, str | None]]:
    """Where an error is logged, and the event it is told as; None for one that is put together there."""
    for module in modules("workers"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and is_error(node.func):
                event = node.args[0] if node.args else None
                text = event.value if isinstance(event, ast.Constant) else None
                yield f"{module.name}:{node.lineno}", text if isinstance(text, str) else None


def is_error(function: ast.expr) -> bool:
    """Whether it is `log.error` or the like, whosever log."""
    if not isinstance(function, ast.Attribute) or function.attr not in LEVELS:
        return False
    owner = function.value
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return name in LOGS


def test_events_of_errors_are_written_out() -> None:
    assert [place for place, event in errors_logged() if event is None] == []


def test_the_types_of_errors_are_the_events_that_are_logged() -> None:
    logged = {event for _, event in errors_logged() if event}
    assert logged == set(ERROR_TYPES)
    assert list(ERROR_TYPES) == sorted(ERROR_TYPES)
