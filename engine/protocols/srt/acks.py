"""When a receiver acknowledges, and what it learns from it (draft sections 4.8.1 and 4.10).

Every 10 ms in which something came: a full ACK, with the first position still missing, the round trip, the
room left, and the rates. The sender answers it with an ACKACK of the same number, which gives a round trip,
a sample of the clocks' drift, and the certainty that this position need not be acknowledged again. An ACK
that stays unanswered is repeated after a round trip. Between two full ones, every 64 packets, a light ACK
with nothing but the position keeps a fast sender's packets few.

An ACK also is what opens a closed window. A sender that was told of little room may have used it up, and
then only an ACK can set it going again: as long as there is more room than an answered ACK has told of, and
what was told of is nearly used up, ACKs go on, although their position is an old one. libsrt sends one, after
the room was nil, and never tells of less than two packets.
"""

from typing import NamedTuple

from engine.protocols.srt.control import Ack, AckRates, LightAck
from engine.protocols.srt.live_limits import (
    ACK_INTERVAL_US,
    ACKS_REMEMBERED,
    LIGHT_ACK_PACKETS,
    TIGHT_PART,
)
from engine.protocols.srt.numbers import SEQ_MASK
from engine.protocols.srt.receiver import ReceiveBuffer
from engine.protocols.srt.rtt import Rtt


class _Sent(NamedTuple):
    """What a full ACK said: everything before `position` has come, there is room up to `limit`."""

    position: int
    limit: int
    at_us: int


class Acks:
    """The acknowledgements of one receiver."""

    def __init__(self, receiver: ReceiveBuffer, rtt: Rtt) -> None:
        self.full_sent = 0
        self.light_sent = 0
        self.packets_per_s = 0
        self.bytes_per_s = 0
        self.link_packets_per_s = 0
        self._receiver = receiver
        self._rtt = rtt
        self._number = 0
        self._sent: dict[int, _Sent] = {}
        self._told = self._confirmed = _Sent(receiver.first, receiver.limit, 0)
        self._next_us = self._packets_then = self._lights = 0

    def due(self, now_us: int) -> Ack | LightAck | None:
        """The ACK to send now, if one is due."""
        if now_us < self._next_us:
            return self._light()
        position = self._receiver.contiguous
        if not self._is_worth_it(position, now_us):
            return None
        self._next_us = now_us + ACK_INTERVAL_US
        self._packets_then, self._lights = self._receiver.counts.packets, 0
        return self._full(position, now_us)

    def confirm(self, number: int, now_us: int) -> int | None:
        """An ACKACK came: the round trip that it shows. None for one that was never asked for."""
        sent = self._sent.pop(number, None)
        if sent is None:
            return None
        self._sent = {later: entry for later, entry in self._sent.items() if later > number}
        if sent.position >= self._confirmed.position:
            self._confirmed = sent
        return max(1, now_us - sent.at_us)

    def next_us(self) -> int | None:
        """When `due` has something to do next, if ever."""
        position = self._receiver.contiguous
        if not self._is_owed(position):
            return None
        if self._is_news(position):
            return self._next_us
        return max(self._next_us, self._told.at_us + self._rtt.upper_us)

    def _is_worth_it(self, position: int, now_us: int) -> bool:
        """Whether a full ACK would tell the peer anything."""
        if not self._is_owed(position):
            return False
        return self._is_news(position) or now_us >= self._told.at_us + self._rtt.upper_us

    def _is_owed(self, position: int) -> bool:
        """Whether the peer is not known to know where we are."""
        confirmed = self._confirmed
        return position > confirmed.position or self._is_tight(confirmed)

    def _is_news(self, position: int) -> bool:
        """Whether no ACK has said so yet."""
        told = self._told
        return position > told.position or self._is_tight(told)

    def _is_tight(self, known: "_Sent") -> bool:
        """Whether a peer that knows this has little room left, as it must believe, and in truth has more."""
        receiver = self._receiver
        return known.limit < receiver.limit and known.limit - receiver.next < receiver.capacity // TIGHT_PART

    def _full(self, position: int, now_us: int) -> Ack:
        counts, arrivals = self._receiver.counts, self._receiver.arrivals
        self._number = (self._number + 1) & SEQ_MASK
        self._told = self._sent[self._number] = _Sent(position, self._receiver.limit, now_us)
        if len(self._sent) > ACKS_REMEMBERED:
            del self._sent[next(iter(self._sent))]
        self.packets_per_s, self.bytes_per_s = arrivals.mark(now_us, counts.packets, counts.bytes)
        self.link_packets_per_s = max(arrivals.capacity, self.packets_per_s)
        self.full_sent += 1
        rates = AckRates(self.packets_per_s, self.link_packets_per_s, self.bytes_per_s)
        free = max(0, self._told.limit - position)
        return Ack(self._number, position & SEQ_MASK, self._rtt.rtt_us, self._rtt.var_us, free, rates)

    def _light(self) -> LightAck | None:
        packets = self._receiver.counts.packets - self._packets_then
        if packets < LIGHT_ACK_PACKETS * (self._lights + 1):
            return None
        self._lights = packets // LIGHT_ACK_PACKETS
        self.light_sent += 1
        return LightAck(self._receiver.contiguous & SEQ_MASK)
