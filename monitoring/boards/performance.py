"""Where time and memory go: percentiles, the slowest routes, the most frequent errors, leaks."""

from typing import Final

from monitoring.dashboard import Dashboard
from monitoring.panels import (
    BYTES,
    PER_S,
    REQUESTS_PER_S,
    SECONDS,
    SHARE,
    Row,
    above,
    bars,
    panel,
    stat,
    table,
)
from monitoring.queries import Query, grown, now, or_nought, quantiles, rate, share, top

_REQUEST: Final = "fanlight_http_request_seconds"
_WHAT: Final = "what"


def _told_as(query: Query, label: str, words: str) -> Query:
    """Name what is counted in a label of its own, so that counts of different metrics stand in one list."""
    expr = f'label_replace({query.expr}, "{_WHAT}", "{words} $1", "{label}", "(.*)")'
    return query._replace(expr=f"sum by ({_WHAT}) ({expr})")


def _together(*queries: Query) -> Query:
    """All of these in one list."""
    names = tuple(name for query in queries for name in query.metrics)
    return Query(" or ".join(query.expr for query in queries), f"{{{{{_WHAT}}}}}", names)


_ERRORS: Final = _together(
    _told_as(grown("fanlight_errors_total", "type"), "type", "error:"),
    _told_as(grown("fanlight_handshake_failures_total", "reason"), "reason", "handshake:"),
    _told_as(grown("fanlight_protocol_errors_total", "protocol"), "protocol", "protocol broken:"),
    _told_as(grown("fanlight_publish_refusals_total", "reason"), "reason", "publisher refused:"),
    _told_as(grown("fanlight_play_refusals_total", "reason"), "reason", "player refused:"),
    _told_as(grown("fanlight_control_refusals_total", "reason"), "reason", "API or metrics refused:"),
    _told_as(grown("fanlight_hook_failures_total", "reason"), "reason", "hook:"),
    _told_as(grown("fanlight_http_requests_total", "status", status="!200|204|206|304"), "status", "HTTP"),
)

PERCENTILES: Final = Row(
    "Percentiles",
    (
        panel("Requests", quantiles(_REQUEST, "method"), unit=SECONDS),
        panel("Time in the engine", quantiles("fanlight_delivery_latency_seconds"), unit=SECONDS),
        panel("One pass over the players", quantiles("fanlight_pump_pass_seconds"), unit=SECONDS),
        bars(
            "Slowest 10 routes, p99",
            top(10, quantiles(_REQUEST, "method", "route", which="0.99")),
            unit=SECONDS,
        ),
        bars(
            "Busiest 10 routes", top(10, rate("fanlight_http_requests_total", "route")), unit=REQUESTS_PER_S
        ),
        panel(
            "Requests in flight",
            now("fanlight_http_requests_in_flight", "instance"),
            now("fanlight_control_connections", "port", legend="connections, {{port}}"),
        ),
        panel(
            "WebSocket messages", rate("fanlight_websocket_messages_total", "type", "direction"), unit=PER_S
        ),
        panel("WebSocket messages' size", quantiles("fanlight_websocket_message_bytes", "type"), unit=BYTES),
        bars("10 most frequent errors", top(10, _ERRORS), note="How often in the time shown."),
    ),
)

WORKERS: Final = Row(
    "Workers",
    (
        panel(
            "Loop lag",
            now("fanlight_worker_loop_lag_seconds", "instance", "worker", how="max"),
            unit=SECONDS,
            steps=above(0.1, 0.5),
        ),
        panel(
            "Loop lag over five minutes",
            quantiles("fanlight_loop_lag_seconds", "role", which="0.5|0.99"),
            unit=SECONDS,
        ),
        panel(
            "CPU",
            rate("fanlight_worker_cpu_seconds_total", "instance", "worker"),
            unit=SHARE,
            steps=above(0.8, 0.95),
            note="1 is one core.",
        ),
        panel(
            "Garbage collection",
            quantiles("fanlight_gc_pause_seconds", "role", which="0.99"),
            rate("fanlight_gc_pause_seconds_sum", "role", legend="{{role}}, in each second"),
            unit=SECONDS,
        ),
        panel(
            "Heartbeat's age",
            now("fanlight_worker_heartbeat_age_seconds", "instance", "worker", how="max"),
            unit=SECONDS,
            steps=above(2, 5),
        ),
        panel(
            "Time between passes", now("fanlight_tick_seconds", "instance", "worker", how="max"), unit=SECONDS
        ),
        panel(
            "Overload level",
            now("fanlight_worker_overload_level", "instance", "worker", how="max"),
            steps=above(1, 2),
        ),
        panel("Restarts", rate("fanlight_worker_restarts_total", "role", "reason"), unit=PER_S),
        panel("Handed over", rate("fanlight_handovers_total", "result"), unit=PER_S),
        panel(
            "Over HTTP/2",
            rate("fanlight_http2_requests_total", legend="requests"),
            rate("fanlight_http2_floods_total", "reason", legend="flood: {{reason}}"),
            unit=PER_S,
        ),
        panel("TLS handshakes", quantiles("fanlight_tls_handshake_seconds", "port"), unit=SECONDS),
        panel(
            "Stalled for want of a resource",
            rate("fanlight_host_pressure_seconds_total", "instance", "resource", "share"),
            unit=SHARE,
        ),
        table("Memory of machines", now("fanlight_host_memory_bytes", "instance"), unit=BYTES),
        table("Versions", now("fanlight_build_info", "instance", "version")),
    ),
)


def _held(name: str) -> tuple[Query, Query]:
    now_it_is = now(name, "instance", "worker", how="max", legend="{{instance}} {{worker}}")
    at_most = now(f"{name}_max", "instance", "worker", how="max", legend="{{instance}} {{worker}}, most")
    return now_it_is, at_most


TOLD: Final = Row(
    "Log lines and traces",
    (
        panel("Log lines", rate("fanlight_log_lines_total", "level"), unit=PER_S, stacked=True),
        panel(
            "Log lines left out",
            or_nought(
                rate("fanlight_log_lines_left_out_total", "reason"), rate("fanlight_log_rotations_total")
            ),
            unit=PER_S,
        ),
        panel("Log files moved aside", grown("fanlight_log_rotations_total"), note="In the time shown."),
        panel(
            "Spans",
            rate("fanlight_trace_spans_total", legend="kept"),
            rate("fanlight_trace_spans_exported_total", legend="taken by the collector"),
            rate("fanlight_trace_spans_dropped_total", "reason", legend="lost: {{reason}}"),
            unit=PER_S,
        ),
    ),
)

LEAKS: Final = Row(
    "What workers hold, and leaks",
    (
        stat(
            "Leaks suspected",
            now("fanlight_leak_suspected"),
            steps=above(1, 1),
            note="Three times what was there in the first five minutes, beyond what connections explain.",
        ),
        table(
            "Suspected", now("fanlight_leak_suspected", "instance", "worker", "reason", how="max"), width=12
        ),
        stat("Shared memory", now("fanlight_shared_memory_bytes"), unit=BYTES, width=8),
        panel("Tasks", *_held("fanlight_worker_tasks")),
        panel("Descriptors", *_held("fanlight_worker_descriptors")),
        panel(
            "Share of descriptors",
            share(
                now("fanlight_worker_descriptors", "instance", "worker", how="max"),
                now("fanlight_worker_descriptors_limit", "instance", "worker", how="max"),
                "{{instance}} {{worker}}",
            ),
            unit=SHARE,
            steps=above(0.7, 0.9),
        ),
        panel(
            "Resident memory",
            now("fanlight_worker_resident_bytes", "instance", "worker"),
            unit=BYTES,
            note="Pages that workers share count in each of them.",
        ),
        panel("Private memory", *_held("fanlight_worker_private_bytes"), unit=BYTES),
    ),
)

PERFORMANCE: Final = Dashboard("performance", "Fanlight performance", (PERCENTILES, WORKERS, LEAKS, TOLD))
