"""Publishers and players."""

from typing import Final

from tests.monitoring.cases.case import Case, Counted, always, buckets
from tests.monitoring.timelines import counter, gauge, steady

FILM: Final = {"stream": "live/film"}

_ENDS: Final = Counted(
    "FanlightStreamsEndedByError",
    "fanlight_publishes_ended_total",
    "{count} publishers over {protocol} of sick:9972 were ended in 5 minutes with the reason {reason}.",
    by=("protocol", "reason"),
    fires_min=21,
)
_TAGS: Final = Counted(
    "FanlightRingsFail",
    "fanlight_ring_failures_total",
    "{count} tags of sick:9972 were lost in 5 minutes with the reason {reason}.",
    fires_min=21,
)
_SEGMENTS: Final = Counted(
    "FanlightSegmentsMissing",
    "fanlight_hls_gaps_total",
    "{count} segments of sick:9972 are missing in 5 minutes with the reason {reason}.",
    fires_min=21,
)
_PACKAGES: Final = Counted(
    "FanlightPackagesFail",
    "fanlight_hls_failures_total",
    "{count} packages of sick:9972 could not be begun or broke in 5 minutes with the reason {reason}.",
    fires_min=21,
)

MEDIA: Final = (
    _ENDS.first(
        4,
        protocol="rtmp",
        reason="worker_death",
        harmless={"protocol": "rtmp", "reason": "finished"},
    ),
    _ENDS.first_and_not_seen_again(7, protocol="rtmp", reason="error"),
    _ENDS.again(7, 2, protocol="srt", reason="error", stands=7),
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
    *(
        always(
            'fanlight_stream_av_gap_seconds{stream="live/film"}',
            gauge(0.1, apart_s),
            gauge(0.1, nearly_s),
            "FanlightPublisherFrozen",
            "The newest picture and the newest sound of live/film of sick:9972 are"
            f" {abs(apart_s)}s apart: one of them has stopped.",
            labels=FILM,
        )
        for apart_s, nearly_s in ((-30, -4), (12, 4))
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
    _TAGS.first(3, reason="no_memory"),
    _TAGS.first_and_not_seen_again(7, reason="no_memory"),
    _TAGS.again(8, 1, reason="lost_ring", stands=8),
    Case(
        "FanlightPlayersLagging",
        buckets(
            "fanlight_player_lag_seconds",
            {"3.0": counter(10, 0), "4.0": counter(10, 10), "+Inf": counter(10, 10)},
            protocol="rtmp",
        ),
        buckets(
            "fanlight_player_lag_seconds",
            {"3.0": counter(10, 9.5), "4.0": counter(10, 10), "+Inf": counter(10, 10)},
            protocol="rtmp",
        ),
        "One in ten players over rtmp of sick:9972 is more than 3.9s behind.",
        labels={"protocol": "rtmp", "quantile": "0.9"},
    ),
    _SEGMENTS.first(5, reason="no_room"),
    _SEGMENTS.first_and_not_seen_again(7, reason="no_room"),
    _SEGMENTS.again(8, 2, reason="lapped", stands=8),
    _PACKAGES.first(1, reason="error"),
    _PACKAGES.first_and_not_seen_again(7, reason="error"),
    _PACKAGES.again(8, 2, reason="no_memory", stands=8),
)
