"""Services that are called."""

from typing import Final

from tests.monitoring.cases.case import Case, always
from tests.monitoring.timelines import born, bumped, gauge, steady

_SERVICE: Final = 'fanlight_breaker_state{dependency="hooks"}'

HOOKS: Final = (
    always(
        _SERVICE,
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
    Case(
        "FanlightHookEventsLost",
        {'fanlight_hook_events_total{action="on_play", result="dropped"}': born(9)},
        {'fanlight_hook_events_total{action="on_play", result="delivered"}': born(9)},
        "9 events on_play of sick:9972 were dropped in 15 minutes, because the spool was full.",
        labels={"action": "on_play"},
    ),
    always(
        'fanlight_hook_events_total{action="on_stop", result="dropped"}',
        bumped(1, 90),
        steady(91),
        "FanlightHookEventsLost",
        "90 events on_stop of sick:9972 were dropped in 15 minutes, because the spool was full.",
        labels={"action": "on_stop"},
    ),
    Case(
        "FanlightHookSpoolFails",
        {"fanlight_hook_spool_errors_total": born(1)},
        {},
        "sick:9972 could not write to its spool 1 times in 15 minutes: those events are in memory alone.",
    ),
    always(
        "fanlight_hook_spool_errors_total",
        bumped(0, 60),
        steady(60),
        "FanlightHookSpoolFails",
        "sick:9972 could not write to its spool 60 times in 15 minutes: those events are in memory alone.",
    ),
)
