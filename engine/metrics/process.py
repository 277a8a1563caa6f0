"""Metrics of connections, requests and workers."""

from typing import Final

from engine.access.pages import PAGE_FAULTS
from engine.access.reasons import REFUSALS
from engine.metrics.buckets import GC_PAUSE_S, LOOP_LAG_S, REQUEST_S
from engine.metrics.metric import Metric
from engine.policy.leaks import RESOURCES

CONNECTIONS: Final = (
    Metric(
        name="fanlight_connections",
        kind="gauge",
        help="Connections open now, of players and publishers: from accept on, over SRT from the end of the"
        " handshake on.",
        labels=("protocol",),
    ),
    Metric(
        name="fanlight_connections_accepted_total",
        kind="counter",
        help="Connections accepted; over SRT those whose handshake was. Passing on a publisher is no second"
        " one.",
        labels=("protocol",),
    ),
    Metric(
        name="fanlight_handshake_failures_total",
        kind="counter",
        help="Connections that ended before they asked to publish, play or know anything.",
        labels=("protocol", "reason"),
        reasons=(
            "timeout",
            "protocol_error",
            "connection_lost",
            "too_many_connections",
            "address_connections",
            "address_rate",
            "banned",
        ),
    ),
    Metric(
        name="fanlight_protocol_errors_total",
        kind="counter",
        help="Times a peer broke its protocol, at any point of a connection.",
        labels=("protocol",),
    ),
    Metric(
        name="fanlight_handovers_total",
        kind="counter",
        help="Connections passed from one worker to another.",
        labels=("result",),
        reasons=("accepted", "refused", "timeout", "no_worker"),
    ),
    Metric(
        name="fanlight_http_requests_total",
        kind="counter",
        help="HTTP requests answered.",
        labels=("method", "route", "status"),
    ),
    Metric(
        name="fanlight_control_refusals_total",
        kind="counter",
        help="Requests to the API and for the metrics that were not granted, and why.",
        labels=("port", "reason"),
        own=(("port", ("api", "metrics")),),
        reasons=(*REFUSALS, *PAGE_FAULTS),
    ),
    Metric(
        name="fanlight_http2_requests_total",
        kind="counter",
        help="Those of the HTTP requests of players that came over HTTP/2.",
    ),
    Metric(
        name="fanlight_http2_floods_total",
        kind="counter",
        help="HTTP/2 connections that were ended because their client sent too much of something.",
        labels=("reason",),
        reasons=(
            "resets",
            "settings",
            "pings",
            "window_updates",
            "body_frames",
            "other_frames",
            "continuations",
            "header_list",
        ),
    ),
    Metric(
        name="fanlight_http_request_seconds",
        kind="histogram",
        help="How long HTTP requests took, from the whole head on; requests that play a stream are not among"
        " them, nor is the time for which a request waits for media that is still to come.",
        labels=("method", "route"),
        buckets=REQUEST_S,
    ),
    Metric(
        name="fanlight_http_requests_in_flight",
        kind="gauge",
        help="HTTP requests of players and of the API that are being answered now, or wait for media that is"
        " still to come. Players' streams are not among them, nor are probes and scrapes.",
    ),
    Metric(
        name="fanlight_control_connections",
        kind="gauge",
        help="Connections to the API and to the port of metrics and probes that are open now.",
        labels=("port",),
        own=(("port", ("api", "metrics")),),
    ),
)


def _held(name: str, what: str) -> tuple[Metric, Metric]:
    """A gauge of something that a worker holds, and one of the most that there was."""
    return (
        Metric(name=name, kind="gauge", help=f"{what}.", labels=("worker",), gauge_mode="livemax"),
        Metric(
            name=f"{name}_max",
            kind="gauge",
            help=f"{what}, the most since it began.",
            labels=("worker",),
            gauge_mode="livemax",
        ),
    )


WORKERS: Final = (
    Metric(
        name="fanlight_worker_restarts_total",
        kind="counter",
        help="Workers that were started again, and why.",
        labels=("role", "reason"),
        reasons=("exited", "killed", "hung", "boot_failed", "replaced"),
    ),
    Metric(
        name="fanlight_reloads_total",
        kind="counter",
        help="Times the configuration was read again.",
        labels=("result",),
        reasons=("applied", "needs_restart", "unchanged", "refused"),
    ),
    Metric(
        name="fanlight_worker_up",
        kind="gauge",
        help="1 while the worker is ready and its heart beats, else 0.",
        labels=("worker", "role"),
        scope="collector",
    ),
    Metric(
        name="fanlight_worker_heartbeat_age_seconds",
        kind="gauge",
        help="How long ago the worker's heart beat.",
        labels=("worker",),
        scope="collector",
    ),
    Metric(
        name="fanlight_worker_loop_lag_seconds",
        kind="gauge",
        help="How late the worker's event loop was at its last heartbeat.",
        labels=("worker",),
        scope="collector",
    ),
    Metric(
        name="fanlight_worker_resident_bytes",
        kind="gauge",
        help="The worker's resident memory; pages that workers share count in each of them.",
        labels=("worker",),
        scope="collector",
    ),
    Metric(
        name="fanlight_worker_memory_bytes",
        kind="gauge",
        help="The worker's memory by type: heap, shared memory (rings and so on), and mapped files (programs"
        " and libraries). Pages that several processes use are divided up among them, so that sums are true.",
        labels=("worker", "type"),
        own=(("type", ("heap", "shared", "file")),),
        scope="collector",
    ),
    Metric(
        name="fanlight_worker_cpu_seconds_total",
        kind="counter",
        help="Processor time of the worker, and of those that had its slot before.",
        labels=("worker", "role"),
    ),
    Metric(
        name="fanlight_loop_lag_seconds",
        kind="histogram",
        help="How late event loops were at each heartbeat, twice a second.",
        labels=("role",),
        buckets=LOOP_LAG_S,
    ),
    Metric(
        name="fanlight_gc_pause_seconds",
        kind="histogram",
        help="How long the garbage collector has stopped a worker.",
        labels=("role",),
        buckets=GC_PAUSE_S,
    ),
    Metric(
        name="fanlight_worker_overload_level",
        kind="gauge",
        help="How far up the overload ladder the worker stands: 0 calm, 1 reads of the API are slowed, 2 no"
        " new players, 3 no new publishers, 4 players are dropped.",
        labels=("worker",),
        scope="collector",
    ),
    *_held("fanlight_worker_tasks", "Tasks of the worker"),
    *_held("fanlight_worker_descriptors", "Open descriptors of the worker"),
    *_held("fanlight_worker_private_bytes", "Memory of the worker that no other process shares"),
    Metric(
        name="fanlight_worker_descriptors_limit",
        kind="gauge",
        help="Descriptors that the worker may have open.",
        labels=("worker",),
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_leak_suspected",
        kind="gauge",
        help="1 while the worker holds more than three times what it held in its first five minutes, beyond"
        " what its work explains: connections, requests, packages, open files.",
        labels=("worker", "reason"),
        reasons=RESOURCES,
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_shared_memory_bytes",
        kind="gauge",
        help="Shared memory that holds pages now: rings, indexes, directory and board.",
        scope="collector",
    ),
    Metric(
        name="fanlight_build_info",
        kind="gauge",
        help="Always 1; the label tells the version.",
        labels=("version",),
        scope="collector",
    ),
)
