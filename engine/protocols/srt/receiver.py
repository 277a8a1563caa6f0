"""The receiving half: what has come, what is missing, and what is due for delivery.

    position    first            hole                              next
                  |               |                                 |
    packets       # # # # # # # # . . # # # # . # # # # # # # # # # .
                  |<-- in order, waiting for  |
                  |    their play time -->    |    losses: the ranges of holes

Positions are sequence numbers without wrap; only the low 31 bits ever were on the wire. `next` is one past
the newest packet, `first` the next to be delivered. Packets are kept in a dict by position: in order it
behaves like a queue, a hole costs nothing, and so does an idle connection. Every position between `first` and
`next` is either held or in the loss list.

Delivery (TSBPD, `timebase`): the packet at `first` is delivered once its play time has come. If there is a
hole at `first`, it is given up when the packet behind it is to be played: then a Gap says what is missing.
(What the sender says that it has dropped is given up as soon as nothing before it is left to be played.)
So nothing is delivered before its time, twice, or behind a later packet, and every position is either
delivered or part of exactly one Gap. A packet that comes after its own time but before anything behind it was
played still is in order, and is delivered at once.

Each packet takes the short way through `take` when it is the next one, and the long one otherwise.
"""

from collections import deque
from contextlib import suppress
from typing import Final

import msgspec

from engine.protocols.srt.arrivals import Arrivals
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.keys import ReceiveKeys
from engine.protocols.srt.limits import HEADER_BYTES
from engine.protocols.srt.live_events import Gap
from engine.protocols.srt.live_limits import (
    BEYOND_BUFFER_PACKETS,
    GAPS_REMEMBERED,
    MAX_AHEAD_US,
    PROBE_MASK,
    RECEIVE_BUFFER_PACKETS,
)
from engine.protocols.srt.losses import Losses, Spans
from engine.protocols.srt.numbers import SEQ_MASK, TS_MASK
from engine.protocols.srt.packets import (
    KEY_BOTH,
    KEY_NONE,
    KEY_SHIFT,
    RETRANSMITTED_BIT,
    Buffer,
    decode_data,
)
from engine.protocols.srt.reorder import ReorderTolerance
from engine.protocols.srt.rtt import Rtt
from engine.protocols.srt.timebase import TS_HALF, TimeBase

SEQ_HALF: Final = 0x4000_0000
_KEY_BITS: Final = KEY_BOTH << KEY_SHIFT


class ReceiveCounts(msgspec.Struct):
    """What happened to packets; `statistics` says what the words mean outside."""

    packets: int = 0
    bytes: int = 0
    """Of payload, as in all words with bytes."""
    unique: int = 0
    bytes_unique: int = 0
    retransmitted: int = 0
    bytes_retransmitted: int = 0
    lost: int = 0
    """Missing when a later packet came, whether or not they came afterwards."""
    recovered: int = 0
    """Of those, the ones that a retransmission brought."""
    reordered: int = 0
    """And those that had only been overtaken."""
    dropped: int = 0
    late: int = 0
    """Came after they had been dropped."""
    duplicates: int = 0
    """Came while another copy was held."""
    repeated: int = 0
    """Came after another copy had been delivered."""
    undecrypted: int = 0
    implausible: int = 0
    """Refused for a timestamp far in the future."""
    beyond: int = 0
    """No room in the buffer."""
    delivered: int = 0


class ReceiveBuffer:
    """Packets in, in any order; payloads out, in theirs and at their time."""

    def __init__(
        self,
        initial_seq: int,
        clock: TimeBase,
        spans: Spans,
        keys: ReceiveKeys | None = None,
        capacity: int = RECEIVE_BUFFER_PACKETS,
    ) -> None:
        """`spans` are those of a round trip that is not known yet; see `retime`."""
        self.clock = clock
        self.spans = spans
        self.counts = ReceiveCounts()
        self.arrivals = Arrivals()
        self.tolerance = ReorderTolerance()
        self.losses = Losses()
        self.next = initial_seq + SEQ_MASK + 1
        self.first = self.next
        self.to_report: list[tuple[int, int]] = []
        """Losses, as positions, that a NAK has to name right now. The caller empties it."""
        self.gaps: list[Gap] = []
        """What was given up. The caller empties it."""
        self.out_of_range = False
        self._keys = keys
        self.capacity = capacity
        self._packets: dict[int, tuple[int, Buffer]] = {}
        self._beyond_in_a_row = 0
        self._dropped: deque[tuple[int, int]] = deque(maxlen=GAPS_REMEMBERED)

    def take(
        self, seq: int, marks: int, timestamp_us: int, datagram: Buffer, now_us: int, arrived_us: int
    ) -> None:
        """One data packet, its header already read. `arrived_us`: as near to the wire as is known."""
        counts = self.counts
        counts.packets += 1
        size = len(datagram) - HEADER_BYTES
        counts.bytes += size
        expected_us = now_us - self.clock.base_us
        ahead_us = ((timestamp_us - expected_us + TS_HALF) & TS_MASK) - TS_HALF
        if ahead_us > MAX_AHEAD_US:
            counts.implausible += 1
            return
        position = self.next
        if (seq ^ position) & SEQ_MASK or marks & RETRANSMITTED_BIT or position >= self.first + self.capacity:
            self._take_other(seq, marks, expected_us + ahead_us, datagram, now_us)
            return
        if self._keys is None and not marks & _KEY_BITS:
            payload = datagram[HEADER_BYTES:]
        elif (plain := self._open(datagram)) is not None:
            payload = plain
        else:
            return
        self._packets[position] = (expected_us + ahead_us, payload)
        self.next = position + 1
        counts.unique += 1
        counts.bytes_unique += size
        self.tolerance.in_order += 1
        if position & PROBE_MASK < 2:
            self.arrivals.probe(position, size, arrived_us)
        if position >= self.losses.ripe_at:
            self._report(now_us)

    def retime(self, spans: Spans) -> None:
        """The round trip has changed."""
        self.spans = spans
        self.losses.reschedule(spans)

    def take_due_losses(self, now_us: int, rtt: Rtt) -> list[tuple[int, int]]:
        """The losses, as positions, that a NAK has to name because their time has come."""
        arrival_us = now_us + rtt.lower_us - self.clock.delay_us

        def useless(following: int) -> bool:
            entry = self._packets.get(following)
            return entry is not None and entry[0] < arrival_us

        return self.losses.take_due(now_us, self.spans, useless)

    def deliver(self, now_us: int) -> list[Buffer]:
        """The payloads whose time has come, in order. What they leave behind is in `gaps`."""
        horizon_us = now_us - self.clock.delay_us
        packets = self._packets
        position = self.first
        payloads: list[Buffer] = []
        while packets:
            entry = packets.get(position)
            if entry is None:
                following = self.losses.hole_end(position) + 1
                if packets[following][0] > horizon_us:
                    break
                self._declare(position, following - 1, len(payloads))
                position = following
            elif entry[0] > horizon_us:
                break
            else:
                payloads.append(entry[1])
                del packets[position]
                position += 1
        self.first = position
        if position < self.next and not packets:
            self._declare_end(len(payloads))
        self.counts.delivered += len(payloads)
        return payloads

    def drain(self) -> list[Buffer]:
        """Everything that is left, at once: the connection is over."""
        newest_us = max((entry[0] for entry in self._packets.values()), default=0)
        return self.deliver(newest_us + self.clock.delay_us)

    def release(self, first_seq: int, last_seq: int) -> bool:
        """The sender has dropped these (DROPREQ). False if the range has no place here.

        One that begins behind everything we know of follows another that was lost; it is passed over, and
        what it says will show.
        """
        first = self._position(first_seq)
        last = first + ((last_seq - first_seq) & SEQ_MASK)
        if last >= self.first + self.capacity:
            return False
        if first > self.next:
            return True
        if last >= self.next:
            self.losses.add(self.next, last, 0, 0, self.spans, 0)
            self.next = last + 1
        self.losses.give_up(first, last)
        if not self._packets:
            self._declare_end(0)
        return True

    @property
    def contiguous(self) -> int:
        """The first position that is still waited for: what an acknowledgement says."""
        wanted = self.losses.first_wanted
        return self.next if wanted is None else wanted

    @property
    def limit(self) -> int:
        """The first position that there is no room for."""
        return self.first + self.capacity

    @property
    def held(self) -> int:
        """Packets that wait for delivery."""
        return len(self._packets)

    @property
    def span_us(self) -> int:
        """Play time from the oldest packet held to the newest."""
        times = [entry[0] for entry in self._packets.values()]
        return max(times) - min(times) if times else 0

    @property
    def held_bytes(self) -> int:
        """Their payloads."""
        return sum(len(entry[1]) for entry in self._packets.values())

    def next_delivery_us(self) -> int | None:
        """When `deliver` has something to do next, if ever."""
        if not self._packets:
            return None
        position = self.first
        if position not in self._packets:
            position = self.losses.hole_end(position) + 1
        return self._packets[position][0] + self.clock.delay_us

    def _take_other(self, seq: int, marks: int, sent_us: int, datagram: Buffer, now_us: int) -> None:
        """Anything but the next packet for the first time."""
        resent = bool(marks & RETRANSMITTED_BIT)
        if resent:
            self.counts.retransmitted += 1
            self.counts.bytes_retransmitted += len(datagram) - HEADER_BYTES
        position = self._position(seq)
        if self._is_beyond(position) or self._is_superfluous(position):
            return
        payload = self._open(datagram)
        if payload is None:
            return
        self._packets[position] = (sent_us, payload)
        self.counts.unique += 1
        self.counts.bytes_unique += len(datagram) - HEADER_BYTES
        if position >= self.next:
            self._jump_to(position, sent_us, now_us)
        else:
            self._fill(position, resent)
        if self.next > self.losses.ripe_at:
            self._report(now_us)

    def _position(self, seq: int) -> int:
        """The position nearest to the newest one that has this sequence number."""
        return self.next + ((seq - self.next + SEQ_HALF) & SEQ_MASK) - SEQ_HALF

    def _is_beyond(self, position: int) -> bool:
        if position < self.first + self.capacity:
            self._beyond_in_a_row = 0
            return False
        self.counts.beyond += 1
        self._beyond_in_a_row += not self._packets
        self.out_of_range |= self._beyond_in_a_row >= BEYOND_BUFFER_PACKETS
        return True

    def _is_superfluous(self, position: int) -> bool:
        """Too late, or here already."""
        if position in self._packets:
            self.counts.duplicates += 1
            return True
        if position >= self.first:
            return False
        if any(first <= position <= last for first, last in self._dropped):
            self.counts.late += 1
        else:
            self.counts.repeated += 1
        return True

    def _open(self, datagram: Buffer) -> Buffer | None:
        """The payload in the clear. A connection is encrypted or it is not: nothing else is taken."""
        packet = decode_data(datagram)
        if self._keys is None and packet.key == KEY_NONE:
            return packet.payload
        if self._keys is not None:
            with suppress(RemoteProtocolError):
                return self._keys.open(packet)
        self.counts.undecrypted += 1
        return None

    def _jump_to(self, position: int, sent_us: int, now_us: int) -> None:
        """A packet that leaves a hole behind it, or a retransmission that is the newest of all."""
        if position > self.next:
            self.counts.lost += position - self.next
            self.tolerance.settle()
            play_us = sent_us + self.clock.delay_us
            self.losses.add(self.next, position - 1, now_us, self.tolerance.packets, self.spans, play_us)
        self.next = position + 1

    def _fill(self, position: int, resent: bool) -> None:
        """A packet for a hole."""
        self.losses.remove(position)
        if resent:
            self.counts.recovered += 1
        else:
            self.counts.reordered += 1
            self.tolerance.overtaken(self.next - 1 - position)

    def _report(self, now_us: int) -> None:
        """Enough packets have come behind a loss."""
        self.tolerance.settle()
        self.to_report += self.losses.take_ripe(self.next - 1, now_us, self.tolerance.packets, self.spans)

    def _declare_end(self, delivered_now: int) -> None:
        """Nothing is held, so what is missing before `next` was dropped by the sender. It must not wait for a
        packet behind it: it takes up room, and without room there will be none."""
        if self.first < self.next:
            self._declare(self.first, self.next - 1, delivered_now)
            self.first = self.next

    def _declare(self, first: int, last: int, delivered_now: int) -> None:
        """Give up what is missing from first to last."""
        missing = last - first + 1
        self.losses.drop_through(last)
        self._dropped.append((first, last))
        self.counts.dropped += missing
        self.gaps.append(Gap(first & SEQ_MASK, missing, self.counts.delivered + delivered_now))
