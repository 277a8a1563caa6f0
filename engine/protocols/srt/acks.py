"""When a receiver acknowledges, and what it learns from it (draft sections 4.8.1 and 4.10).

Every 10 ms in which something came: a full ACK, with the first position still missing, the round trip, the
room left, and the rates. The sender answers it with an ACKACK of the same number, which gives a round trip,
a sample of the clocks' drift, and the certainty that this position need not be acknowledged again. An ACK
that stays unanswered is repeated after a round trip. Between two full ones, every 64 packets, a light ACK
with nothing but the position keeps a fast sender's window open.
"""

from engine.protocols.srt.control import Ack, AckRates, LightAck
from engine.protocols.srt.live_limits import ACK_INTERVAL_US, ACKS_REMEMBERED, LIGHT_ACK_PACKETS
from engine.protocols.srt.numbers import SEQ_MASK
from engine.protocols.srt.receiver import ReceiveBuffer
from engine.protocols.srt.rtt import Rtt


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
        self._sent: dict[int, tuple[int, int]] = {}
        self._acknowledged = self._confirmed = receiver.first
        self._acknowledged_us = self._next_us = 0
        self._packets_then = self._lights = 0
        self._was_full = False

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
        position, sent_us = sent
        self._confirmed = max(self._confirmed, position)
        return max(1, now_us - sent_us)

    def next_us(self) -> int | None:
        """When `due` has something to do next, if ever."""
        position = self._receiver.contiguous
        if position == self._confirmed and not self._was_full:
            return None
        if position == self._acknowledged and not self._was_full:
            return max(self._next_us, self._acknowledged_us + self._rtt.upper_us)
        return self._next_us

    def _is_worth_it(self, position: int, now_us: int) -> bool:
        """Whether a full ACK would tell the peer anything."""
        if self._was_full and self._room(position):
            return True
        if position == self._confirmed:
            return False
        return position > self._acknowledged or now_us >= self._acknowledged_us + self._rtt.upper_us

    def _full(self, position: int, now_us: int) -> Ack:
        counts, arrivals = self._receiver.counts, self._receiver.arrivals
        self._acknowledged, self._acknowledged_us = position, now_us
        self._number = (self._number + 1) & SEQ_MASK
        self._sent[self._number] = (position, now_us)
        if len(self._sent) > ACKS_REMEMBERED:
            del self._sent[next(iter(self._sent))]
        self.packets_per_s, self.bytes_per_s = arrivals.mark(now_us, counts.packets, counts.bytes)
        self.link_packets_per_s = max(arrivals.capacity, self.packets_per_s)
        free = self._room(position)
        self._was_full = not free
        self.full_sent += 1
        rates = AckRates(self.packets_per_s, self.link_packets_per_s, self.bytes_per_s)
        return Ack(self._number, position & SEQ_MASK, self._rtt.rtt_us, self._rtt.var_us, free, rates)

    def _light(self) -> LightAck | None:
        packets = self._receiver.counts.packets - self._packets_then
        if packets < LIGHT_ACK_PACKETS * (self._lights + 1):
            return None
        self._lights = packets // LIGHT_ACK_PACKETS
        self.light_sent += 1
        return LightAck(self._receiver.contiguous & SEQ_MASK)

    def _room(self, position: int) -> int:
        return self._receiver.room_behind(position)
