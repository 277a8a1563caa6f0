"""A case for each alert: what happens at a sick engine, and at one that is nearly so and must be silent."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from tests.monitoring.timelines import born, bumped, counter, gauge, gone, steady

Series = dict[str, str]
"""Names with their labels -> values; the labels `job` and `instance` are added."""
Labels = Mapping[str, str]

NONE: Final[Labels] = MappingProxyType({})
FIRES_MIN: Final = 31.0
"""A minute before trouble is over, after eleven of it."""


class Case(NamedTuple):
    """The alert fires at the sick engine, with these labels and this description, and at no other."""

    alert: str
    sick: Series
    well: Series
    says: str
    labels: Labels = NONE
    fires_min: float = FIRES_MIN
    """When it is looked for. That it is silent before its `for` is over is looked at in every case."""
    recovered_min: float = 50
    of_instance: bool = True
    """Whether the alert is about one engine; else its labels are only those given."""


def always(
    series: str,
    sick: str,
    well: str,
    alert: str,
    says: str,
    *,
    labels: Labels = NONE,
    fires_min: float = FIRES_MIN,
) -> Case:
    """A case in which both engines have the same series."""
    return Case(alert, {series: sick}, {series: well}, says, labels, fires_min)


FANOUT: Final = {"worker": "fanout0"}
FILM: Final = {"stream": "live/film"}

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
        {
            'fanlight_http_request_seconds_bucket{method="GET", route="/api/v1/streams", le="1.0"}': counter(
                1, 0
            ),
            'fanlight_http_request_seconds_bucket{method="GET", route="/api/v1/streams", le="2.5"}': counter(
                1, 1
            ),
            'fanlight_http_request_seconds_bucket{method="GET", route="/api/v1/streams", le="+Inf"}': counter(
                1, 1
            ),
        },
        {
            'fanlight_http_request_seconds_bucket{method="GET", route="/api/v1/streams", le="1.0"}': counter(
                1, 1
            ),
            'fanlight_http_request_seconds_bucket{method="GET", route="/api/v1/streams", le="+Inf"}': counter(
                1, 1
            ),
        },
        "One in a hundred requests for /api/v1/streams of sick:9972 takes more than 2.485s.",
        labels={"route": "/api/v1/streams"},
    ),
    Case(
        "FanlightServerErrors",
        {
            'fanlight_http_requests_total{method="GET", route="/", status="200"}': counter(9, 9),
            'fanlight_http_requests_total{method="GET", route="/", status="500"}': counter(0, 1),
        },
        {
            'fanlight_http_requests_total{method="GET", route="/", status="200"}': counter(96, 96),
            'fanlight_http_requests_total{method="GET", route="/", status="500"}': counter(0, 4),
        },
        "10% of the requests to sick:9972 are answered with a 5xx status.",
    ),
    always(
        'fanlight_connections_accepted_total{protocol="rtmp"}',
        counter(1, 100),
        counter(0.1, 9.9),
        "FanlightConnectionSpike",
        "100 connections a second over rtmp arrive at sick:9972, more than three times the rate of the last"
        " hour.",
        labels={"protocol": "rtmp"},
        fires_min=25,
    ),
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
    Case(
        "FanlightReloadRefused",
        {'fanlight_reloads_total{result="refused"}': born(2)},
        {'fanlight_reloads_total{result="applied"}': born(2)},
        "sick:9972 has refused its configuration 2 times in 15 minutes, and goes on with the one before.",
        labels={"result": "refused"},
    ),
    Case(
        "FanlightReloadRefused",
        {'fanlight_reloads_total{result="refused"}': bumped(3, 1)},
        {'fanlight_reloads_total{result="refused"}': steady(3)},
        "sick:9972 has refused its configuration 1 times in 15 minutes, and goes on with the one before.",
        labels={"result": "refused"},
    ),
    always(
        "fanlight_host_cpu_ratio",
        gauge(0.5, 0.9),
        gauge(0.5, 0.79),
        "FanlightCpuHigh",
        "90% of the processor time of sick:9972 is in use.",
    ),
    always(
        "fanlight_host_memory_ratio",
        gauge(0.5, 0.95),
        gauge(0.5, 0.89),
        "FanlightMemoryHigh",
        "95% of the memory of sick:9972 is in use.",
    ),
    always(
        "fanlight_cgroup_memory_ratio",
        gauge(0.5, 0.95),
        gauge(0.5, 0.89),
        "FanlightMemoryHigh",
        "95% of the memory of sick:9972 is in use.",
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

MEDIA: Final = (
    Case(
        "FanlightStreamsEndedByError",
        {'fanlight_publishes_ended_total{protocol="rtmp", reason="worker_death"}': born(4)},
        {'fanlight_publishes_ended_total{protocol="rtmp", reason="finished"}': born(4)},
        "4 publishers over rtmp of sick:9972 were ended in 5 minutes with the reason worker_death.",
        labels={"protocol": "rtmp", "reason": "worker_death"},
        fires_min=21,
    ),
    Case(
        "FanlightStreamsEndedByError",
        {'fanlight_publishes_ended_total{protocol="srt", reason="error"}': bumped(7, 2)},
        {'fanlight_publishes_ended_total{protocol="srt", reason="error"}': steady(7)},
        "2 publishers over srt of sick:9972 were ended in 5 minutes with the reason error.",
        labels={"protocol": "srt", "reason": "error"},
        fires_min=21,
    ),
    Case(
        "FanlightNoKeyframe",
        {
            'fanlight_stream_keyframes_total{stream="live/film"}': counter(0.5, 0),
            'fanlight_stream_frames_per_second{stream="live/film"}': steady(25),
        },
        {
            'fanlight_stream_keyframes_total{stream="live/film"}': counter(0.5, 1 / 15),
            'fanlight_stream_frames_per_second{stream="live/film"}': steady(25),
            'fanlight_stream_keyframes_total{stream="live/radio"}': counter(0, 0),
            'fanlight_stream_frames_per_second{stream="live/radio"}': steady(0),
        },
        "live/film of sick:9972 has sent 0 keyframes in a minute: nobody new can see it.",
        labels=FILM,
    ),
    always(
        'fanlight_stream_published_bytes_per_second{stream="live/film"}',
        gauge(250_000, 20_000),
        gauge(250_000, 70_000),
        "FanlightBitrateCollapsed",
        "live/film of sick:9972 has fallen to 20kB a second, less than a quarter of its average.",
        labels=FILM,
        fires_min=25,
    ),
    always(
        'fanlight_stream_av_gap_seconds{stream="live/film"}',
        gauge(0.1, -30),
        gauge(0.1, -4),
        "FanlightPublisherFrozen",
        "The newest picture and the newest sound of live/film of sick:9972 are 30s apart: one of them has"
        " stopped.",
        labels=FILM,
    ),
    always(
        'fanlight_stream_av_gap_seconds{stream="live/film"}',
        gauge(0.1, 12),
        gauge(0.1, 4),
        "FanlightPublisherFrozen",
        "The newest picture and the newest sound of live/film of sick:9972 are 12s apart: one of them has"
        " stopped.",
        labels=FILM,
    ),
    Case(
        "FanlightSrtLoss",
        {
            'fanlight_stream_srt_packets_total{stream="live/film", kind="data"}': counter(500, 500),
            'fanlight_stream_srt_packets_total{stream="live/film", kind="lost"}': counter(0, 50),
        },
        {
            'fanlight_stream_srt_packets_total{stream="live/film", kind="data"}': counter(500, 500),
            'fanlight_stream_srt_packets_total{stream="live/film", kind="lost"}': counter(0, 24),
            'fanlight_stream_srt_packets_total{stream="live/film", kind="retransmitted"}': counter(0, 50),
        },
        "10% of the packets of live/film of sick:9972 do not come at first.",
        labels=FILM,
    ),
    Case(
        "FanlightRingsFail",
        {'fanlight_ring_failures_total{reason="no_memory"}': born(3)},
        {},
        "3 tags of sick:9972 were lost in 5 minutes with the reason no_memory.",
        labels={"reason": "no_memory"},
        fires_min=21,
    ),
    always(
        'fanlight_ring_failures_total{reason="lost_ring"}',
        bumped(8, 1),
        steady(8),
        "FanlightRingsFail",
        "1 tags of sick:9972 were lost in 5 minutes with the reason lost_ring.",
        labels={"reason": "lost_ring"},
        fires_min=21,
    ),
    Case(
        "FanlightPlayersLagging",
        {
            'fanlight_player_lag_seconds_bucket{protocol="rtmp", le="3.0"}': counter(10, 0),
            'fanlight_player_lag_seconds_bucket{protocol="rtmp", le="4.0"}': counter(10, 10),
            'fanlight_player_lag_seconds_bucket{protocol="rtmp", le="+Inf"}': counter(10, 10),
        },
        {
            'fanlight_player_lag_seconds_bucket{protocol="rtmp", le="3.0"}': counter(10, 9.5),
            'fanlight_player_lag_seconds_bucket{protocol="rtmp", le="4.0"}': counter(10, 10),
            'fanlight_player_lag_seconds_bucket{protocol="rtmp", le="+Inf"}': counter(10, 10),
        },
        "One in ten players over rtmp of sick:9972 is more than 3.9s behind.",
        labels={"protocol": "rtmp", "quantile": "0.9"},
    ),
    Case(
        "FanlightSegmentsMissing",
        {'fanlight_hls_gaps_total{reason="no_room"}': born(5)},
        {},
        "5 segments of sick:9972 are missing in 5 minutes with the reason no_room.",
        labels={"reason": "no_room"},
        fires_min=21,
    ),
    always(
        'fanlight_hls_gaps_total{reason="lapped"}',
        bumped(8, 2),
        steady(8),
        "FanlightSegmentsMissing",
        "2 segments of sick:9972 are missing in 5 minutes with the reason lapped.",
        labels={"reason": "lapped"},
        fires_min=21,
    ),
    Case(
        "FanlightPackagesFail",
        {'fanlight_hls_failures_total{reason="error"}': born(1)},
        {},
        "1 packages of sick:9972 could not be begun or broke in 5 minutes with the reason error.",
        labels={"reason": "error"},
        fires_min=21,
    ),
    always(
        'fanlight_hls_failures_total{reason="no_memory"}',
        bumped(8, 2),
        steady(8),
        "FanlightPackagesFail",
        "2 packages of sick:9972 could not be begun or broke in 5 minutes with the reason no_memory.",
        labels={"reason": "no_memory"},
        fires_min=21,
    ),
)

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

_UP: Final = {
    f'fanlight_worker_up{{worker="{role}0", role="{role}"}}': steady(1) for role in ("ingest", "fanout")
}

PROMISES: Final = (
    # 12 minutes of an hour, after 20 without fault: 30 % of the time, and a budget of 0.1 %.
    Case(
        "FanlightBudgetBurnsFast",
        {**_UP, 'fanlight_worker_up{worker="fanout0", role="fanout"}': gauge(1, 0)},
        _UP,
        "sick:9972: 36% bad for the objective availability.",
        labels={"slo": "availability"},
        fires_min=31,
        recovered_min=70,
    ),
    Case(
        "FanlightBudgetBurnsFast",
        {
            **_UP,
            'fanlight_received_tags_total{protocol="rtmp"}': counter(100, 100),
            'fanlight_ring_failures_total{reason="no_memory"}': counter(0, 5),
        },
        {
            **_UP,
            'fanlight_received_tags_total{protocol="rtmp"}': counter(1000, 1000),
            'fanlight_ring_failures_total{reason="no_memory"}': counter(0, 0.2),
        },
        "sick:9972: 1.71% bad for the objective media.",
        labels={"slo": "media"},
        fires_min=31,
        recovered_min=70,
    ),
    Case(
        "FanlightBudgetBurnsFast",
        {
            **_UP,
            'fanlight_http_requests_total{method="GET", route="/", status="200"}': counter(9, 9),
            'fanlight_http_requests_total{method="GET", route="/", status="500"}': counter(0, 0.5),
            'fanlight_players_started_total{protocol="rtmp"}': counter(1, 1),
            'fanlight_players_ended_total{protocol="rtmp", reason="worker_death"}': counter(0, 0.5),
        },
        {
            **_UP,
            'fanlight_http_requests_total{method="GET", route="/", status="404"}': counter(9, 9),
            'fanlight_play_refusals_total{protocol="rtmp", reason="not_found"}': counter(0, 1),
        },
        "sick:9972: 3.362% bad for the objective requests.",
        labels={"slo": "requests"},
        recovered_min=70,
    ),
    Case(
        "FanlightBudgetBurnsFast",
        {
            **_UP,
            'fanlight_delivery_latency_seconds_bucket{protocol="srt", le="0.05"}': counter(10, 5),
            'fanlight_delivery_latency_seconds_count{protocol="srt"}': counter(10, 10),
        },
        {
            **_UP,
            'fanlight_delivery_latency_seconds_bucket{protocol="srt", le="0.05"}': counter(10, 9.7),
            'fanlight_delivery_latency_seconds_count{protocol="srt"}': counter(10, 10),
        },
        "sick:9972: 17.1% bad for the objective srt_delay.",
        labels={"slo": "srt_delay"},
        recovered_min=70,
    ),
    Case(
        "FanlightBudgetBurnsSlowly",
        {
            **_UP,
            'fanlight_srt_packets_total{direction="in", kind="data"}': counter(1000, 1000),
            'fanlight_srt_packets_total{direction="in", kind="dropped_late"}': counter(0, 60),
        },
        {
            **_UP,
            'fanlight_srt_packets_total{direction="in", kind="data"}': counter(1000, 1000),
            'fanlight_srt_packets_total{direction="in", kind="dropped_late"}': counter(0, 5),
        },
        "sick:9972: 1.661% bad for the objective srt_loss.",
        labels={"slo": "srt_loss"},
        fires_min=44,
        recovered_min=80,
    ),
)

CASES: Final = (*ENGINE, *MEDIA, *HOOKS, *PROMISES)
