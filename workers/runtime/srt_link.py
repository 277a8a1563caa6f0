"""One SRT connection on a connected UDP socket: what ingest's publishers and fanout's players have in
common.
"""

import contextlib
import socket

import msgspec

from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.keys import KeySet
from engine.protocols.srt.limits import HEADER_BYTES
from engine.protocols.srt.live_events import Closed, Event
from engine.protocols.srt.negotiated import Negotiated
from engine.protocols.srt.packets import destination
from engine.protocols.srt.statistics import Statistics
from workers.runtime.datagrams import delay_us, receive_stamped, send_datagrams
from workers.runtime.srt_readings import Packets, grown, packets

REFUSED_SENDS: int = 20
"""ICMP refusals after which the peer counts as gone, if nothing is heard of it between them. One may be a
stray of an earlier socket on its port.
"""


ACK_ACK: bytes = b"\x80\x06"
"""How an ACKACK begins (draft section 3.2.5). Its arrival ends a round trip, so it must be known exactly: the
circle reads it some milliseconds later, and a round trip that seems to vary is waited for longer.
"""


class SrtHandOver(msgspec.Struct, frozen=True):
    """The state that goes with a publisher's socket from fanout to ingest."""

    name: str
    negotiated: Negotiated


class SrtLink:
    """The socket's side of a connection.

    Args:
        sock: connected and non-blocking; closed by `close`.
        negotiated: what the handshake came to.
        now_us: monotonic.
    """

    def __init__(self, sock: socket.socket, negotiated: Negotiated, now_us: int) -> None:
        self.sock = sock
        self.connection = SrtConnection(negotiated, now_us)
        self._answer = negotiated.answer
        self.bytes_in = 0
        self.bytes_out = 0
        self.end = ""  # why it is over, once it is
        self._refused = 0
        self._counted: Packets = {}
        delay_us(sock)  # from now on the kernel notes when datagrams come

    def fileno(self) -> int:
        return self.sock.fileno()

    def pull(self, now_us: int) -> list[Event]:
        """Take in what the socket has; gives what happened."""
        try:
            datagrams, delays_us = receive_stamped(self.sock, ACK_ACK)
        except ConnectionRefusedError:
            datagrams, delays_us = [], {}
            self._note_refusal()
        except OSError:
            datagrams, delays_us = [], {}
            self.end = self.end or "connection_lost"
        self.bytes_in += sum(map(len, datagrams))
        if datagrams:
            self._refused = 0
        if any(destination(datagram) == 0 for datagram in datagrams if len(datagram) >= HEADER_BYTES):
            self._answer_again()
        arrived_us = [now_us - delays_us.get(at, 0) for at in range(len(datagrams))] if delays_us else None
        events = self.connection.receive_many(datagrams, now_us, arrived_us)
        self._note_end(events)
        return events

    def push(self, now_us: int) -> None:
        """Send what has to leave."""
        datagrams = self.connection.poll(now_us)
        if not datagrams:
            return
        try:
            sent = send_datagrams(self.sock, datagrams)
        except ConnectionRefusedError:
            self._note_refusal()
            return
        except OSError:
            self.end = self.end or "connection_lost"
            return
        self.bytes_out += sum(len(header) + len(payload) for header, payload in datagrams[:sent])

    @property
    def keys(self) -> KeySet | None:
        """How the connection is encrypted, if it is."""
        return self.connection.negotiated.keys

    def stats(self, now_us: int) -> Statistics:
        """The connection's figures."""
        return self.connection.stats(now_us)

    def take_packets(self, statistics: Statistics) -> Packets:
        """What to count of this reading: what has come since the last one that was counted."""
        before, self._counted = self._counted, packets(statistics)
        return grown(self._counted, before)

    def close(self, now_us: int, reason: int = 0) -> None:
        """Say goodbye and why, if nobody has yet, and close the socket."""
        self.connection.close(reason)
        self.push(now_us)
        self.sock.close()

    def _answer_again(self) -> None:
        """The handshake's answer was lost: the peer asks again, and now its datagrams come here."""
        with contextlib.suppress(OSError):
            self.sock.send(self._answer)

    def _note_refusal(self) -> None:
        self._refused += 1
        if self._refused >= REFUSED_SENDS:
            self.end = self.end or "connection_lost"

    def _note_end(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Closed):
                self.end = self.end or event.reason.value
