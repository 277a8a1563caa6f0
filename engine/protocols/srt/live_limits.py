"""What live mode waits for, keeps and tolerates. Each number: unit, reason, precedent.

Where libsrt 1.5 has the same number, ours is that one: the two ends of a connection tune themselves to each
other by these.
"""

from typing import Final

MS: Final = 1_000
SECOND: Final = 1_000_000

ACK_INTERVAL_US: Final = 10 * MS
"""Between two full ACKs while data arrives (draft section 3.2.4; libsrt COMM_SYN_INTERVAL_US)."""

ACK_ACK_INTERVAL_US: Final = 5 * MS
"""No two ACKACKs are closer than this, unless the same ACK came twice. libsrt lets one pass in 10 ms, which
its own timer, always a little late, satisfies; ours may be punctual."""

LIGHT_ACK_PACKETS: Final = 64
"""A light ACK goes out after so many packets without a full one: from about 67 Mbit/s on (draft section
3.2.4; libsrt SELF_CLOCK_INTERVAL)."""

TIGHT_PART: Final = 2
"""A sender that knows of room for less than one such part of the buffer is told of more, also where nothing
new has come. An honest stream fills a buffer that far only where rate times latency is 40 Mbit/s and more."""

ACKS_REMEMBERED: Final = 1024
"""ACKs that an ACKACK may still answer: 10 s (libsrt ACK_WND_SIZE)."""

MIN_NAK_INTERVAL_US: Final = 20 * MS
"""A loss is not asked for again sooner, however short the round trip (libsrt, live congestion control)."""

MIN_RETRY_MARGIN_US: Final = 500
"""A NAK's answer may be so much later than the round trip, however steady that is."""

ENOUGH_CHANCES: Final = 3
"""Attempts that a lost packet should have left: where a twentieth is lost on either way, all of them fail
once in a thousand losses. For more it is not worth asking for what may be on its way."""

ANSWER_MARGIN_US: Final = 5 * MS
"""The last moment to ask for a packet is so much earlier than the round trip says: whoever serves this
connection looks at it every few milliseconds."""

MIN_INSURANCE_US: Final = 10 * MS
"""A NAK is repeated, in case it was lost itself, only where the repetition comes at least so much later."""

EFFICIENT_RETRANSMIT_VERSION: Final = 0x010500
"""From this version on a libsrt sender does not answer a repeated NAK with a repeated packet (its option
SRTO_RETRANSMITALGO became 1)."""

KEEP_ALIVE_US: Final = 1 * SECOND
"""Silence of ours that a keep-alive ends (draft section 3.2.3; libsrt COMM_KEEPALIVE_PERIOD_US)."""

PEER_IDLE_US: Final = 5 * SECOND
"""Silence of the peer that ends the connection (libsrt SRTO_PEERIDLETIMEO)."""

INITIAL_RTT_US: Final = 100 * MS
INITIAL_RTT_VAR_US: Final = 50 * MS
"""Assumed until the first measurement (draft section 4.10)."""

RECEIVE_BUFFER_PACKETS: Final = 8192
"""Packets between the next to deliver and the newest: 10 MiB of payload at worst (libsrt SRTO_RCVBUF)."""

SEND_BUFFER_PACKETS: Final = 8192
"""Packets that wait for their ACK or for their turn; beyond, the oldest are dropped (libsrt SRTO_SNDBUF)."""

BEYOND_BUFFER_PACKETS: Final = 64
"""After so many packets in a row that are beyond an empty buffer, the two ends have lost each other and the
connection is over. libsrt ends it at the first; but a single one may be anybody's forgery."""

MIN_SEND_DROP_US: Final = 1 * SECOND
"""A sender keeps packets at least so long, also for peers with less latency (libsrt
SRT_TLPKTDROP_MINTHRESHOLD_MS)."""

SEND_DROP_MARGIN_US: Final = 20 * MS
"""And so much longer than the peer's latency (libsrt: two synchronisation intervals)."""

MAX_AHEAD_US: Final = 10 * SECOND
"""A packet whose timestamp says that it will be sent so much later is refused. libsrt believes any, and then
holds everything behind it back; the draft's clocks are apart by a handshake's delay and its jitter."""

MAX_REORDER_TOLERANCE: Final = 48
"""Packets by which another may overtake before we call it lost, at most; the real tolerance is learnt.
libsrt's default (SRTO_LOSSMAXTTL) is 0, so that each reordered packet is sent twice; its users set 30 to
60 on links that reorder. 100 ms of a 5 Mbit/s stream."""

ORDERED_PACKETS_PER_TOLERANCE: Final = 50
"""Packets in order that take one off the tolerance (libsrt)."""

GAPS_REMEMBERED: Final = 64
"""Gaps that were declared, kept to tell a late packet from a duplicate."""

DRIFT_SAMPLES: Final = 1_000
"""Samples per correction: one per ACKACK, so about 10 s (draft section 4.7; libsrt
TSBPD_DRIFT_MAX_SAMPLES)."""

MAX_DRIFT_US: Final = 5 * MS
"""Larger drifts move the time base itself (libsrt TSBPD_DRIFT_MAX_VALUE)."""

PROBE_MASK: Final = 15
"""Packets whose sequence number ends in four zero bits are followed by the next at once: the two are a probe
of the link's capacity (draft section 5.1.2, libsrt PUMASK_SEQNO_PROBE)."""

PROBES_REMEMBERED: Final = 64
RATE_INTERVALS: Final = 16
"""The windows behind the estimates in an ACK: packet pairs, and ACK intervals (libsrt: 64 pairs, 16
packets)."""

INITIAL_PROBE_US: Final = 1_000
"""What the window of pairs is filled with at first (libsrt)."""

WIRE_HEADER_BYTES: Final = 44
"""IPv4, UDP and SRT headers: added to payloads where a rate on the wire is meant, as libsrt does."""

RETRANSMIT_CREDIT: Final = 512
"""Retransmissions that may be owed at once. Each packet sent for the first time earns one: no peer makes us
send more than twice the stream, whatever it claims to have lost. libsrt knows only a limit in bytes per
second, off by default (SRTO_MAXREXMITBW). Enough for 200 ms of total loss at 25 Mbit/s."""

LOOK_UPS_PER_PACKET: Final = 16
LOOK_UP_CREDIT: Final = 16_384
"""Packets that a peer may have looked up by NAKs: so many for each packet sent, and so many at once. A
receiver that repeats its NAKs four times in a round trip under 20 % loss has one looked up per packet sent.
Without this, 24 bytes of NAK had the whole buffer gone through, 1.6 ms."""

OVERHEAD_PERCENT: Final = 25
"""Bandwidth above that of the input, for retransmissions (libsrt SRTO_OHEADBW)."""

INPUT_SAMPLE_US: Final = 1 * SECOND
FIRST_INPUT_SAMPLE_US: Final = 500 * MS
"""Time over which the input's rate is measured (libsrt, the same)."""

KEY_REQUEST_INTERVAL_US: Final = 20 * MS
"""An unanswered KMREQ is repeated after 1.5 round trips (libsrt), and not sooner than this."""

DROP_REQUEST_INTERVAL_US: Final = 20 * MS
"""A DROPREQ is repeated after a round trip, and not sooner than this, until an ACK shows that it was heard.
libsrt says it once; where the window is full then, nothing that is sent later could tell the receiver."""
