"""Services that are called."""

from typing import Final

from tests.monitoring.cases.case import Counted, always
from tests.monitoring.timelines import gauge

_EVENTS: Final = Counted(
    "FanlightHookEventsLost",
    "fanlight_hook_events_total",
    "{count} events {action} of sick:9972 were dropped in 15 minutes, because the spool was full.",
    by=("action",),
)
_WRITES: Final = Counted(
    "FanlightHookSpoolFails",
    "fanlight_hook_spool_errors_total",
    "sick:9972 could not write to its spool {count} times in 15 minutes: those events are in memory alone.",
    by=(),
)

HOOKS: Final = (
    always(
        'fanlight_breaker_state{dependency="hooks"}',
        gauge(0, 2),
        gauge(0, 1),
        "FanlightBreakerOpen",
        "The circuit breaker of hooks of sick:9972 is open (state 2): calls are not even tried.",
        labels={"dependency": "hooks"},
    ),
    always(
        "fanlight_hook_queue_oldest_seconds",
        gauge(0, 150),
        gauge(0, 59),
        "FanlightHooksFailing",
        "An event of sick:9972 has waited for 2m 30s.",
    ),
    _EVENTS.first(
        9, action="on_play", result="dropped", harmless={"action": "on_play", "result": "delivered"}
    ),
    _EVENTS.first_and_not_seen_again(9, action="on_play", result="dropped"),
    _EVENTS.again(1, 90, action="on_stop", result="dropped", stands=91),
    _WRITES.first(1),
    _WRITES.first_and_not_seen_again(3),
    _WRITES.again(0, 60, stands=60),
)
