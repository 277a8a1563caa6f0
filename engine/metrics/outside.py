"""Metrics of calls to services outside, by dependency, and of the circuit breakers round them."""

from typing import Final

from engine.metrics.buckets import OUTSIDE_S
from engine.metrics.metric import Metric

OUTSIDE: Final = (
    Metric(
        name="fanlight_breaker_state",
        kind="gauge",
        help="The circuit breaker: 0 closed, 1 half-open (the next call is a trial, or one is under way), "
        "2 open; the worst of all services and workers.",
        labels=("dependency",),
        scope="collector",
    ),
    Metric(
        name="fanlight_breaker_transitions_total",
        kind="counter",
        help="Times a circuit breaker moved, by where to; a trip is one to open.",
        labels=("dependency", "to"),
    ),
    Metric(
        name="fanlight_outside_rejections_total",
        kind="counter",
        help="Calls that were refused before anything was sent.",
        labels=("dependency", "reason"),
        reasons=("breaker_open", "limiter_full", "forbidden"),
    ),
    Metric(
        name="fanlight_outside_attempts_total",
        kind="counter",
        help="Attempts that the breaker let through, and what came of them; one call may make several. "
        "`abandoned` says nothing about the service: cancelled, or refused by us.",
        labels=("dependency", "result"),
        reasons=("ok", "failed", "timed_out", "abandoned"),
    ),
    Metric(
        name="fanlight_outside_call_seconds",
        kind="histogram",
        help="How long calls took, with all attempts and pauses; those refused by an open breaker are not "
        "among them.",
        labels=("dependency",),
        buckets=OUTSIDE_S,
    ),
)
