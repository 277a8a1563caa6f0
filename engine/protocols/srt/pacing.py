"""How fast a sender may send: live congestion control (draft section 5.1.1).

Live media is produced at its own rate, so there is nothing to find out; the limit only keeps retransmissions
and bursts from drowning a link. Three ways to set it, as SRTO_MAXBW, SRTO_INPUTBW and SRTO_OHEADBW do:

    max_bytes_per_s > 0                         that much
    max_bytes_per_s = 0, input_bytes_per_s > 0  the input's rate and `overhead_percent` more
    max_bytes_per_s = 0, input_bytes_per_s = 0  the same, with the rate measured, never below min_input
    max_bytes_per_s < 0                         no limit (libsrt: 1 Gbit/s)

The limit is a moment before which nothing may leave; each datagram moves it on by its size on the wire. While
there is a backlog the moment is never pulled up to the present, so that a caller that polls rarely still gets
the whole rate; when the backlog is gone, what was saved is gone too.
"""

import msgspec

from engine.protocols.srt.live_limits import (
    FIRST_INPUT_SAMPLE_US,
    INPUT_SAMPLE_US,
    OVERHEAD_PERCENT,
    SECOND,
    WIRE_HEADER_BYTES,
)


class Bandwidth(msgspec.Struct, frozen=True):
    """The setting. Bytes per second on the wire; no limit by default, as in libsrt."""

    max_bytes_per_s: int = -1
    input_bytes_per_s: int = 0
    min_input_bytes_per_s: int = 0
    overhead_percent: int = OVERHEAD_PERCENT


class Pacing:
    """The limit at work."""

    __slots__ = ("_bandwidth", "_measuring", "_sample_bytes", "_sample_us", "bytes_per_s", "ready_us")

    def __init__(self, bandwidth: Bandwidth, now_us: int) -> None:
        self._bandwidth = bandwidth
        self.ready_us = float(now_us)
        self.bytes_per_s = 0
        """The limit of the moment; 0 for none."""
        self._measuring = bandwidth.max_bytes_per_s == bandwidth.input_bytes_per_s == 0
        self._sample_bytes = 0
        self._sample_us = now_us + FIRST_INPUT_SAMPLE_US
        if bandwidth.max_bytes_per_s > 0:
            self.bytes_per_s = bandwidth.max_bytes_per_s
        elif bandwidth.max_bytes_per_s == 0 and bandwidth.input_bytes_per_s:
            self.bytes_per_s = self._with_overhead(bandwidth.input_bytes_per_s)

    def begin_backlog(self, now_us: int) -> None:
        """Something is to be sent, after there was nothing."""
        self.ready_us = max(self.ready_us, now_us)

    def is_ready(self, now_us: int) -> bool:
        """Whether a datagram may leave."""
        return not self.bytes_per_s or self.ready_us <= now_us

    def sent(self, payload_bytes: int) -> None:
        """A datagram left."""
        if self.bytes_per_s:
            self.ready_us += (payload_bytes + WIRE_HEADER_BYTES) * SECOND / self.bytes_per_s

    def observe(self, wire_bytes_so_far: int, now_us: int) -> None:
        """Measure the input, where the setting says so, from its total so far."""
        if not self._measuring or now_us < self._sample_us:
            return
        elapsed_us = (
            now_us - self._sample_us + (INPUT_SAMPLE_US if self.bytes_per_s else FIRST_INPUT_SAMPLE_US)
        )
        rate = (wire_bytes_so_far - self._sample_bytes) * SECOND // elapsed_us
        self._sample_bytes, self._sample_us = wire_bytes_so_far, now_us + INPUT_SAMPLE_US
        if rate:
            self.bytes_per_s = self._with_overhead(max(rate, self._bandwidth.min_input_bytes_per_s))

    def period_us(self, payload_bytes: float) -> float:
        """From one datagram of this size to the next (libsrt's usPktSndPeriod)."""
        if not self.bytes_per_s:
            return 0.0
        return (payload_bytes + WIRE_HEADER_BYTES) * SECOND / self.bytes_per_s

    def _with_overhead(self, bytes_per_s: int) -> int:
        return bytes_per_s * (100 + self._bandwidth.overhead_percent) // 100
