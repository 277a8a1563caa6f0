"""When a packet is to be played: timestamp-based packet delivery, TSBPD (draft section 4.5).

    our clock     ----h----------------------------a----------------------p---->
                      |  base_us = h - handshake's timestamp              |
    their clock   ----+--------------------s--------------------------    |
                                           |<- base, latency and drift -->|

A packet sent at `s` of the peer's clock is played at base + s + latency + drift of ours. The base holds one
network delay, that of the handshake, so the latency counts from a packet's normal arrival, not from its
sending.

Timestamps have 32 bits. libsrt widens them by a state machine that watches for the turn; here they are
widened against our own clock, which needs no state: whatever the timestamp says, it is the moment nearest to
now. What is more than MAX_AHEAD_US ahead is no moment at all.
"""

from typing import Final

from engine.protocols.srt.drift import DriftTracer
from engine.protocols.srt.numbers import ts_diff

TS_HALF: Final = 0x8000_0000


class TimeBase:
    """The peer's clock, in ours. `base_us` is public for the path that runs per packet."""

    __slots__ = ("_drift", "_shortest_rtt_us", "base_us", "latency_us")

    def __init__(self, base_us: int, latency_us: int) -> None:
        """`base_us`: when the peer's timestamps began, that is, when its handshake arrived here, less the
        handshake's timestamp."""
        self.base_us = base_us
        self.latency_us = latency_us
        self._drift = DriftTracer()
        self._shortest_rtt_us = 1 << 62

    @property
    def drift_us(self) -> int:
        """The correction at the moment: positive where their clock is slower than ours."""
        return self._drift.drift_us

    @property
    def delay_us(self) -> int:
        """What separates a widened timestamp from its play time."""
        return self.base_us + self.latency_us + self._drift.drift_us

    def widen(self, timestamp_us: int, now_us: int) -> int:
        """The moment of their clock, without wrap, that a timestamp heard now stands for."""
        expected_us = now_us - self.base_us
        return expected_us + ts_diff(timestamp_us, expected_us)

    def trace(self, timestamp_us: int, now_us: int, rtt_us: int) -> None:
        """Learn from a control packet that was sent when it was stamped, with the round trip just measured.

        Half of what the round trip exceeds its shortest by is taken for delay on the way, not for drift.
        libsrt compares with the first, and a first one that a busy machine made long adds half of that to the
        latency for good (24 ms, seen here).
        """
        self._shortest_rtt_us = min(self._shortest_rtt_us, rtt_us)
        sample_us = -ts_diff(timestamp_us, now_us - self.base_us)
        self.base_us += self._drift.add(sample_us - (rtt_us - self._shortest_rtt_us) // 2)
