"""Single streams: what their publishers send, and how their players fare."""

from typing import Final

from monitoring.dashboard import Dashboard
from monitoring.panels import BITS_PER_S, BYTES_PER_S, PER_S, SECONDS, SHARE, Row, above, bars, panel, table
from monitoring.queries import now, or_nought, quantiles, rate, share, times, top

PUBLISHERS: Final = Row(
    "What publishers send",
    (
        panel(
            "Bit rate",
            times(now("fanlight_stream_published_bytes_per_second", "instance", "stream"), 8),
            unit=BITS_PER_S,
        ),
        panel("Frame rate", now("fanlight_stream_frames_per_second", "instance", "stream"), unit="fps"),
        panel(
            "Keyframe interval",
            now("fanlight_stream_keyframe_interval_seconds", "stream", how="max"),
            unit=SECONDS,
            steps=above(4, 10),
        ),
        panel("Keyframes", rate("fanlight_stream_keyframes_total", "stream"), unit=PER_S),
        panel(
            "Picture ahead of sound",
            now("fanlight_stream_av_gap_seconds", "stream", how="max"),
            unit=SECONDS,
            note="It grows without end where one of them has stopped.",
        ),
        panel(
            "From the socket to shared memory",
            quantiles("fanlight_ingest_processing_seconds", "protocol"),
            unit=SECONDS,
        ),
        panel("Timestamps repaired", rate("fanlight_stream_repairs_total", "stream"), unit=PER_S),
        panel("Use of the ring", now("fanlight_stream_ring_use_ratio", "stream", how="max"), unit=SHARE),
        panel("Limits broken", rate("fanlight_limits_broken_total", "reason"), unit=PER_S),
        panel(
            "Returned and taken over",
            rate("fanlight_reconnects_total", legend="returned"),
            rate("fanlight_takeovers_total", legend="taken over"),
            unit=PER_S,
        ),
        panel("Publishers gone", rate("fanlight_publishes_ended_total", "reason"), unit=PER_S),
        panel(
            "Tags",
            rate("fanlight_received_tags_total", "protocol"),
            rate("fanlight_ring_failures_total", "reason", legend="lost: {{reason}}"),
            rate("fanlight_timestamp_repairs_total", "reason", legend="repaired: {{reason}}"),
            unit=PER_S,
        ),
    ),
)

PLAYERS: Final = Row(
    "How players fare",
    (
        bars("Most watched", top(10, now("fanlight_stream_players", "stream"))),
        table("Players by stream", now("fanlight_stream_players", "stream", "protocol")),
        panel("Players", now("fanlight_stream_players", "stream"), stacked=True),
        panel(
            "Slowest player's lag",
            now("fanlight_stream_lag_seconds", "stream", how="max"),
            unit=SECONDS,
            steps=above(3, 6),
        ),
        panel("Lag of all players", quantiles("fanlight_player_lag_seconds", "protocol"), unit=SECONDS),
        panel("Time in the engine", quantiles("fanlight_delivery_latency_seconds", "protocol"), unit=SECONDS),
        panel("Time to the first picture", quantiles("fanlight_join_seconds", "protocol"), unit=SECONDS),
        panel(
            "Jumps",
            or_nought(
                rate("fanlight_jumps_total", "protocol", "reason"),
                rate("fanlight_sent_tags_total", "protocol"),
                "protocol",
            ),
            unit=PER_S,
        ),
        panel(
            "Tags left out",
            share(
                rate("fanlight_dropped_tags_total", "protocol"),
                rate("fanlight_sent_tags_total", "protocol"),
                "{{protocol}}",
            ),
            unit=SHARE,
            steps=above(0.001, 0.01),
        ),
        panel("Bytes", rate("fanlight_stream_bytes_total", "stream", "direction"), unit=BYTES_PER_S),
        panel(
            "Sessions",
            quantiles("fanlight_session_seconds", "protocol", "role", which="0.5"),
            unit=SECONDS,
            note="How long half of those stayed who left in the last five minutes.",
        ),
        panel("Players gone", rate("fanlight_players_ended_total", "protocol", "reason"), unit=PER_S),
    ),
)

STREAMS: Final = Dashboard("streams", "Fanlight publishers and players", (PUBLISHERS, PLAYERS))
