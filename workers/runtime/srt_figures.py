"""What SRT connections tell about themselves: counters for the metrics, and the link's figures as they are
shown.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.negotiated import Negotiated
from engine.protocols.srt.statistics import Statistics
from shm.directory_link import LinkEncryption, LinkStats
from workers.runtime.metrics import Metrics

MBPS: Final = 1_000_000

RECEIVED: Final[Mapping[str, str]] = {
    "data": "pktRecvTotal",
    "retransmitted": "pktRcvRetransTotal",
    "lost": "pktRcvLossTotal",
    "recovered": "pktRcvRecovered",
    "dropped_late": "pktRcvDropTotal",
    "duplicate": "pktRcvDuplicate",
    "reordered": "pktRcvReordered",
}
SENT: Final[Mapping[str, str]] = {
    "data": "pktSentTotal",
    "retransmitted": "pktRetransTotal",
    "lost": "pktSndLossTotal",
    "dropped_late": "pktSndDropTotal",
}


class PacketCounts:
    """Adds up the packets of connections, each by what has come since it was last looked at."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def add(self, now: Statistics, before: Statistics | None) -> None:
        """Count what happened between two readings of one connection."""
        for direction, kinds in (("in", RECEIVED), ("out", SENT)):
            for kind, name in kinds.items():
                count = getattr(now, name) - (getattr(before, name) if before else 0)
                if count:
                    self._metrics.bind("fanlight_srt_packets_total", direction=direction, kind=kind).inc(
                        count
                    )


def link_stats(stats: Statistics, negotiated: Negotiated) -> LinkStats:
    """A publisher's link for the directory."""
    return LinkStats(
        rtt_us=int(stats.msRTT * 1000),
        receive_bps=int(stats.mbpsRecvRate * MBPS),
        bandwidth_bps=int(stats.mbpsBandwidth * MBPS),
        packets_received=stats.pktRecvTotal,
        packets_lost=stats.pktRcvLossTotal,
        packets_recovered=stats.pktRcvRecovered,
        packets_dropped_late=stats.pktRcvDropTotal,
        packets_retransmitted=stats.pktRcvRetransTotal,
        packets_duplicate=stats.pktRcvDuplicate,
        packets_reordered=stats.pktRcvReordered,
        buffer_ms=max(0, stats.msRcvBuf),
        latency_ms=stats.msRcvTsbPdDelay,
        flow_window=stats.pktFlowWindow,
        flight=stats.pktFlightSize,
        encryption=encryption_of(negotiated),
        peer_version=stats.peerVersion,
    )


def encryption_of(negotiated: Negotiated) -> LinkEncryption:
    """How the connection is encrypted."""
    keys = negotiated.keys
    if keys is None:
        return LinkEncryption.NONE
    mode = "GCM" if keys.mode is CipherMode.GCM else "CTR"
    return LinkEncryption[f"AES_{keys.key_bytes * 8}_{mode}"]


def shown_link(stats: Statistics) -> dict[str, float | int | str]:
    """A connection's figures as the API shows them, under libsrt's names."""
    shown: dict[str, float | int | str] = msgspec.structs.asdict(stats)
    return shown
