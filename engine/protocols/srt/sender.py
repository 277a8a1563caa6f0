"""The sending half: payloads that wait for their turn, for their ACK, or for being asked for again.

    position    first                    unsent                 next
                  |                         |                     |
    payloads      s s r s s s s r s s s s s q q q q q q q q q q q
                  |<-- flight, at most the  |<-- backlog -->|
                  |    peer's window -->    |

Positions are sequence numbers without wrap. In live mode a packet is a message, so message numbers are
counted from positions. Payloads are references: two hundred players of a stream hold the same bytes, and
each adds a header of its own, and its encryption, when it sends. A packet is encrypted anew each time it is
sent; the sequence number alone makes the key stream, so the same bytes come out, unless the key was changed
between.

What leaves is decided here in this order: what was asked for again, then the backlog; unless the backlog is
older than a retransmission could still help (two round trips), in which case it comes first.

A NAK is answered once per round trip: what is asked for sooner is on its way already (`Rtt.patience_us`).

The peer's room is kept as a position, the end of its buffer as its newest full ACK has it: acknowledgements
and drops move `first`, not that end. No number beyond it is ever used, not for what is dropped unsent either:
a receiver would not know what to do with it, and would hear nothing any more.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

import msgspec

from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.keys import SendKeys
from engine.protocols.srt.live_limits import (
    ACK_INTERVAL_US,
    LOOK_UP_CREDIT,
    LOOK_UPS_PER_PACKET,
    MIN_SEND_DROP_US,
    PROBE_MASK,
    RETRANSMIT_CREDIT,
    SEND_BUFFER_PACKETS,
    SEND_DROP_MARGIN_US,
    WIRE_HEADER_BYTES,
)
from engine.protocols.srt.numbers import MSGNO_MASK, SEQ_MASK, TS_MASK
from engine.protocols.srt.pacing import Bandwidth, Pacing
from engine.protocols.srt.packets import HEADER, KEY_SHIFT, RETRANSMITTED_BIT, Buffer, marks_of
from engine.protocols.srt.ranges import RangeSet
from engine.protocols.srt.rtt import Rtt

Datagram: TypeAlias = tuple[bytes, Buffer]
"""Header and payload: one datagram, in two pieces for sendmsg. A control packet's payload is empty."""

Entry: TypeAlias = tuple[Buffer, int]
"""A payload and when it came into being."""

_SOLO: Final = marks_of(0)
_LAST_MSGNO: Final = marks_of(MSGNO_MASK)
_SEQ_HALF: Final = 0x4000_0000


class SendCounts(msgspec.Struct):
    """What happened to packets; `statistics` says what the words mean outside."""

    unique: int = 0
    bytes_unique: int = 0
    """Of payload, as in all words with bytes."""
    retransmitted: int = 0
    bytes_retransmitted: int = 0
    lost: int = 0
    """Reported lost by the peer, each at most once per retransmission."""
    dropped: int = 0
    dropped_unsent: int = 0
    """Of those, the ones that had never been sent."""
    bytes_dropped: int = 0
    refused_retransmits: int = 0
    """Asked for beyond RETRANSMIT_CREDIT or LOOK_UP_CREDIT."""


class Dropped(NamedTuple):
    """What `drop_late` dropped: so many packets, and how many of them had never been sent."""

    packets: int
    unsent: int


class SendBuffer:
    """Payloads in, datagrams out."""

    def __init__(
        self,
        initial_seq: int,
        peer_socket_id: int,
        start_us: int,
        peer_latency_us: int,
        window: int,
        rtt: Rtt,
        bandwidth: Bandwidth,
        keys: SendKeys | None = None,
        capacity: int = SEND_BUFFER_PACKETS,
    ) -> None:
        """`start_us` is what timestamps count from, `window` the peer's flow window in packets."""
        self.counts = SendCounts()
        self.pacing = Pacing(bandwidth, start_us)
        self.first = initial_seq + SEQ_MASK + 1
        self.unsent = self.first
        self.input_bytes = 0
        self.key_request = b""
        """A KMREQ that has to leave. The caller empties it."""
        self._initial = self._acked = self._dropped_to = self.first
        self._limit = self.first + window
        self._pushed = 0
        self._peer_socket_id = peer_socket_id
        self._start_us = start_us
        self._drop_after_us = max(peer_latency_us, MIN_SEND_DROP_US) + SEND_DROP_MARGIN_US
        self._rtt = rtt
        self._keys = keys
        self._capacity = capacity
        self._entries: list[Entry] = []
        self._asked = RangeSet()
        self._resent_us: dict[int, int] = {}
        self._credit = RETRANSMIT_CREDIT
        self._look_ups = LOOK_UP_CREDIT

    def push(self, payload: Buffer, origin_us: int) -> None:
        """Queue a payload of at most MAX_PAYLOAD_BYTES; `origin_us` is when it came into being."""
        if not self._entries or self.unsent == self.first + len(self._entries):
            self.pacing.begin_backlog(origin_us)
        self._entries.append((payload, origin_us))
        self._pushed += 1
        self.input_bytes += len(payload)

    def emit(self, now_us: int, out: list[Datagram]) -> None:
        """Append what may leave now."""
        self.pacing.observe(self._wire_bytes(), now_us)
        if self._asked and not self._is_behind(now_us):
            self._resend(now_us, out)
        if self.unsent < self.first + len(self._entries):
            self._send(now_us, out)
        if self._asked:
            self._resend(now_us, out)

    def acknowledge(self, seq: int, free_packets: int | None = None) -> bool:
        """Everything before `seq` has arrived, and behind it the peer has room for `free_packets`, if it says
        so. False if that is old news.

        Raises RemoteProtocolError for what was never sent.
        """
        position = self._position(seq)
        if position > self.unsent:
            raise RemoteProtocolError("an ACK of packets that were never sent")
        if position < self._acked:
            return False
        self._acked = position
        if free_packets is not None:
            self._limit = position + free_packets
        if position > self.first:
            self._forget_before(position)
        return True

    def ask_again(self, losses: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
        """The peer misses these. Gives the first and last of those that are gone for good, if any are.

        Raises RemoteProtocolError for what was never sent. The ranges before that were taken in.
        """
        gone: tuple[int, int] | None = None
        for first_seq, last_seq in losses:
            first = self._position(first_seq)
            last = first + ((last_seq - first_seq) & SEQ_MASK)
            if last >= self.unsent:
                raise RemoteProtocolError("a NAK for packets that were never sent")
            if first < self.first:
                end = min(last, self.first - 1)
                gone = (first, end) if gone is None else (min(gone[0], first), max(gone[1], end))
            if last >= self.first:
                self.counts.lost += self._asked.insert(max(first, self.first), last)
        if gone is None:
            return None
        return gone[0] & SEQ_MASK, gone[1] & SEQ_MASK

    def resend_all(self) -> None:
        """Nobody acknowledges, and this peer does not repeat its NAKs: send everything in flight again."""
        if self.unsent > self.first:
            self.counts.lost += self._asked.insert(self.first, self.unsent - 1)

    def resend_newest(self) -> None:
        """Send the newest packet in flight again: whatever is missing before it shows at the peer."""
        self._asked.insert(self.unsent - 1, self.unsent - 1)

    def drop_late(self, now_us: int) -> Dropped | None:
        """Drop what is too late for the peer, or too much for us. What was never sent uses up its numbers as
        far as the peer has room for them."""
        entries = self._entries
        excess = len(entries) - self._capacity
        horizon_us = now_us - self._drop_after_us
        count = 0
        while count < len(entries) and (entries[count][1] < horizon_us or count < excess):
            count += 1
        if not count:
            return None
        unsent = max(0, count - self.flight)
        end = min(self.first + count, max(self.unsent, self._limit))
        self.counts.dropped += count
        self.counts.dropped_unsent += unsent
        self.counts.bytes_dropped += sum(len(payload) for payload, _ in entries[:count])
        del entries[: count - (end - self.first)]
        self.unsent = max(self.unsent, end)
        self._forget_before(end)
        self._dropped_to = end
        return Dropped(count, unsent)

    @property
    def unheard_drop(self) -> tuple[int, int] | None:
        """First and last sequence number of what the peer still waits for and that has been dropped."""
        if self._acked >= self._dropped_to:
            return None
        return self._acked & SEQ_MASK, (self._dropped_to - 1) & SEQ_MASK

    @property
    def window(self) -> int:
        """Packets that may be in flight."""
        return max(0, self._limit - self.first)

    @property
    def flight(self) -> int:
        """Packets sent and not acknowledged."""
        return self.unsent - self.first

    @property
    def waiting(self) -> int:
        """Packets that have never been sent."""
        return len(self._entries) - self.flight

    @property
    def is_blocked(self) -> bool:
        """Whether packets wait for an ACK of those in flight."""
        return self.flight > 0 and self.waiting > 0 and self.flight >= self.window

    @property
    def key_refreshes(self) -> int:
        """Keys changed so far."""
        return 0 if self._keys is None else self._keys.refreshes

    @property
    def held(self) -> int:
        """Packets in the buffer."""
        return len(self._entries)

    @property
    def held_bytes(self) -> int:
        """Their payloads."""
        return sum(len(payload) for payload, _ in self._entries)

    @property
    def span_us(self) -> int:
        """Time from the oldest payload held to the newest."""
        return self._entries[-1][1] - self._entries[0][1] if self._entries else 0

    def next_send_us(self) -> float | None:
        """When `emit` has something to do next, if ever."""
        may_send = self.waiting > 0 and self.flight < self.window
        return self.pacing.ready_us if may_send or self._asked else None

    def next_drop_us(self) -> int | None:
        """When `drop_late` has something to do next, if ever."""
        return self._entries[0][1] + self._drop_after_us + 1 if self._entries else None

    def _send(self, now_us: int, out: list[Datagram]) -> None:
        """The backlog, as far as window and pacing let it."""
        begin = self.unsent - self.first
        ready = self._entries[begin : self.window]
        if self.pacing.bytes_per_s:
            ready = ready[: self._paced(ready, now_us)]
        if not ready:
            return
        if self._keys is None:
            self._append_plain(ready, out)
        else:
            self._append_sealed(ready, self._keys, out)
        self.unsent += len(ready)
        self._credit = min(RETRANSMIT_CREDIT, self._credit + len(ready))
        self._look_ups = min(LOOK_UP_CREDIT, self._look_ups + LOOK_UPS_PER_PACKET * len(ready))
        self.counts.unique += len(ready)
        self.counts.bytes_unique += sum(len(payload) for payload, _ in ready)

    def _paced(self, ready: list[Entry], now_us: int) -> int:
        """How many of these may leave. Nobody waits between the two packets of a probing pair."""
        pacing, before = self.pacing, self.unsent - 1
        for index, (payload, _) in enumerate(ready):
            if pacing.ready_us > now_us and (before + index) & PROBE_MASK:
                return index
            pacing.sent(len(payload))
        return len(ready)

    def _append_plain(self, entries: list[Entry], out: list[Datagram]) -> None:
        """The short way: a header each."""
        position, start_us, peer, pack = self.unsent, self._start_us, self._peer_socket_id, HEADER.pack
        marks = _SOLO + 1 + (position - self._initial) % MSGNO_MASK
        for payload, origin_us in entries:
            out.append((pack(position & SEQ_MASK, marks, (origin_us - start_us) & TS_MASK, peer), payload))
            position += 1
            marks = marks + 1 if marks < _LAST_MSGNO else _SOLO + 1

    def _append_sealed(self, entries: list[Entry], keys: SendKeys, out: list[Datagram]) -> None:
        """A header each, and encryption with the key of the moment."""
        for position, (payload, origin_us) in enumerate(entries, self.unsent):
            self.key_request = keys.advance() or self.key_request
            seq, key = position & SEQ_MASK, keys.key
            header = self._header(position, origin_us, key << KEY_SHIFT)
            out.append((header, keys.seal(key, seq, header, payload)))

    def _resend(self, now_us: int, out: list[Datagram]) -> None:
        """What was asked for again, as far as pacing lets it."""
        settled_us = now_us - self._rtt.patience_us
        while self._asked and self.pacing.is_ready(now_us):
            if not self._credit or not self._look_ups:
                self.counts.refused_retransmits += len(self._asked)
                self._asked.clear()
                break
            self._look_ups -= 1
            position = self._asked.pop()
            if self._resent_us.get(position, settled_us) > settled_us:
                continue
            self._credit -= 1
            self._resent_us[position] = now_us
            size = self._again(position, out)
            self.pacing.sent(size)
            self.counts.retransmitted += 1
            self.counts.bytes_retransmitted += size

    def _again(self, position: int, out: list[Datagram]) -> int:
        """One packet again: its payload's size. The cipher sees the header without the mark that says so."""
        payload, origin_us = self._entries[position - self.first]
        if self._keys is None:
            out.append((self._header(position, origin_us, RETRANSMITTED_BIT), payload))
            return len(payload)
        key = self._keys.key
        header = self._header(position, origin_us, key << KEY_SHIFT)
        sealed = self._keys.seal(key, position & SEQ_MASK, header, payload)
        out.append((self._header(position, origin_us, key << KEY_SHIFT | RETRANSMITTED_BIT), sealed))
        return len(payload)

    def _header(self, position: int, origin_us: int, extra_marks: int) -> bytes:
        marks = _SOLO | extra_marks | (position - self._initial) % MSGNO_MASK + 1
        timestamp_us = (origin_us - self._start_us) & TS_MASK
        return HEADER.pack(position & SEQ_MASK, marks, timestamp_us, self._peer_socket_id)

    def _is_behind(self, now_us: int) -> bool:
        """Whether the backlog is so old that retransmissions have to wait for it."""
        begin = self.unsent - self.first
        if begin >= len(self._entries) or self.flight >= self.window:
            return False
        patience_us = 2 * self._rtt.rtt_us + 4 * self._rtt.var_us + ACK_INTERVAL_US
        return now_us - self._entries[begin][1] > patience_us

    def _forget_before(self, position: int) -> None:
        del self._entries[: position - self.first]
        self.first = position
        if self._asked:
            self._asked.drop_before(position)
        if self._resent_us:
            self._resent_us = {at: us for at, us in self._resent_us.items() if at >= position}

    def _position(self, seq: int) -> int:
        """The position nearest to the newest one that has this sequence number."""
        return self.unsent + ((seq - self.unsent + _SEQ_HALF) & SEQ_MASK) - _SEQ_HALF

    def _wire_bytes(self) -> int:
        return self.input_bytes + self._pushed * WIRE_HEADER_BYTES
