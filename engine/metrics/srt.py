"""Metrics of SRT: what workers count, and what a publisher's connection says of its network.

The latter are read off the directory at each scrape, for streams whose publisher came over SRT. Packets are
counted per connection, so those counters begin again when a publisher reconnects.
"""

from typing import Final

from engine.metrics.buckets import LINK_BPS, RTT_S, SRT_HANDSHAKE_S
from engine.metrics.metric import Metric

SRT: Final = (
    Metric(
        name="fanlight_srt_inductions_total",
        kind="counter",
        help="First halves of SRT handshakes that were answered; they cost nothing, whoever sends them.",
    ),
    Metric(
        name="fanlight_srt_handshakes_total",
        kind="counter",
        help="SRT handshakes: accepted, refused by our rules, failed for want of the right passphrase, of"
        " something that we do not do or of room, or not to be understood.",
        labels=("result",),
        reasons=("accepted", "refused", "bad_secret", "unsupported", "overloaded", "damaged"),
    ),
    Metric(
        name="fanlight_srt_handshake_seconds",
        kind="histogram",
        help="From reading the second half of an SRT handshake (the conclusion) to sending the answer that"
        " accepts it: the decisions of access rules and of a service are in it, a player's wait for a stream"
        " that is not there yet is not. First halves (inductions) are answered at once and not remembered, so"
        " neither they nor the network's way are in it.",
        labels=("role",),
        roles=("publisher", "player"),
        buckets=SRT_HANDSHAKE_S,
    ),
    Metric(
        name="fanlight_srt_packets_total",
        kind="counter",
        help="SRT packets. data are all with media, and those retransmitted, duplicate and reordered are"
        " among them; lost were missed by the receiver, recovered and dropped_late tell what became of them.",
        labels=("direction", "kind"),
    ),
    Metric(
        name="fanlight_srt_rtt_seconds",
        kind="histogram",
        help="Smoothed round trip of each SRT connection, once a second: in to publishers, out to players.",
        labels=("direction",),
        buckets=RTT_S,
    ),
    Metric(
        name="fanlight_srt_bandwidth_bits_per_second",
        kind="histogram",
        help="What the link of each SRT connection could carry, estimated from pairs of packets, once a"
        " second: in from publishers, out to players.",
        labels=("direction",),
        buckets=LINK_BPS,
    ),
    Metric(
        name="fanlight_stream_srt_rtt_seconds",
        kind="gauge",
        help="Round trip to the stream's publisher, smoothed.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_rtt_variation_seconds",
        kind="gauge",
        help="Jitter of the round trip to the stream's publisher: its mean deviation, smoothed.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_received_bytes_per_second",
        kind="gauge",
        help="Bytes per second that come from the stream's publisher, as its connection measures them.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_bandwidth_bytes_per_second",
        kind="gauge",
        help="What the link to the stream's publisher could carry, estimated from pairs of packets.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_packets_total",
        kind="counter",
        help="SRT packets from the stream's present publisher, by the kinds of fanlight_srt_packets_total.",
        labels=("stream", "kind"),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_loss_ratio",
        kind="gauge",
        help="Share of the publisher's packets that did not come at first, since it connected.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_buffer_seconds",
        kind="gauge",
        help="Media held back now so that lost packets can be sent again.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_latency_seconds",
        kind="gauge",
        help="How long media is held back, as negotiated with the publisher.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_flow_window_packets",
        kind="gauge",
        help="Packets that may be on their way to the stream's publisher.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_congestion_window_packets",
        kind="gauge",
        help="Packets that congestion control lets be on their way to the stream's publisher: in live mode"
        " as many as its receive buffer holds.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_flight_packets",
        kind="gauge",
        help="Packets that were sent to the stream's publisher and not acknowledged yet.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_srt_info",
        kind="gauge",
        help="Always 1; the labels tell how the publisher's connection is encrypted, and its version of SRT.",
        labels=("stream", "encryption", "version"),
        scope="collector",
    ),
)
