"""Readings of an SRT connection, in the shapes that others take: a record of the directory, a client of the
API, counters.
"""

from typing import Final

from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.keys import KeySet
from engine.protocols.srt.live_limits import INITIAL_RTT_US, INITIAL_RTT_VAR_US, MS
from engine.protocols.srt.statistics import Statistics
from shm.directory import LinkEncryption, LinkStats
from workers.runtime.link_figures import Figures, encryption_word, version_text

Packets = dict[tuple[str, str], int]
"""(direction, kind) of `fanlight_srt_packets_total` -> how many."""

Measured = dict[str, float]
"""Histogram of the catalogue -> what to observe."""

_MEGA: Final = 1_000_000
_ASSUMED_RTT_MS: Final = (INITIAL_RTT_US / MS, INITIAL_RTT_VAR_US / MS)


def link_stats(statistics: Statistics, keys: KeySet | None) -> LinkStats:
    """A publisher's connection, for the directory."""
    return LinkStats(
        rtt_us=round(statistics.msRTT * 1000),
        rtt_variation_us=round(statistics.msRTTVar * 1000),
        receive_bps=round(statistics.mbpsRecvRate * _MEGA),
        bandwidth_bps=round(statistics.mbpsBandwidth * _MEGA),
        packets_received=statistics.pktRecvTotal,
        packets_lost=statistics.pktRcvLossTotal,
        packets_recovered=statistics.pktRcvRecovered,
        packets_dropped_late=statistics.pktRcvDropTotal,
        packets_retransmitted=statistics.pktRcvRetransTotal,
        packets_duplicate=statistics.pktRcvDuplicate,
        packets_reordered=statistics.pktRcvReordered,
        # A peer's timestamps may run backwards; a record's words cannot.
        buffer_ms=max(0, statistics.msRcvBuf),
        latency_ms=statistics.msRcvTsbPdDelay,
        flow_window=statistics.pktFlowWindow,
        congestion_window=statistics.pktCongestionWindow,
        flight=statistics.pktFlightSize,
        encryption=encryption_of(keys),
        peer_version=statistics.peerVersion,
    )


def sent_figures(statistics: Statistics, keys: KeySet | None) -> Figures:
    """A player's connection, for the API."""
    return {
        "msRTT": round(statistics.msRTT, 3),
        "msRTTVar": round(statistics.msRTTVar, 3),
        "mbpsBandwidth": round(statistics.mbpsBandwidth, 6),
        "mbpsMaxBW": round(statistics.mbpsMaxBW, 6),
        "pktSentTotal": statistics.pktSentTotal,
        "pktSndLossTotal": statistics.pktSndLossTotal,
        "pktRetransTotal": statistics.pktRetransTotal,
        "pktSndDropTotal": statistics.pktSndDropTotal,
        "msSndBuf": statistics.msSndBuf,
        "msSndTsbPdDelay": statistics.msSndTsbPdDelay,
        "pktFlowWindow": statistics.pktFlowWindow,
        "pktCongestionWindow": statistics.pktCongestionWindow,
        "pktFlightSize": statistics.pktFlightSize,
        "encryption": encryption_word(encryption_of(keys)),
        "peerVersion": version_text(statistics.peerVersion),
    }


def packets(statistics: Statistics) -> Packets:
    """What to count, since the connection began. Who counts more than once takes `grown`."""
    s = statistics
    return {
        ("in", "data"): s.pktRecvTotal,
        ("in", "retransmitted"): s.pktRcvRetransTotal,
        ("in", "lost"): s.pktRcvLossTotal,
        ("in", "recovered"): s.pktRcvRecovered,
        ("in", "dropped_late"): s.pktRcvDropTotal,
        ("in", "duplicate"): s.pktRcvDuplicate,
        ("in", "reordered"): s.pktRcvReordered,
        ("in", "undecrypted"): s.pktRcvUndecryptTotal,
        ("in", "refused"): s.pktRefused + s.pktRcvRefused,
        ("in", "ack"): s.pktRecvACKTotal,
        ("in", "nak"): s.pktRecvNAKTotal,
        ("out", "data"): s.pktSentTotal,
        ("out", "retransmitted"): s.pktRetransTotal,
        ("out", "lost"): s.pktSndLossTotal,
        ("out", "dropped_late"): s.pktSndDropTotal,
        ("out", "refused"): s.pktRetransRefused,
        ("out", "ack"): s.pktSentACKTotal + s.pktSentLightACKTotal,
        ("out", "nak"): s.pktSentNAKTotal,
    }


def grown(now: Packets, before: Packets) -> Packets:
    """What has come since `before` (empty: since the connection began), without what has not."""
    return {key: count for key, total in now.items() if (count := total - before.get(key, 0))}


def measured(statistics: Statistics) -> Measured:
    """What a link is like now, without what it has not measured yet: an assumption is no observation."""
    figures: Measured = {}
    if (statistics.msRTT, statistics.msRTTVar) != _ASSUMED_RTT_MS:
        figures["fanlight_srt_rtt_seconds"] = statistics.msRTT / 1000
    if statistics.mbpsBandwidth:
        figures["fanlight_srt_bandwidth_bits_per_second"] = statistics.mbpsBandwidth * _MEGA
    return figures


def encryption_of(keys: KeySet | None) -> LinkEncryption:
    """How a connection with these keys is encrypted."""
    if keys is None:
        return LinkEncryption.NONE
    return LinkEncryption[f"AES_{keys.key_bytes * 8}_{'GCM' if keys.mode is CipherMode.GCM else 'CTR'}"]
