"""Publishers and players."""

from typing import Final

from tests.monitoring.cases.case import Case, always
from tests.monitoring.timelines import born, bumped, counter, gauge, steady

FILM: Final = {"stream": "live/film"}

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
