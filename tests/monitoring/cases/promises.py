"""Error budgets."""

from typing import Final

from tests.monitoring.cases.case import FIRES_MIN, Case, Series, named
from tests.monitoring.timelines import born, bumped, counter, down, gauge, gone_at_all, steady

_FANOUT_UP: Final = 'fanlight_worker_up{worker="fanout0", role="fanout"}'
_UP: Final[Series] = {'fanlight_worker_up{worker="ingest0", role="ingest"}': steady(1), _FANOUT_UP: steady(1)}

_NEW: Final[Series] = {"up": "0 " + steady(1), **dict.fromkeys(_UP, "_ " + steady(1))}


def _request(route: str, status: int) -> str:
    return named("fanlight_http_requests_total", method="GET", route=route, status=str(status))


def _fails(alert: str, says: str, sick: str, well: str) -> Case:
    """About failures of the last 30 days; it is told for six hours."""
    return Case(alert, _UP | {_FANOUT_UP: sick}, _UP | {_FANOUT_UP: well}, says, recovered_min=390)


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
    # 11 minutes of an hour, and a budget of 0.1 %. One failed scrape is no reason to be woken, and be it the
    # first of a new engine.
    _burns("availability", "18.75%", {_FANOUT_UP: gauge(1, 0)}, _NEW),
    # Who is not there any more does not answer either, and was there before.
    _burns("availability", "18.75%", {"up": gone_at_all(1), **dict.fromkeys(_UP, gone_at_all(1))}, {}),
    _burns(
        "media",
        "0.8904%",
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
        "1.751%",
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
    # Nobody had been told 503 before; of /readyz it is no failure.
    _burns(
        "requests",
        "5.05%",
        {_request("/{stream}.flv", 200): counter(5, 5), _request("/{stream}.flv", 503): born(1000)},
        {_request("/{stream}.flv", 200): counter(5, 5), _request("/readyz", 503): born(1000)},
        fires_min=24,
    ),
    # The first worker to die, with half of those who came.
    _burns(
        "requests",
        "28.86%",
        {
            'fanlight_players_started_total{protocol="rtmp"}': counter(1, 1),
            'fanlight_players_ended_total{protocol="rtmp", reason="worker_death"}': bumped(0, 1000),
        },
        {'fanlight_players_started_total{protocol="rtmp"}': counter(1, 1)},
        fires_min=24,
    ),
    _burns(
        "srt_delay",
        "17.81%",
        {
            'fanlight_delivery_latency_seconds_bucket{protocol="srt", le="0.05"}': counter(10, 0),
            'fanlight_delivery_latency_seconds_count{protocol="srt"}': counter(10, 10),
        },
        {
            'fanlight_delivery_latency_seconds_bucket{protocol="srt", le="0.05"}': counter(10, 9.7),
            'fanlight_delivery_latency_seconds_count{protocol="srt"}': counter(10, 10),
        },
    ),
    # An hour without a single packet; a month's budget is 7 hours of that.
    _burns(
        "srt_handshake",
        "16.92%",
        {
            'fanlight_srt_handshake_seconds_bucket{role="player", le="0.2"}': counter(5, 0),
            'fanlight_srt_handshake_seconds_count{role="player"}': counter(5, 5),
            'fanlight_srt_handshake_seconds_bucket{role="publisher", le="0.2"}': counter(5, 0.5),
            'fanlight_srt_handshake_seconds_count{role="publisher"}': counter(5, 5),
        },
        {
            'fanlight_srt_handshake_seconds_bucket{role="player", le="0.2"}': counter(10, 9.7),
            'fanlight_srt_handshake_seconds_count{role="player"}': counter(10, 10),
        },
    ),
    _burns(
        "srt_loss",
        "4.101%",
        {
            'fanlight_srt_packets_total{direction="in", kind="data"}': counter(1000, 1000),
            'fanlight_srt_packets_total{direction="in", kind="dropped_late"}': counter(
                0, 1000, trouble_min=60
            ),
        },
        {
            'fanlight_srt_packets_total{direction="in", kind="data"}': counter(1000, 1000),
            'fanlight_srt_packets_total{direction="in", kind="dropped_late"}': counter(0, 5, trouble_min=60),
        },
        alert="FanlightBudgetBurnsSlowly",
        fires_min=79,
        recovered_min=450,
    ),
    _fails(
        "FanlightFailsOften",
        "sick:9972 was available for 15m 22s between failures, in the mean of up to 30 days.",
        down((20, 15), (25, 15)),
        down((25, 15)),
    ),
    _fails(
        "FanlightRecoversSlowly",
        "sick:9972 was not available for 45s at a failure, in the mean of up to 30 days.",
        down((20, 45)),
        down((20, 30), (25, 30)),
    ),
)
