"""Error budgets."""

from typing import Final

from tests.monitoring.cases.case import FIRES_MIN, Case, Series
from tests.monitoring.timelines import counter, gauge, steady

_UP: Final = {
    f'fanlight_worker_up{{worker="{role}0", role="{role}"}}': steady(1) for role in ("ingest", "fanout")
}


def _burns(
    slo: str,
    bad: str,
    sick: Series,
    well: Series,
    *,
    alert: str = "FanlightBudgetBurnsFast",
    fires_min: float = FIRES_MIN,
    recovered_min: float = 70,
) -> Case:
    """This share of what an objective counts is bad; workers are up, unless the case says otherwise."""
    says = f"sick:9972: {bad} bad for the objective {slo}."
    return Case(alert, _UP | sick, _UP | well, says, {"slo": slo}, fires_min, recovered_min)


PROMISES: Final = (
    # 12 minutes of an hour, after 20 without fault: 30 % of the time, and a budget of 0.1 %.
    _burns("availability", "36%", {'fanlight_worker_up{worker="fanout0", role="fanout"}': gauge(1, 0)}, {}),
    _burns(
        "media",
        "1.71%",
        {
            'fanlight_received_tags_total{protocol="rtmp"}': counter(100, 100),
            'fanlight_ring_failures_total{reason="no_memory"}': counter(0, 5),
        },
        {
            'fanlight_received_tags_total{protocol="rtmp"}': counter(1000, 1000),
            'fanlight_ring_failures_total{reason="no_memory"}': counter(0, 0.2),
        },
    ),
    _burns(
        "requests",
        "3.362%",
        {
            'fanlight_http_requests_total{method="GET", route="/", status="200"}': counter(9, 9),
            'fanlight_http_requests_total{method="GET", route="/", status="500"}': counter(0, 0.5),
            'fanlight_players_started_total{protocol="rtmp"}': counter(1, 1),
            'fanlight_players_ended_total{protocol="rtmp", reason="worker_death"}': counter(0, 0.5),
        },
        {
            'fanlight_http_requests_total{method="GET", route="/", status="404"}': counter(9, 9),
            'fanlight_play_refusals_total{protocol="rtmp", reason="not_found"}': counter(0, 1),
        },
    ),
    _burns(
        "srt_delay",
        "17.1%",
        {
            'fanlight_delivery_latency_seconds_bucket{protocol="srt", le="0.05"}': counter(10, 5),
            'fanlight_delivery_latency_seconds_count{protocol="srt"}': counter(10, 10),
        },
        {
            'fanlight_delivery_latency_seconds_bucket{protocol="srt", le="0.05"}': counter(10, 9.7),
            'fanlight_delivery_latency_seconds_count{protocol="srt"}': counter(10, 10),
        },
    ),
    _burns(
        "srt_handshake",
        "17.1%",
        {
            'fanlight_srt_handshake_seconds_bucket{role="player", le="0.2"}': counter(5, 1),
            'fanlight_srt_handshake_seconds_count{role="player"}': counter(5, 5),
            'fanlight_srt_handshake_seconds_bucket{role="publisher", le="0.2"}': counter(5, 4),
            'fanlight_srt_handshake_seconds_count{role="publisher"}': counter(5, 5),
        },
        {
            'fanlight_srt_handshake_seconds_bucket{role="player", le="0.2"}': counter(10, 9.7),
            'fanlight_srt_handshake_seconds_count{role="player"}': counter(10, 10),
        },
    ),
    _burns(
        "srt_loss",
        "1.661%",
        {
            'fanlight_srt_packets_total{direction="in", kind="data"}': counter(1000, 1000),
            'fanlight_srt_packets_total{direction="in", kind="dropped_late"}': counter(0, 60),
        },
        {
            'fanlight_srt_packets_total{direction="in", kind="data"}': counter(1000, 1000),
            'fanlight_srt_packets_total{direction="in", kind="dropped_late"}': counter(0, 5),
        },
        alert="FanlightBudgetBurnsSlowly",
        fires_min=44,
        recovered_min=80,
    ),
)
