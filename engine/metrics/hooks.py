"""Metrics of webhooks."""

from typing import Final

from engine.metrics.buckets import DECISION_S
from engine.metrics.metric import Metric

HOOKS: Final = (
    Metric(
        name="fanlight_hook_queue_events",
        kind="gauge",
        help="Events that wait to be delivered, one for each address they go to.",
    ),
    Metric(
        name="fanlight_hook_queue_oldest_seconds",
        kind="gauge",
        help="How long the event has waited that has waited longest; 0 when none does.",
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_hook_spool_bytes",
        kind="gauge",
        help="What the events that wait, and what goes with them, take on disk.",
    ),
    Metric(
        name="fanlight_hook_spool_errors_total",
        kind="counter",
        help="Writes to the spool that failed; those events are in memory alone.",
    ),
    Metric(
        name="fanlight_hook_sessions",
        kind="gauge",
        help="Publishers, players and streams whose end will be told.",
    ),
    Metric(
        name="fanlight_hook_events_total",
        kind="counter",
        help="Events that are done with: delivered, refused by the service (4xx), dropped because the spool"
        " was full, or for an address that is not configured any more.",
        labels=("action", "result"),
        reasons=("delivered", "refused", "dropped", "removed"),
    ),
    Metric(
        name="fanlight_hook_failures_total",
        kind="counter",
        help="Calls without an answer, decisions among them; events are sent again.",
        labels=("reason",),
        reasons=(
            "timed_out",
            "unreachable",
            "broken",
            "bad_certificate",
            "bad_status",
            "redirected",
            "too_large",
            "not_understood",
            "forbidden",
            "breaker_open",
            "limiter_full",
        ),
    ),
    Metric(
        name="fanlight_hook_decision_seconds",
        kind="histogram",
        help="How long clients waited for a service to decide about them; unanswered ones were decided by the"
        " policy.",
        labels=("result",),
        reasons=("allowed", "denied", "unanswered_allowed", "unanswered_denied"),
        buckets=DECISION_S,
    ),
    Metric(
        name="fanlight_hook_notices_dropped_total",
        kind="counter",
        help="What workers had to tell and could not, because control was away for too long.",
    ),
)
