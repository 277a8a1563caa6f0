"""What publishers' SRT connections say of their networks, as metrics of their streams."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from shm.directory import LinkStats
from workers.runtime.link_figures import encryption_word, version_text

PACKETS: Final = {
    "data": "packets_received",
    "lost": "packets_lost",
    "recovered": "packets_recovered",
    "dropped_late": "packets_dropped_late",
    "retransmitted": "packets_retransmitted",
    "duplicate": "packets_duplicate",
    "reordered": "packets_reordered",
}
"""Kind in the catalogue -> word of the record."""


class Takes(Protocol):
    """A family of metrics, as it is filled."""

    def add_metric(self, labels: list[str], value: float) -> None: ...


def add_link_sums(families: Mapping[str, Takes], label: str, links: Iterable[LinkStats]) -> None:
    """What can be added up over streams. Nothing where there is no link."""
    links = list(links)
    if not links:
        return
    received = sum(link.receive_bps for link in links) / 8
    families["fanlight_stream_srt_received_bytes_per_second"].add_metric([label], received)
    packets = families["fanlight_stream_srt_packets_total"]
    for kind, word in PACKETS.items():
        packets.add_metric([label, kind], sum(getattr(link, word) for link in links))


def add_link(families: Mapping[str, Takes], stream: str, link: LinkStats) -> None:
    """What means nothing for several streams together."""
    figures = {
        "rtt_seconds": link.rtt_us / 1_000_000,
        "rtt_variation_seconds": link.rtt_variation_us / 1_000_000,
        "bandwidth_bytes_per_second": link.bandwidth_bps / 8,
        "loss_ratio": loss_ratio(link),
        "buffer_seconds": link.buffer_ms / 1000,
        "latency_seconds": link.latency_ms / 1000,
        "flow_window_packets": link.flow_window,
        "congestion_window_packets": link.congestion_window,
        "flight_packets": link.flight,
    }
    for name, value in figures.items():
        families[f"fanlight_stream_srt_{name}"].add_metric([stream], value)
    labels = [stream, encryption_word(link.encryption), version_text(link.peer_version)]
    families["fanlight_stream_srt_info"].add_metric(labels, 1)


def loss_ratio(link: LinkStats) -> float:
    """Lost packets among those that the publisher sent for the first time; 0 before any came."""
    first = link.packets_received - link.packets_retransmitted + link.packets_lost
    return link.packets_lost / first if first > 0 else 0.0
