"""SRT: connections and handshakes over all, and the link to each stream's publisher."""

from typing import Final

from monitoring.dashboard import Dashboard
from monitoring.panels import BITS_PER_S, PER_S, SECONDS, SHARE, Row, above, panel, stat, table
from monitoring.queries import Query, grown, now, quantiles, rate, share, times

_DATA_IN = rate("fanlight_srt_packets_total", direction="in", kind="data")
_DATA_OUT = rate("fanlight_srt_packets_total", direction="out", kind="data")


def _part(kind: str, direction: str, whole: Query, legend: str) -> Query:
    return share(rate("fanlight_srt_packets_total", direction=direction, kind=kind), whole, legend)


ALL: Final = Row(
    "All connections",
    (
        stat("Let in", grown("fanlight_srt_handshakes_total", result="accepted"), note="In the time shown."),
        stat("Publishers", now("fanlight_publishers", protocol="srt")),
        stat("Players", now("fanlight_players", protocol="srt")),
        stat("Loss in", _part("lost", "in", _DATA_IN, ""), unit=SHARE, steps=above(0.01, 0.05)),
        stat(
            "Lost for good",
            _part("dropped_late", "in", _DATA_IN, ""),
            unit=SHARE,
            steps=above(0.001, 0.01),
            note="What could not be sent again in time.",
        ),
        stat("Sent again", _part("retransmitted", "out", _DATA_OUT, ""), unit=SHARE, steps=above(0.01, 0.05)),
        panel(
            "Handshakes",
            rate("fanlight_srt_handshakes_total", "result"),
            rate("fanlight_srt_inductions_total", legend="first halves"),
            unit=PER_S,
        ),
        panel("Packets in", rate("fanlight_srt_packets_total", "kind", direction="in"), unit=PER_S),
        panel("Packets out", rate("fanlight_srt_packets_total", "kind", direction="out"), unit=PER_S),
        panel(
            "Shares of the packets",
            _part("lost", "in", _DATA_IN, "lost, in"),
            _part("dropped_late", "in", _DATA_IN, "lost for good, in"),
            _part("retransmitted", "out", _DATA_OUT, "sent again, out"),
            unit=SHARE,
            steps=above(0.01, 0.05),
        ),
        panel("Round trip", quantiles("fanlight_srt_rtt_seconds", "direction"), unit=SECONDS),
        panel(
            "Bandwidth of links",
            quantiles("fanlight_srt_bandwidth_bits_per_second", "direction"),
            unit=BITS_PER_S,
        ),
    ),
)

LINKS: Final = Row(
    "The link to each publisher",
    (
        panel("Round trip", now("fanlight_stream_srt_rtt_seconds", "stream"), unit=SECONDS),
        panel("Jitter", now("fanlight_stream_srt_rtt_variation_seconds", "stream"), unit=SECONDS),
        panel(
            "Loss since connected",
            now("fanlight_stream_srt_loss_ratio", "stream"),
            unit=SHARE,
            steps=above(0.01, 0.05),
        ),
        panel(
            "Received",
            times(now("fanlight_stream_srt_received_bytes_per_second", "stream"), 8),
            unit=BITS_PER_S,
        ),
        panel(
            "Bandwidth",
            times(now("fanlight_stream_srt_bandwidth_bytes_per_second", "stream"), 8),
            unit=BITS_PER_S,
        ),
        panel("Packets", rate("fanlight_stream_srt_packets_total", "stream", "kind"), unit=PER_S),
        panel(
            "Held back",
            now("fanlight_stream_srt_buffer_seconds", "stream", legend="{{stream}} now"),
            now("fanlight_stream_srt_latency_seconds", "stream", legend="{{stream}} negotiated"),
            unit=SECONDS,
        ),
        panel(
            "Windows",
            now("fanlight_stream_srt_congestion_window_packets", "stream", legend="{{stream}} congestion"),
            now("fanlight_stream_srt_flow_window_packets", "stream", legend="{{stream}} flow"),
            now("fanlight_stream_srt_flight_packets", "stream", legend="{{stream}} in flight"),
        ),
        table("Encryption and version", now("fanlight_stream_srt_info", "stream", "encryption", "version")),
    ),
)

SRT: Final = Dashboard("srt", "Fanlight SRT", (ALL, LINKS))
