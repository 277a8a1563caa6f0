"""Metrics of TLS. What is said inside counts as `http`, `rtmp` and so on, as without TLS."""

from typing import Final

from engine.metrics.buckets import REQUEST_S
from engine.metrics.metric import Metric

TLS: Final = (
    Metric(
        name="fanlight_tls_connections",
        kind="gauge",
        help="TLS connections open now, from the end of their handshake on; they are among "
        "fanlight_connections as http or rtmp too.",
        labels=("port",),
    ),
    Metric(
        name="fanlight_tls_handshakes_total",
        kind="counter",
        help="TLS handshakes that succeeded, and those that failed and why.",
        labels=("port", "result"),
        reasons=(
            "ok",
            "timeout",
            "connection_lost",
            "not_tls",
            "refused_by_peer",
            "nothing_in_common",
            "protocol_error",
            "no_certificate",
            "too_many_connections",
        ),
    ),
    Metric(
        name="fanlight_tls_handshake_seconds",
        kind="histogram",
        help="From accept to the end of the TLS handshake, of those that succeeded.",
        labels=("port",),
        buckets=REQUEST_S,
    ),
    Metric(
        name="fanlight_tls_certificate_not_after_timestamp_seconds",
        kind="gauge",
        help="When the certificate in use expires, seconds since 1970; the earliest of all workers. Not there"
        " where none is in use.",
        gauge_mode="livemin",
    ),
    Metric(
        name="fanlight_tls_certificate_reloads_total",
        kind="counter",
        help="Times a worker found the certificate files changed, and whether it took them.",
        labels=("result",),
        reasons=("applied", "refused"),
    ),
)
