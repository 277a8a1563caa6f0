"""How fast packets come, and how fast they could: the rates in an ACK (draft section 5.1.2).

The rate is that of the last sixteen intervals between ACKs, rather than of the last sixteen packets as in
libsrt: it costs nothing per packet, and packets that one system call brought have no times of their own.

The link's capacity is estimated from packet pairs: a sender sends every sixteenth packet and its successor
back to back, so their distance on arrival is what the slowest hop makes of it. That needs the moments of
arrival as the kernel saw them; two packets of the same moment say nothing. Nor do two between which a live
source had nothing to send, but nobody can tell: the estimate is a floor at best, and never below the rate.
"""

from collections import deque

from engine.protocols.srt.limits import MAX_PAYLOAD_BYTES
from engine.protocols.srt.live_limits import INITIAL_PROBE_US, PROBES_REMEMBERED, RATE_INTERVALS, SECOND


class Arrivals:
    """Estimates for one receiver."""

    __slots__ = ("_capacity", "_marks", "_pair_seq", "_pair_us", "_probes", "_stale")

    def __init__(self) -> None:
        self._marks: deque[tuple[int, int, int]] = deque(maxlen=RATE_INTERVALS + 1)
        self._probes = deque([INITIAL_PROBE_US] * PROBES_REMEMBERED, maxlen=PROBES_REMEMBERED)
        self._capacity = SECOND // INITIAL_PROBE_US
        self._stale = False
        self._pair_seq = -1
        self._pair_us = 0

    def probe(self, position: int, size: int, arrived_us: int) -> None:
        """A packet that is the first or second of a pair came in order, of `size` payload bytes."""
        if position & 1 == 0:
            self._pair_seq, self._pair_us = position, arrived_us
            return
        if position == self._pair_seq + 1 and arrived_us > self._pair_us and size:
            self._probes.append((arrived_us - self._pair_us) * MAX_PAYLOAD_BYTES // size)
            self._stale = True
        self._pair_seq = -1

    def mark(self, now_us: int, packets: int, payload_bytes: int) -> tuple[int, int]:
        """Packets and bytes per second, from the totals so far. Called once per ACK."""
        self._marks.append((now_us, packets, payload_bytes))
        since_us, packets_then, bytes_then = self._marks[0]
        elapsed_us = now_us - since_us
        if elapsed_us <= 0:
            return 0, 0
        return (
            (packets - packets_then) * SECOND // elapsed_us,
            (payload_bytes - bytes_then) * SECOND // elapsed_us,
        )

    @property
    def capacity(self) -> int:
        """Full packets per second that the link is believed to carry."""
        if self._stale:
            self._stale = False
            self._capacity = max(1, SECOND // _typical(self._probes))
        return self._capacity


def _typical(samples: deque[int]) -> int:
    """The mean of those that are within a factor of eight of the median."""
    ordered = sorted(samples)
    median = ordered[len(ordered) // 2]
    usual = [each for each in ordered if median // 8 < each < median * 8]
    return max(1, sum(usual) // len(usual)) if usual else max(1, median)
