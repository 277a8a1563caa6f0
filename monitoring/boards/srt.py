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


def _link(what: str, words: str = "") -> Query:
    """A figure of each publisher's link; a name may be at two engines, and their sum means nothing."""
    legend = " ".join(["{{instance}} {{stream}}", *([words] if words else [])])
    return now(f"fanlight_stream_srt_{what}", "instance", "stream", how="max", legend=legend)


LINKS: Final = Row(
    "The link to each publisher",
    (
        panel("Round trip", _link("rtt_seconds"), unit=SECONDS),
        panel("Jitter", _link("rtt_variation_seconds"), unit=SECONDS),
        panel("Loss since connected", _link("loss_ratio"), unit=SHARE, steps=above(0.01, 0.05)),
        panel("Received", times(_link("received_bytes_per_second"), 8), unit=BITS_PER_S),
        panel("Bandwidth", times(_link("bandwidth_bytes_per_second"), 8), unit=BITS_PER_S),
        panel("Packets", rate("fanlight_stream_srt_packets_total", "stream", "kind"), unit=PER_S),
        panel(
            "Held back",
            _link("buffer_seconds", "now"),
            _link("latency_seconds", "negotiated"),
            unit=SECONDS,
        ),
        panel(
            "Windows",
            _link("congestion_window_packets", "congestion"),
            _link("flow_window_packets", "flow"),
            _link("flight_packets", "in flight"),
        ),
        table(
            "Encryption and version",
            now("fanlight_stream_srt_info", "instance", "stream", "encryption", "version", how="max"),
        ),
    ),
)

SRT: Final = Dashboard("srt", "Fanlight SRT", (ALL, LINKS))
