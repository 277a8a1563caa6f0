"""Round trip time, smoothed (draft section 4.10; RFC 6298's filter with SRT's rules about the first sample).

A receiver measures, from its ACK to the peer's ACKACK. A sender is told, in each ACK. Where media flows both
ways, both happen, and what is told counts as one more sample.
"""

from engine.protocols.srt.live_limits import INITIAL_RTT_US, INITIAL_RTT_VAR_US


class Rtt:
    """Smoothed round trip and its variation, in microseconds."""

    __slots__ = ("_known", "rtt_us", "var_us")

    def __init__(self) -> None:
        self.rtt_us = INITIAL_RTT_US
        self.var_us = INITIAL_RTT_VAR_US
        self._known = False

    @property
    def upper_us(self) -> int:
        """A round trip that is hardly exceeded."""
        return self.rtt_us + 4 * self.var_us

    @property
    def lower_us(self) -> int:
        """A round trip that is hardly ever faster; 0 or less where the link is too restless to say."""
        return self.rtt_us - 4 * self.var_us

    @property
    def patience_us(self) -> int:
        """How long a sender leaves a packet alone that it has just sent again.

        libsrt takes `lower_us`. But an impatient receiver repeats its whole loss list every `upper_us` / 2,
        and with a variation of a tenth of the round trip that is between the two: each loss would be sent
        twice.
        """
        return self.rtt_us - self.var_us

    def sample(self, rtt_us: int) -> None:
        """One measurement."""
        if self._known:
            self._smooth(rtt_us)
        else:
            self._begin(rtt_us, rtt_us // 2)

    def told(self, rtt_us: int, var_us: int, both_ways: bool) -> None:
        """What the peer's ACK says. `both_ways`: we receive media as well, and measure ourselves."""
        if (rtt_us, var_us) == (INITIAL_RTT_US, INITIAL_RTT_VAR_US):
            return
        if both_ways and self._known:
            self._smooth(rtt_us)
        else:
            self._begin(rtt_us, var_us)

    def _begin(self, rtt_us: int, var_us: int) -> None:
        self.rtt_us, self.var_us, self._known = rtt_us, var_us, True

    def _smooth(self, rtt_us: int) -> None:
        self.var_us = (3 * self.var_us + abs(rtt_us - self.rtt_us)) // 4
        self.rtt_us = (7 * self.rtt_us + rtt_us) // 8
