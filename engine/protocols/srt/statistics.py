"""What a connection is doing, under libsrt's names (its docs/API/statistics.md) where they mean the same.

Totals since the beginning; who wants an interval subtracts. Names of our own follow at the end. Bytes include
44 of headers per packet, as libsrt's do.
"""

import msgspec

from engine.protocols.srt.acks import Acks
from engine.protocols.srt.limits import MAX_PAYLOAD_BYTES
from engine.protocols.srt.live_limits import MS, SECOND, WIRE_HEADER_BYTES
from engine.protocols.srt.negotiated import Negotiated
from engine.protocols.srt.receiver import ReceiveBuffer
from engine.protocols.srt.rtt import Rtt
from engine.protocols.srt.sender import SendBuffer


class Tallies(msgspec.Struct):
    """What neither half of a connection counts."""

    refused: int = 0
    """Datagrams that broke the protocol."""
    acks_received: int = 0
    """Full ones."""
    naks_received: int = 0
    naks_sent: int = 0
    link_packets_per_s: int = 0
    """The capacity of the link as the peer estimates it, for what we send, smoothed."""

    def link_reported(self, packets_per_s: int) -> None:
        """An ACK brought an estimate."""
        known = self.link_packets_per_s or packets_per_s
        self.link_packets_per_s = (7 * known + packets_per_s) // 8


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """One reading. pkt: packets, ms: milliseconds, mbps: 10^6 bits per second."""

    msTimeStamp: int
    pktSentTotal: int
    pktSentUniqueTotal: int
    pktRetransTotal: int
    pktSndLossTotal: int
    pktSndDropTotal: int
    pktRecvACKTotal: int
    pktRecvNAKTotal: int
    pktRecvTotal: int
    pktRecvUniqueTotal: int
    pktRcvRetransTotal: int
    pktRcvLossTotal: int
    pktRcvDropTotal: int
    pktRcvBelated: int
    """Late ones and duplicates of what had been delivered. A total here; an interval in libsrt."""
    pktRcvUndecryptTotal: int
    pktSentACKTotal: int
    """Full ones."""
    pktSentNAKTotal: int
    byteSentTotal: int
    byteSentUniqueTotal: int
    byteRetransTotal: int
    byteSndDropTotal: int
    byteRecvTotal: int
    byteRecvUniqueTotal: int
    byteRcvRetransTotal: int
    usPktSndPeriod: float
    pktFlowWindow: int
    pktCongestionWindow: int
    pktFlightSize: int
    msRTT: float
    mbpsBandwidth: float
    mbpsMaxBW: float
    """0 for no limit."""
    mbpsRecvRate: float
    """Over the last sixteen ACKs, payload only."""
    pktSndBuf: int
    byteSndBuf: int
    msSndBuf: int
    msSndTsbPdDelay: int
    pktRcvBuf: int
    byteRcvBuf: int
    msRcvBuf: int
    msRcvTsbPdDelay: int
    pktReorderTolerance: int
    pktReorderDistance: int
    """The largest ever. An interval in libsrt."""

    msRTTVar: float
    pktRcvDelivered: int
    pktRcvRecovered: int
    """Lost, and brought by a retransmission in time."""
    pktRcvReordered: int
    """Thought lost, and only overtaken."""
    pktRcvDuplicate: int
    pktRcvRefused: int
    """Data packets with an impossible timestamp, or beyond the buffer."""
    pktRefused: int
    """Datagrams that broke the protocol."""
    pktRetransRefused: int
    """Retransmissions not sent, because the peer asked for more than it was sent."""
    pktSentLightACKTotal: int
    usDrift: int
    """The peer's clock, behind ours: what play times are corrected by."""
    kmRefreshes: int
    peerVersion: int


def read_statistics(
    negotiated: Negotiated,
    receiver: ReceiveBuffer,
    sender: SendBuffer,
    acks: Acks,
    tallies: Tallies,
    rtt: Rtt,
    now_us: int,
) -> Statistics:
    """Read everything off. Costs what a few packets cost, and more where much is held."""
    capacity = acks.link_packets_per_s or tallies.link_packets_per_s
    return Statistics(
        msTimeStamp=(now_us - negotiated.start_us) // MS,
        usPktSndPeriod=sender.pacing.period_us(MAX_PAYLOAD_BYTES),
        pktFlowWindow=sender.window,
        pktCongestionWindow=negotiated.flow_window_packets,
        pktFlightSize=sender.flight,
        msRTT=rtt.rtt_us / MS,
        msRTTVar=rtt.var_us / MS,
        mbpsBandwidth=capacity * MAX_PAYLOAD_BYTES * 8 / SECOND,
        mbpsMaxBW=sender.pacing.bytes_per_s * 8 / SECOND,
        mbpsRecvRate=acks.bytes_per_s * 8 / SECOND,
        msSndTsbPdDelay=negotiated.send_latency_ms,
        msRcvTsbPdDelay=negotiated.receive_latency_ms,
        pktRecvACKTotal=tallies.acks_received,
        pktRecvNAKTotal=tallies.naks_received,
        pktSentNAKTotal=tallies.naks_sent,
        pktSentACKTotal=acks.full_sent,
        pktSentLightACKTotal=acks.light_sent,
        pktRefused=tallies.refused,
        usDrift=receiver.clock.drift_us,
        kmRefreshes=sender.key_refreshes,
        peerVersion=negotiated.peer_version,
        **_sent(sender),
        **_received(receiver),
    )


def _sent(sender: SendBuffer) -> dict[str, int]:
    counts = sender.counts
    sent = counts.unique + counts.retransmitted
    return {
        "pktSentTotal": sent,
        "pktSentUniqueTotal": counts.unique,
        "pktRetransTotal": counts.retransmitted,
        "pktRetransRefused": counts.refused_retransmits,
        "pktSndLossTotal": counts.lost,
        "pktSndDropTotal": counts.dropped,
        "byteSentTotal": _wire(counts.bytes_unique + counts.bytes_retransmitted, sent),
        "byteSentUniqueTotal": _wire(counts.bytes_unique, counts.unique),
        "byteRetransTotal": _wire(counts.bytes_retransmitted, counts.retransmitted),
        "byteSndDropTotal": _wire(counts.bytes_dropped, counts.dropped),
        "pktSndBuf": sender.held,
        "byteSndBuf": _wire(sender.held_bytes, sender.held),
        "msSndBuf": sender.span_us // MS,
    }


def _received(receiver: ReceiveBuffer) -> dict[str, int]:
    counts = receiver.counts
    return {
        "pktRecvTotal": counts.packets,
        "pktRecvUniqueTotal": counts.unique,
        "pktRcvRetransTotal": counts.retransmitted,
        "pktRcvLossTotal": counts.lost,
        "pktRcvDropTotal": counts.dropped,
        "pktRcvBelated": counts.late + counts.repeated,
        "pktRcvUndecryptTotal": counts.undecrypted,
        "pktRcvDelivered": counts.delivered,
        "pktRcvRecovered": counts.recovered,
        "pktRcvReordered": counts.reordered,
        "pktRcvDuplicate": counts.duplicates + counts.repeated,
        "pktRcvRefused": counts.implausible + counts.beyond,
        "byteRecvTotal": _wire(counts.bytes, counts.packets),
        "byteRecvUniqueTotal": _wire(counts.bytes_unique, counts.unique),
        "byteRcvRetransTotal": _wire(counts.bytes_retransmitted, counts.retransmitted),
        "pktRcvBuf": receiver.held,
        "byteRcvBuf": _wire(receiver.held_bytes, receiver.held),
        "msRcvBuf": receiver.span_us // MS,
        "pktReorderTolerance": receiver.tolerance.packets,
        "pktReorderDistance": receiver.tolerance.distance,
    }


def _wire(payload_bytes: int, packets: int) -> int:
    """With the headers of so many packets."""
    return payload_bytes + packets * WIRE_HEADER_BYTES
