"""Is it well, how much goes on, and where to look further."""

from typing import Final

from monitoring.dashboard import Dashboard
from monitoring.panels import (
    BYTES,
    BYTES_PER_S,
    PER_S,
    REQUESTS_PER_S,
    SECONDS,
    SHARE,
    Row,
    above,
    below,
    panel,
    stat,
    table,
)
from monitoring.queries import Query, now, rate, series, share

_ENGINES: Final = Query('avg (up{job="fanlight", instance=~"$instance"})')
_FIRING: Final = Query('count (ALERTS{alertname=~"Fanlight.*", alertstate="firing"}) or vector(0)')
_FIRING_NAMES: Final = Query(
    'count by (alertname, severity, instance) (ALERTS{alertname=~"Fanlight.*", alertstate="firing"})'
    ' or label_replace(vector(0), "alertname", "none", "", "")'
)
_AVAILABLE: Final = Query('avg (avg_over_time(fanlight:available{instance=~"$instance"}[$__range]))')
_NOT_AFTER: Final = "fanlight_tls_certificate_not_after_timestamp_seconds"
_CERTIFICATE: Final = Query(f"min ({series(_NOT_AFTER)}) - time()", metrics=(_NOT_AFTER,))

HEALTH: Final = Row(
    "Health",
    (
        stat("Engines up", _ENGINES, unit=SHARE, steps=below(1, 1)),
        stat(
            "Workers up",
            share(now("fanlight_worker_up"), now("fanlight_worker_up", how="count"), ""),
            unit=SHARE,
            steps=below(1, 0.75),
        ),
        stat("Available", _AVAILABLE, unit=SHARE, steps=below(0.9999, 0.999), note="In the time shown."),
        stat("Alerts firing", _FIRING, steps=above(1, 5)),
        stat(
            "Worst overload level",
            now("fanlight_worker_overload_level", how="max"),
            steps=above(1, 2),
            words=((0, "calm"), (1, "slows the API"), (2, "no players"), (3, "no publishers"), (4, "sheds")),
        ),
        stat(
            "Certificate expires in",
            _CERTIFICATE,
            unit=SECONDS,
            steps=below(21 * 86400, 7 * 86400),
            note="Below zero: it has expired. No data where there is no TLS.",
        ),
        table("Alerts", _FIRING_NAMES, width=12),
        panel("Workers up", now("fanlight_worker_up", "role"), width=12),
    ),
)

ACTIVITY: Final = Row(
    "Streams and people",
    (
        stat("Live streams", now("fanlight_streams", state="live")),
        stat(
            "Of the limit",
            share(now("fanlight_streams"), now("fanlight_streams_limit"), ""),
            unit=SHARE,
            steps=above(0.8, 0.95),
        ),
        stat("Publishers", now("fanlight_publishers")),
        stat("Players", now("fanlight_players")),
        stat("Connections", now("fanlight_connections")),
        stat("Sent", rate("fanlight_sent_bytes_total"), unit=BYTES_PER_S),
        panel("Streams", now("fanlight_streams", "state"), now("fanlight_streams_limit", legend="limit")),
        panel("Publishers", now("fanlight_publishers", "protocol"), stacked=True),
        panel("Players", now("fanlight_players", "protocol"), stacked=True),
        panel("Connections", now("fanlight_connections", "protocol"), stacked=True),
        panel(
            "Connections accepted",
            rate("fanlight_connections_accepted_total", "protocol"),
            unit=PER_S,
        ),
        panel(
            "Traffic",
            rate("fanlight_received_bytes_total", legend="in"),
            rate("fanlight_sent_bytes_total", legend="out"),
            unit=BYTES_PER_S,
        ),
        panel(
            "Streams begun and ended",
            rate("fanlight_publishes_started_total", legend="begun"),
            rate("fanlight_publishes_ended_total", "reason"),
            unit=PER_S,
        ),
        panel(
            "Players come and gone",
            rate("fanlight_players_started_total", legend="come"),
            rate("fanlight_players_ended_total", "reason"),
            unit=PER_S,
        ),
        panel(
            "Over TLS",
            now("fanlight_tls_connections", "port"),
            rate("fanlight_tls_handshakes_total", "result", legend="{{result}} per second"),
        ),
    ),
)

REQUESTS: Final = Row(
    "Requests and errors",
    (
        panel("Requests", rate("fanlight_http_requests_total", "status"), unit=REQUESTS_PER_S, stacked=True),
        panel("Publishers refused", rate("fanlight_publish_refusals_total", "reason"), unit=PER_S),
        panel("Players refused", rate("fanlight_play_refusals_total", "reason"), unit=PER_S),
        panel(
            "Handshakes failed", rate("fanlight_handshake_failures_total", "protocol", "reason"), unit=PER_S
        ),
        panel("Protocols broken", rate("fanlight_protocol_errors_total", "protocol"), unit=PER_S),
        panel("Errors", rate("fanlight_errors_total", "type", "component"), unit=PER_S, steps=above(1, 10)),
        panel("Requests in flight", now("fanlight_http_requests_in_flight", "instance")),
        panel("Certificates read", rate("fanlight_tls_certificate_reloads_total", "result"), unit=PER_S),
        panel("Configuration read", rate("fanlight_reloads_total", "result"), unit=PER_S),
    ),
)

RESOURCES: Final = Row(
    "Resources",
    (
        panel(
            "CPU of the machine",
            now("fanlight_host_cpu_ratio", "instance"),
            now("fanlight_cgroup_cpu_ratio", "instance", legend="{{instance}}, of the control group's"),
            unit=SHARE,
            steps=above(0.8, 0.95),
        ),
        panel(
            "Memory of the machine",
            now("fanlight_host_memory_ratio", "instance"),
            now("fanlight_cgroup_memory_ratio", "instance", legend="{{instance}}, of the control group's"),
            unit=SHARE,
            steps=above(0.8, 0.9),
        ),
        panel(
            "Disks", now("fanlight_host_disk_ratio", "instance", "path"), unit=SHARE, steps=above(0.7, 0.85)
        ),
        panel(
            "CPU",
            rate("fanlight_worker_cpu_seconds_total", "role"),
            unit=SHARE,
            stacked=True,
            note="1 is one core.",
        ),
        panel("Memory by type", now("fanlight_worker_memory_bytes", "type"), unit=BYTES, stacked=True),
        panel("Shared memory", now("fanlight_shared_memory_bytes", "instance"), unit=BYTES),
        panel(
            "Network",
            rate("fanlight_host_network_bytes_total", "direction"),
            rate("fanlight_host_network_drops_total", "direction", legend="{{direction}}, packets dropped"),
            unit=BYTES_PER_S,
        ),
        panel("Disk traffic", rate("fanlight_host_disk_bytes_total", "direction"), unit=BYTES_PER_S),
        panel(
            "Pressure",
            now("fanlight_host_pressure_ratio", "resource", "share", how="max"),
            unit=SHARE,
            steps=above(0.1, 0.3),
        ),
    ),
)

OVERVIEW: Final = Dashboard("overview", "Fanlight overview", (HEALTH, ACTIVITY, REQUESTS, RESOURCES))
