"""Error budgets."""

from typing import Final

from tests.monitoring.cases.case import Case
from tests.monitoring.timelines import counter, gauge, steady

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
