"""One live connection, from the end of its handshake to its end. It has no socket and no clock:

    events = connection.receive_many(datagrams, now_us)     # what the socket brought
    payloads = connection.deliver(now_us)                   # what is to be played now
    connection.send(payload, now_us)                        # what is to be sent
    for header, payload in connection.poll(now_us): ...     # what the socket has to take
    wake up at connection.next_deadline_us()

Call `poll` after `receive_many`, so that NAKs leave at once, after `send`, and when the deadline has come.
All times are microseconds of one clock that never goes back.

Both halves, `receiver` and `sender`, are always there: a side that only plays still acknowledges, and one
that only publishes still hears ACKs. What is wrong with a datagram is its own affair: it is counted, and the
connection goes on, because anybody can send one in the peer's name.
"""

from collections.abc import Sequence
from typing import Final

from engine.protocols.srt.acks import Acks
from engine.protocols.srt.control import (
    USER_KMREQ,
    USER_KMRSP,
    Ack,
    AckAck,
    Body,
    DropReq,
    KeepAlive,
    LightAck,
    Nak,
    Shutdown,
    UserDefined,
    decode_control,
    encode_control,
)
from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.handshake import Flag
from engine.protocols.srt.keys import ReceiveKeys, SendKeys
from engine.protocols.srt.limits import HEADER_BYTES, MAX_DATAGRAM_BYTES, MAX_LOSS_WORDS
from engine.protocols.srt.live_events import Closed, CloseReason, Event, SendDropped
from engine.protocols.srt.live_limits import (
    ACK_ACK_INTERVAL_US,
    ACK_INTERVAL_US,
    DROP_REQUEST_INTERVAL_US,
    EFFICIENT_RETRANSMIT_VERSION,
    KEEP_ALIVE_US,
    KEY_REQUEST_INTERVAL_US,
    MS,
    PEER_IDLE_US,
    RECEIVE_BUFFER_PACKETS,
)
from engine.protocols.srt.losses import NEVER, Spans, spans_of
from engine.protocols.srt.negotiated import Negotiated
from engine.protocols.srt.numbers import SEQ_MASK, TS_MASK
from engine.protocols.srt.pacing import Bandwidth
from engine.protocols.srt.packets import CONTROL_BIT, HEADER, Buffer
from engine.protocols.srt.receiver import ReceiveBuffer
from engine.protocols.srt.rtt import Rtt
from engine.protocols.srt.sender import Datagram, SendBuffer
from engine.protocols.srt.statistics import Statistics, Tallies, read_statistics
from engine.protocols.srt.timebase import TimeBase

_RANGES_PER_NAK: Final = MAX_LOSS_WORDS // 2


class SrtConnection:
    """See the module. Nothing but LocalProtocolError, from `send`, is ever raised."""

    def __init__(
        self,
        negotiated: Negotiated,
        now_us: int,
        *,
        bandwidth: Bandwidth | None = None,
        send_keys: SendKeys | None = None,
        receive_packets: int = RECEIVE_BUFFER_PACKETS,
    ) -> None:
        """`send_keys` only to refresh them at another pace than `SendKeys` does by itself. `receive_packets`
        is what we have told the peer as our flow window."""
        self.negotiated = negotiated
        self.rtt = Rtt()
        self.tallies = Tallies()
        self.closed: CloseReason | None = None
        keys = negotiated.keys
        self._send_keys = send_keys or (SendKeys(keys, negotiated.seed) if keys else None)
        self._receive_keys = ReceiveKeys(keys, negotiated.passphrase) if keys else None
        clock = TimeBase(negotiated.peer_start_us, negotiated.receive_latency_ms * MS)
        self.receiver = ReceiveBuffer(
            negotiated.peer_initial_seq, clock, self._spans(), self._receive_keys, receive_packets
        )
        self.sender = SendBuffer(
            negotiated.initial_seq,
            negotiated.peer_socket_id,
            negotiated.start_us,
            negotiated.send_latency_ms * MS,
            negotiated.flow_window_packets,
            self.rtt,
            bandwidth or Bandwidth(),
            self._send_keys,
        )
        self._acks = Acks(self.receiver, self.rtt)
        self._socket_id = negotiated.socket_id
        self._max_payload_bytes = negotiated.max_payload_bytes
        self._peer_repeats_naks = Flag.PERIODIC_NAK in negotiated.peer_flags
        self._outbox: list[Body] = []
        self._events: list[Event] = []
        self._heard_us = self._spoke_us = now_us
        self._ack_ack_us = now_us - ACK_ACK_INTERVAL_US
        self._ack_ack_number = -1
        self._acked_us = now_us
        self._blind_resends = 0
        self._key_request_us = self._drop_request_us = 0

    def receive(self, datagram: Buffer, now_us: int) -> list[Event]:
        """Take one datagram; see `receive_many`."""
        return self.receive_many((datagram,), now_us)

    def receive_many(
        self, datagrams: Sequence[Buffer], now_us: int, arrived_us: Sequence[int] | None = None
    ) -> list[Event]:
        """Take what came. Gives the events since events were last given.

        `arrived_us`: when each datagram reached the machine, on the clock of `now_us`, if the kernel told;
        the round trip and the estimate of the link's capacity need it.
        """
        if self.closed is None:
            for index, datagram in enumerate(datagrams):
                self._receive(datagram, now_us, now_us if arrived_us is None else arrived_us[index])
            if self.receiver.out_of_range:
                self._close(CloseReason.OUT_OF_RANGE)
        return self.take_events()

    def deliver(self, now_us: int) -> list[Buffer]:
        """The payloads to be played now, in order. Gaps among them are events."""
        payloads = self.receiver.deliver(now_us)
        if self.receiver.gaps:
            self._take_gaps()
        return payloads

    def drain(self) -> list[Buffer]:
        """All payloads that are left, before their time: for after the end."""
        payloads = self.receiver.drain()
        self._take_gaps()
        return payloads

    def send(self, payload: Buffer, now_us: int, origin_us: int | None = None) -> None:
        """Queue one payload as one packet. `origin_us` is when it came into being, if not now: the peer plays
        it so much earlier. It must not be before the connection, nor before that of an earlier payload.

        Raises LocalProtocolError for a payload that fits no packet, and after the end.
        """
        if self.closed is not None:
            raise LocalProtocolError("the connection is closed")
        if len(payload) > self._max_payload_bytes:
            raise LocalProtocolError(f"a payload of {len(payload)} bytes")
        self.sender.push(payload, now_us if origin_us is None else origin_us)

    def poll(self, now_us: int) -> list[Datagram]:
        """The datagrams that have to leave now, in order: header and payload of each."""
        if self.closed is None and now_us - self._heard_us > PEER_IDLE_US:
            self._close(CloseReason.IDLE)
        if self.closed is None:
            self._report(now_us)
            self._drop_late(now_us)
            self._resend_blindly(now_us)
        out: list[Datagram] = []
        if self.closed is None:
            self.sender.emit(now_us, out)
            self._request_key(now_us)
            if not (out or self._outbox) and now_us - self._spoke_us >= KEEP_ALIVE_US:
                self._outbox.append(KeepAlive())
        if self._outbox:
            out[:0] = [(self._control(body, now_us), b"") for body in self._outbox]
            self._outbox = []
        if out:
            self._spoke_us = now_us
        return out

    def next_deadline_us(self) -> int:
        """When to call `deliver` and `poll` next, if nothing happens before. NEVER once all is over."""
        if self.closed is not None:
            return 0 if self._outbox else NEVER
        if self._outbox or self.receiver.to_report:
            return 0
        deadlines = (
            self._spoke_us + KEEP_ALIVE_US,
            self._heard_us + PEER_IDLE_US + 1,
            self.receiver.losses.next_due_us,
            self.receiver.next_delivery_us(),
            self._acks.next_us(),
            self.sender.next_send_us(),
            self.sender.next_drop_us(),
            self._blind_resend_us(),
            self._drop_request_us if self.sender.unheard_drop else None,
        )
        return int(min(each for each in deadlines if each is not None))

    def close(self, reason: int = 0) -> None:
        """Say goodbye, and why: the next `poll` gives the datagram for it. What waits to be sent is lost."""
        if self.closed is None:
            self._outbox = [Shutdown(reason)]
            self._close(CloseReason.LOCAL)

    def take_events(self) -> list[Event]:
        """The events since events were last given: those of `deliver`, `poll` and `close` too."""
        events, self._events = self._events, []
        return events

    def stats(self, now_us: int) -> Statistics:
        """What the connection is doing."""
        return read_statistics(
            self.negotiated, self.receiver, self.sender, self._acks, self.tallies, self.rtt, now_us
        )

    def _receive(self, datagram: Buffer, now_us: int, arrived_us: int) -> None:
        if not HEADER_BYTES <= len(datagram) <= MAX_DATAGRAM_BYTES:
            self.tallies.refused += 1
            return
        seq, marks, timestamp_us, destination = HEADER.unpack_from(datagram)
        if destination != self._socket_id:
            self.tallies.refused += 1
        elif seq < CONTROL_BIT:
            self._heard_us = now_us
            self.receiver.take(seq, marks, timestamp_us, datagram, now_us, arrived_us)
        else:
            self._receive_control(datagram, now_us, arrived_us)

    def _receive_control(self, datagram: Buffer, now_us: int, arrived_us: int) -> None:
        try:
            packet = decode_control(datagram)
            if isinstance(packet.body, AckAck):
                self._on_ack_ack(packet.body.number, packet.timestamp_us, arrived_us)
            else:
                self._obey(packet.body, now_us)
        except RemoteProtocolError:
            self.tallies.refused += 1
        else:
            self._heard_us = now_us

    def _obey(self, body: Body, now_us: int) -> None:
        """Do what a control packet says. What is for a handshake, or for nobody, is passed over."""
        match body:
            case Ack():
                self._on_ack(body, now_us)
            case Nak():
                self._on_nak(body)
            case LightAck():
                self._on_light_ack(body.seq, now_us)
            case DropReq():
                self._on_drop_req(body)
            case UserDefined():
                self._on_user_defined(body, now_us)
            case Shutdown():
                self._close(CloseReason.SHUTDOWN)

    def _on_ack(self, ack: Ack, now_us: int) -> None:
        if self.sender.acknowledge(ack.seq, ack.free_packets):
            self.rtt.told(ack.rtt_us, ack.rtt_var_us, both_ways=self.receiver.counts.packets > 0)
        self._hear_ack(now_us)
        self.tallies.acks_received += 1
        if ack.rates is not None:
            self.tallies.link_reported(ack.rates.link_packets_per_s)
        if now_us - self._ack_ack_us >= ACK_ACK_INTERVAL_US or ack.number == self._ack_ack_number:
            self._ack_ack_us, self._ack_ack_number = now_us, ack.number
            self._outbox.append(AckAck(ack.number))

    def _on_light_ack(self, seq: int, now_us: int) -> None:
        self.sender.acknowledge(seq)
        self._hear_ack(now_us)

    def _hear_ack(self, now_us: int) -> None:
        self._acked_us, self._blind_resends = now_us, 0

    def _on_ack_ack(self, number: int, timestamp_us: int, arrived_us: int) -> None:
        rtt_us = self._acks.confirm(number, arrived_us)
        if rtt_us is not None:
            self.rtt.sample(rtt_us)
            self.receiver.clock.trace(timestamp_us, arrived_us, rtt_us)
            self.receiver.retime(self._spans())

    def _on_nak(self, nak: Nak) -> None:
        self.tallies.naks_received += 1
        gone = self.sender.ask_again(nak.losses)
        if gone is not None:
            self._outbox.append(DropReq(0, *gone))

    def _on_drop_req(self, request: DropReq) -> None:
        if not self.receiver.release(request.first_seq, request.last_seq):
            raise RemoteProtocolError("a DROPREQ for packets that are not ours to drop")

    def _on_user_defined(self, message: UserDefined, now_us: int) -> None:
        if message.kind == USER_KMREQ and self._receive_keys is not None:
            answer = self._receive_keys.take(message.content, now_us)
            self._outbox.append(UserDefined(USER_KMRSP, answer))
        elif message.kind == USER_KMRSP and self._send_keys is not None:
            self._send_keys.answered(message.content)

    def _report(self, now_us: int) -> None:
        """ACK and NAK, as far as they are due."""
        receiver = self.receiver
        ack = self._acks.due(now_us)
        if ack is not None:
            self._outbox.append(ack)
        losses, receiver.to_report = receiver.to_report, []
        if receiver.losses.next_due_us <= now_us:
            losses += receiver.take_due_losses(now_us, self.rtt)
        for begin in range(0, len(losses), _RANGES_PER_NAK):
            some = losses[begin : begin + _RANGES_PER_NAK]
            self._outbox.append(Nak(tuple((first & SEQ_MASK, last & SEQ_MASK) for first, last in some)))
            self.tallies.naks_sent += 1

    def _drop_late(self, now_us: int) -> None:
        dropped = self.sender.drop_late(now_us)
        if dropped is not None:
            self._events.append(SendDropped(dropped.packets, dropped.unsent))
        span = self.sender.unheard_drop
        if span is not None and (dropped is not None or now_us >= self._drop_request_us):
            self._drop_request_us = now_us + max(DROP_REQUEST_INTERVAL_US, self.rtt.upper_us)
            self._outbox.append(DropReq(0, *span))

    def _resend_blindly(self, now_us: int) -> None:
        """After a silence of a peer that says only once what it misses, assume that it misses all. Any other
        misses what it cannot know of: a window's last packets, with nothing behind them that may be sent."""
        blind_us = self._blind_resend_us()
        if blind_us is None or now_us < blind_us:
            return
        if self._peer_repeats_naks:
            self.sender.resend_newest()
        else:
            self.sender.resend_all()
        self._blind_resends += 1

    def _blind_resend_us(self) -> int | None:
        if not self.sender.flight or (self._peer_repeats_naks and not self.sender.is_blocked):
            return None
        patience_us = (self._blind_resends + 1) * (self.rtt.upper_us + 2 * ACK_INTERVAL_US) + ACK_INTERVAL_US
        return self._acked_us + patience_us

    def _request_key(self, now_us: int) -> None:
        """Announce a new key, and again until it is answered."""
        keys = self._send_keys
        if keys is None or not keys.unanswered:
            return
        if self.sender.key_request or now_us >= self._key_request_us:
            self.sender.key_request = b""
            self._key_request_us = now_us + max(KEY_REQUEST_INTERVAL_US, self.rtt.rtt_us * 3 // 2)
            self._outbox.append(UserDefined(USER_KMREQ, keys.unanswered))

    def _take_gaps(self) -> None:
        self._events += self.receiver.gaps
        self.receiver.gaps = []

    def _close(self, reason: CloseReason) -> None:
        if reason is not CloseReason.LOCAL:
            self._outbox = []
        self.closed = reason
        self._events.append(Closed(reason))

    def _spans(self) -> Spans:
        return spans_of(self.rtt, self.negotiated.peer_version >= EFFICIENT_RETRANSMIT_VERSION)

    def _control(self, body: Body, now_us: int) -> bytes:
        timestamp_us = (now_us - self.negotiated.start_us) & TS_MASK
        return encode_control(body, timestamp_us, self.negotiated.peer_socket_id)
