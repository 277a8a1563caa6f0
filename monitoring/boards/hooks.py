"""Webhooks, and the breakers round every service that is called."""

from typing import Final

from monitoring.dashboard import Dashboard
from monitoring.panels import BYTES, PER_S, SECONDS, Row, above, panel, stat
from monitoring.queries import now, quantiles, rate

BREAKER_WORDS: Final = ((0.0, "closed"), (1.0, "half-open"), (2.0, "open"))

SERVICES: Final = Row(
    "Services that are called",
    (
        stat(
            "Breakers",
            now("fanlight_breaker_state", "dependency", how="max"),
            width=12,
            steps=above(1, 2),
            words=BREAKER_WORDS,
        ),
        stat(
            "Opened",
            rate("fanlight_breaker_transitions_total", "dependency", to="open"),
            width=12,
            unit=PER_S,
            steps=above(0.01, 0.1),
        ),
        panel(
            "Breakers",
            now("fanlight_breaker_state", "dependency", how="max"),
            steps=above(1, 2),
            words=BREAKER_WORDS,
        ),
        panel("Attempts", rate("fanlight_outside_attempts_total", "dependency", "result"), unit=PER_S),
        panel("Calls", quantiles("fanlight_outside_call_seconds", "dependency"), unit=SECONDS),
        panel(
            "Refused before anything was sent",
            rate("fanlight_outside_rejections_total", "dependency", "reason"),
            unit=PER_S,
            width=12,
        ),
        panel(
            "Breakers moved",
            rate("fanlight_breaker_transitions_total", "dependency", "to"),
            unit=PER_S,
            width=12,
        ),
    ),
)

EVENTS: Final = Row(
    "Events",
    (
        stat("Waiting", now("fanlight_hook_queue_events"), steps=above(100, 1000)),
        stat(
            "Longest wait",
            now("fanlight_hook_queue_oldest_seconds", how="max"),
            unit=SECONDS,
            steps=above(30, 300),
        ),
        stat("On disk", now("fanlight_hook_spool_bytes"), unit=BYTES),
        stat("Sessions to end", now("fanlight_hook_sessions")),
        stat("Spool errors", rate("fanlight_hook_spool_errors_total"), unit=PER_S, steps=above(0.001, 0.1)),
        stat(
            "Notices dropped",
            rate("fanlight_hook_notices_dropped_total"),
            unit=PER_S,
            steps=above(0.001, 0.1),
        ),
        panel("Events done with", rate("fanlight_hook_events_total", "action", "result"), unit=PER_S),
        panel("Failures", rate("fanlight_hook_failures_total", "reason"), unit=PER_S),
        panel("Waiting", now("fanlight_hook_queue_events", "instance")),
        panel("Decisions", quantiles("fanlight_hook_decision_seconds", "result"), unit=SECONDS),
        panel("Decided", rate("fanlight_hook_decision_seconds_count", "result"), unit=PER_S),
        panel("Longest wait", now("fanlight_hook_queue_oldest_seconds", "instance", how="max"), unit=SECONDS),
    ),
)

HOOKS: Final = Dashboard("hooks", "Fanlight hooks and breakers", (SERVICES, EVENTS))
