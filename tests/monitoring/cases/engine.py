"""The engine, its workers and its machine."""

from typing import Final

from tests.monitoring.cases.case import Case, Counted, Series, after_failed_scrapes, always, buckets, named
from tests.monitoring.timelines import born, counter, gauge, gone, late, steady

FANOUT: Final = {"worker": "fanout0"}

_REFUSALS: Final = Counted(
    "FanlightReloadRefused",
    "fanlight_reloads_total",
    "sick:9972 has refused its configuration {count} times in 15 minutes, and goes on with the one before.",
    by=("result",),
)
_LINES: Final = Counted(
    "FanlightLogLinesLost",
    "fanlight_log_lines_left_out_total",
    "{count} lines of sick:9972 were lost in 5 minutes with the reason {reason}.",
    fires_min=21,
)
_SPANS: Final = Counted(
    "FanlightTracesLost",
    "fanlight_trace_spans_dropped_total",
    "{count} spans of sick:9972 were lost in 15 minutes with the reason {reason}.",
)


def _request(route: str, status: int) -> str:
    return named("fanlight_http_requests_total", method="GET", route=route, status=str(status))


_SPIKE_MIN: Final = 62
_ACCEPTED: Final = 'fanlight_connections_accepted_total{protocol="rtmp"}'


def _spike(well: Series) -> Case:
    return Case(
        "FanlightConnectionSpike",
        {_ACCEPTED: counter(1, 100, _SPIKE_MIN)},
        well,
        "100 connections a second over rtmp arrive at sick:9972, more than three times the rate of the last"
        " hour.",
        labels={"protocol": "rtmp"},
        fires_min=_SPIKE_MIN + 5,
        recovered_min=_SPIKE_MIN + 18,
        began_min=_SPIKE_MIN,
    )


ENGINE: Final = (
    always(
        "up",
        gauge(1, 0),
        steady(1),
        "FanlightDown",
        "sick:9972 has not answered scrapes for a minute (up is 0).",
    ),
    Case(
        "FanlightNotScraped",
        {"up": gone(1)},
        {},
        "There are no targets of the job fanlight (absent is 1).",
        labels={"job": "fanlight"},
        of_instance=False,
    ),
    always(
        'fanlight_worker_up{worker="fanout0", role="fanout"}',
        gauge(1, 0),
        steady(1),
        "FanlightWorkerDown",
        "fanout0 of sick:9972 has not been ready with a beating heart for a minute (up is 0).",
        labels={**FANOUT, "role": "fanout"},
    ),
    Case(
        "FanlightWorkersRestarting",
        {'fanlight_worker_restarts_total{role="fanout", reason="killed"}': counter(0, 1 / 200)},
        {
            'fanlight_worker_restarts_total{role="fanout", reason="killed"}': counter(0, 1 / 400),
            'fanlight_worker_restarts_total{role="fanout", reason="replaced"}': counter(0, 1),
        },
        "fanout workers of sick:9972 were restarted 3 times in 10 minutes.",
        labels={"role": "fanout"},
    ),
    Case(
        "FanlightWorkersRestarting",
        {'fanlight_worker_restarts_total{role="ingest", reason="hung"}': born(3)},
        {'fanlight_worker_restarts_total{role="ingest", reason="hung"}': born(2)},
        "ingest workers of sick:9972 were restarted 3 times in 10 minutes.",
        labels={"role": "ingest"},
        fires_min=25,
    ),
    Case(
        "FanlightWorkersRestarting",
        {'fanlight_worker_restarts_total{role="packager", reason="killed"}': born(7)},
        after_failed_scrapes('fanlight_worker_restarts_total{role="packager", reason="killed"}', 7),
        "packager workers of sick:9972 were restarted 7 times in 10 minutes.",
        labels={"role": "packager"},
        fires_min=25,
    ),
    Case(
        "FanlightErrors",
        {
            'fanlight_errors_total{type="ring_failed", component="ingest"}': counter(0, 6),
            'fanlight_errors_total{type="worker_failed", component="fanout"}': counter(0, 6),
        },
        {'fanlight_errors_total{type="ring_failed", component="ingest"}': counter(0, 9.9)},
        "sick:9972 has logged 12.0 errors a second for 5 minutes.",
    ),
    Case(
        "FanlightRequestsSlow",
        buckets(
            "fanlight_http_request_seconds",
            {"1.0": counter(1, 0), "2.5": counter(1, 1), "+Inf": counter(1, 1)},
            method="GET",
            route="/api/v1/streams",
        ),
        buckets(
            "fanlight_http_request_seconds",
            {"1.0": counter(1, 1), "+Inf": counter(1, 1)},
            method="GET",
            route="/api/v1/streams",
        ),
        "One in a hundred requests for /api/v1/streams of sick:9972 takes more than 2.485s.",
        labels={"route": "/api/v1/streams"},
    ),
    # Probes and scrapes make nothing better, and /readyz says 503 for as long as an engine drains.
    Case(
        "FanlightServerErrors",
        {
            _request("/", 200): counter(9, 9),
            _request("/", 500): counter(0, 1),
            _request("/metrics", 200): counter(90, 90),
        },
        {
            _request("/", 200): counter(96, 96),
            _request("/", 500): counter(0, 4),
            _request("/readyz", 503): counter(0, 90),
        },
        "10% of the requests to sick:9972 are answered with a 5xx status.",
    ),
    # After an hour, for that is what it compares with; the others have few, or are new.
    _spike({_ACCEPTED: counter(0.1, 9.9, _SPIKE_MIN)}),
    _spike({"up": late(steady(1), 56), _ACCEPTED: late(counter(20, 20), 56)}),
    Case(
        "FanlightStreamsNearLimit",
        {
            'fanlight_streams{state="live"}': gauge(5, 46),
            'fanlight_streams{state="grace"}': steady(2),
            "fanlight_streams_limit": steady(50),
        },
        {
            'fanlight_streams{state="live"}': gauge(5, 43),
            'fanlight_streams{state="grace"}': steady(2),
            "fanlight_streams_limit": steady(50),
        },
        "sick:9972 has 96% of the streams that may be published at once.",
    ),
    always(
        'fanlight_worker_overload_level{worker="fanout0"}',
        gauge(0, 3),
        gauge(0, 1),
        "FanlightOverloaded",
        "fanout0 of sick:9972 stands at level 3 of the overload ladder: 2 is no new players, 3 no new"
        " publishers, 4 drops players.",
        labels=FANOUT,
    ),
    always(
        'fanlight_worker_loop_lag_seconds{worker="fanout0"}',
        gauge(0, 0.5),
        gauge(0, 0.2),
        "FanlightLoopLagging",
        "fanout0 of sick:9972 is 500ms late.",
        labels=FANOUT,
    ),
    always(
        'fanlight_leak_suspected{worker="fanout0", reason="tasks"}',
        gauge(0, 1),
        steady(0),
        "FanlightLeakSuspected",
        "fanout0 of sick:9972 holds more than three times the tasks of its first five minutes (suspected"
        " is 1).",
        labels={**FANOUT, "reason": "tasks"},
    ),
    # The clock of a test begins at 0: 13 days and 31 minutes are then 13 days.
    always(
        "fanlight_tls_certificate_not_after_timestamp_seconds",
        gauge(90 * 86400, 13 * 86400 + 31 * 60),
        gauge(90 * 86400, 15 * 86400),
        "FanlightCertificateExpires",
        "The certificate of sick:9972 has 13d 0h 0m 0s left.",
    ),
    _REFUSALS.first(2, result="refused", harmless={"result": "applied"}),
    _REFUSALS.first_and_not_seen_again(4, result="refused"),
    _REFUSALS.again(3, 1, result="refused", stands=3),
    _LINES.first(7, reason="file_failed", harmless={"reason": "rate"}),
    _LINES.first_and_not_seen_again(4, reason="file_failed"),
    _LINES.again(2, 9, reason="stream_full", stands=11),
    _SPANS.first(7, reason="not_sent"),
    _SPANS.first_and_not_seen_again(4, reason="not_sent"),
    _SPANS.again(7, 60, reason="backlog_full", stands=67),
    *(
        always(
            processors,
            gauge(0.5, 0.9),
            gauge(0.5, 0.79),
            "FanlightCpuHigh",
            "90% of the processor time of sick:9972 is in use.",
        )
        for processors in ("fanlight_host_cpu_ratio", "fanlight_cgroup_cpu_ratio")
    ),
    *(
        always(
            memory,
            gauge(0.5, 0.95),
            gauge(0.5, 0.89),
            "FanlightMemoryHigh",
            "95% of the memory of sick:9972 is in use.",
        )
        for memory in ("fanlight_host_memory_ratio", "fanlight_cgroup_memory_ratio")
    ),
    always(
        'fanlight_host_disk_ratio{path="/var/lib/fanlight"}',
        gauge(0.5, 0.9),
        gauge(0.5, 0.84),
        "FanlightDiskFull",
        "The file system under /var/lib/fanlight of sick:9972 is 90% full.",
        labels={"path": "/var/lib/fanlight"},
    ),
)
