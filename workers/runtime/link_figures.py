"""What an SRT connection says of its network, in words: for the API and for labels.

Names are libsrt's where the figures mean the same as there (`engine.protocols.srt.statistics`).
"""

from typing import Final

from shm.directory import LinkEncryption, LinkStats

Figures = dict[str, float | int | str]

_MEGA: Final = 1_000_000


def received_figures(link: LinkStats) -> Figures:
    """A publisher's connection, for the API."""
    return {
        "msRTT": link.rtt_us / 1000,
        "msRTTVar": link.rtt_variation_us / 1000,
        "mbpsRecvRate": link.receive_bps / _MEGA,
        "mbpsBandwidth": link.bandwidth_bps / _MEGA,
        "pktRecvTotal": link.packets_received,
        "pktRcvLossTotal": link.packets_lost,
        "pktRcvRecovered": link.packets_recovered,
        "pktRcvDropTotal": link.packets_dropped_late,
        "pktRcvRetransTotal": link.packets_retransmitted,
        "pktRcvDuplicate": link.packets_duplicate,
        "pktRcvReordered": link.packets_reordered,
        "msRcvBuf": link.buffer_ms,
        "msRcvTsbPdDelay": link.latency_ms,
        "pktFlowWindow": link.flow_window,
        "pktCongestionWindow": link.congestion_window,
        "pktFlightSize": link.flight,
        "encryption": encryption_word(link.encryption),
        "peerVersion": version_text(link.peer_version),
    }


def encryption_word(encryption: int) -> str:
    """For people and labels: "none", or "AES-256-CTR"."""
    name = LinkEncryption(encryption).name
    return name.lower() if encryption == LinkEncryption.NONE else name.replace("_", "-")


def version_text(version: int) -> str:
    """A peer's version of SRT: 0x010503 is "1.5.3"."""
    return f"{version >> 16 & 0xFF}.{version >> 8 & 0xFF}.{version & 0xFF}"
