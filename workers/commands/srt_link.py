"""One SRT connection of `fanlight publish`: a UDP socket around the engine's own caller.

FFmpeg's builds for Python have no SRT, so the protocol is ours: `Caller` shakes hands, `SrtConnection` does
the rest, and this file gives both a socket and the time. It is synchronous: whoever has nothing to send
spends its time in `serve_until`, which answers the server and repeats what was lost meanwhile.

Bytes are cut into payloads of seven packets of a transport stream. What is left over waits for company, but
no longer than PARTIAL_S.
"""

import math
import secrets
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Self

from engine.protocols.srt.caller import Call, Caller
from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.limits import DEFAULT_LATENCY_MS, MAX_DATAGRAM_BYTES
from engine.protocols.srt.live_events import CloseReason
from engine.protocols.srt.live_limits import WIRE_HEADER_BYTES
from engine.protocols.srt.negotiated import Negotiated, Refusal, Terms
from engine.protocols.srt.pacing import Bandwidth
from workers.commands.sender import BEAT_S, ConnectionLost, Pulse
from workers.commands.srt_url import SrtAddress

PAYLOAD_BYTES: Final = 7 * 188
"""What every SRT tool puts into one datagram."""
PARTIAL_S: Final = 0.02
MAX_HELD_PACKETS: Final = 4096
"""Payloads that wait for their turn or their ACK before the sender waits: 5 MiB, half of what `SrtConnection`
holds before it drops. A link that is too slow is behind by its latency long before."""
MAX_BURST_PACKETS: Final = 128
"""The same where nothing paces what is sent but this: what a socket on Linux takes in with its default buffer
of 208 KiB, and no more, because what it drops is repaired within the latency or never."""
WINDOW_SHARE: Final = 0.5
"""And so much of the server's buffer may be filled in the time that it holds everything back, its latency:
about 45 MB/s at 120 ms, 5 MB/s at a second. Behind a full window packets wait, and those that wait too long
are dropped."""

_CLOSED: Final = {
    CloseReason.SHUTDOWN: "the server closed the connection",
    CloseReason.IDLE: "the server has fallen silent",
    CloseReason.OUT_OF_RANGE: "the server sends nonsense",
}


class SrtLink:
    """A connection in use. As a context manager it says goodbye at the end."""

    def __init__(
        self, sock: socket.socket, negotiated: Negotiated, shown: str, pulse: Pulse, *, realtime: bool
    ) -> None:
        bandwidth = None if realtime else Bandwidth(max_bytes_per_s=full_speed(negotiated))
        self.connection = SrtConnection(negotiated, now_us(), bandwidth=bandwidth)
        self._socket = sock
        self._shown = shown
        self._pulse = pulse
        self._max_held = MAX_HELD_PACKETS if realtime else MAX_BURST_PACKETS
        self._partial = bytearray()
        self._partial_due_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        self._send()

    def give(self, data: bytes) -> None:
        """Send whole packets of a transport stream; waits while too much is held. Raises ConnectionLost."""
        if data and not self._partial:
            self._partial_due_s = time.monotonic() + PARTIAL_S
        self._partial += data
        while len(self._partial) >= PAYLOAD_BYTES:
            self._wait_while(lambda: self.connection.sender.held >= self._max_held)
            self._push(PAYLOAD_BYTES)
            self._partial_due_s = time.monotonic() + PARTIAL_S

    def serve_until(self, due_s: float) -> None:
        """Serve the connection until a moment of time.monotonic(), once at least. Raises ConnectionLost."""
        self._turn()
        while (left_s := due_s - time.monotonic()) > 0:
            self._sleep(left_s)
            self._turn()

    def finish(self) -> None:
        """Send the rest, and wait until it has arrived or is too late. Raises ConnectionLost."""
        if self._partial:
            self._push(len(self._partial))
        self._wait_while(lambda: self.connection.sender.held > 0)

    def _wait_while(self, condition: Callable[[], bool]) -> None:
        self._turn()
        while condition():
            self._sleep(BEAT_S)
            self._turn()

    def _turn(self) -> None:
        """All that is to be done now."""
        self._pulse.beat()
        self.connection.receive_many(received(self._socket), now_us())
        self.connection.deliver(now_us())  # a publisher is sent nothing; if it is, it is not kept
        if self._partial_due_in_s() <= 0:
            self._push(len(self._partial))
        self._send()
        self.connection.take_events()
        if self.connection.closed is not None:
            raise ConnectionLost(f"{self._shown}: {_CLOSED[self.connection.closed]}")

    def _push(self, size: int) -> None:
        if self.connection.closed is None:
            self.connection.send(bytes(self._partial[:size]), now_us())
            del self._partial[:size]

    def _send(self) -> None:
        # Nobody there any more shows by silence, and what a full socket refuses is asked for again.
        for header, payload in self.connection.poll(now_us()):
            with suppress(OSError):
                self._socket.sendmsg([header, payload])

    def _sleep(self, at_most_s: float) -> None:
        """Until something comes or is due."""
        due_in_s = (self.connection.next_deadline_us() - now_us()) / 1e6
        wait(self._socket, min(due_in_s, self._partial_due_in_s(), at_most_s))

    def _partial_due_in_s(self) -> float:
        """Never, while there is none, or whole payloads that wait for room stand before it."""
        if not 0 < len(self._partial) < PAYLOAD_BYTES:
            return math.inf
        return self._partial_due_s - time.monotonic()


@contextmanager
def connect(address: SrtAddress, shown: str, pulse: Pulse, *, realtime: bool) -> Iterator[SrtLink]:
    """Call the server: for a `with` block. Raises ConnectionLost.

    `shown` is what errors call the server; `realtime` says that what is sent has a pace of its own.
    """
    with open_socket(address, shown) as sock:
        outcome = shake_hands(sock, new_call(address), shown, pulse)
        if isinstance(outcome, Refusal):
            raise ConnectionLost(f"{shown}: refused: {outcome.reason} (SRT code {outcome.code})")
        with SrtLink(sock, outcome, shown, pulse, realtime=realtime) as link:
            yield link


def open_socket(address: SrtAddress, shown: str) -> socket.socket:
    """A UDP socket that only hears the server. Raises ConnectionLost."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_DGRAM
        )[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.connect(target)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        raise ConnectionLost(f"{shown}: {error.strerror}") from None
    return sock


def new_call(address: SrtAddress) -> Call:
    """What to ask for, with fresh random numbers."""
    terms = Terms(
        socket_id=secrets.randbelow(2**30) + 1,
        seed=secrets.token_bytes(32),
        passphrase=address.passphrase,
        receive_latency_ms=address.latency_ms,
        send_latency_ms=address.latency_ms,
    )
    return Call(
        terms=terms,
        initial_seq=secrets.randbelow(2**30),
        stream_id=address.stream_id,
        key_bytes=address.key_bytes,
    )


def shake_hands(sock: socket.socket, call: Call, shown: str, pulse: Pulse) -> Negotiated | Refusal:
    """Ask until there is an answer, or there was time enough for one. Raises ConnectionLost."""
    caller = Caller(call, Peer(*sock.getpeername()[:2]), now_us())
    while (due_us := caller.next_deadline_us()) is not None:
        pulse.beat()
        wait(sock, (due_us - now_us()) / 1e6)
        try:
            for datagram in received(sock, deaf=False):
                with suppress(RemoteProtocolError):  # somebody else's
                    caller.receive(datagram, now_us())
            for datagram in caller.poll(now_us()):
                sock.send(datagram)
        except OSError as error:
            raise ConnectionLost(f"{shown}: {error.strerror}") from None
    assert caller.outcome is not None
    return caller.outcome


def received(sock: socket.socket, *, deaf: bool = True) -> list[bytes]:
    """What has come. If not `deaf`, raises OSError when the machine says that nobody is there."""
    datagrams: list[bytes] = []
    while True:
        try:
            datagrams.append(sock.recv(MAX_DATAGRAM_BYTES + 1, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return datagrams
        except OSError:
            if not deaf:
                raise
            return datagrams


def wait(sock: socket.socket, at_most_s: float) -> None:
    """Until the socket has something to read, or the time is over."""
    select.select([sock], [], [], min(max(0.0, at_most_s), BEAT_S))


def full_speed(negotiated: Negotiated) -> int:
    """Bytes per second on the wire where nothing but the connection limits them."""
    packets = negotiated.flow_window_packets * WINDOW_SHARE
    held_back_s = max(negotiated.send_latency_ms, DEFAULT_LATENCY_MS) / 1000
    return int(packets * (PAYLOAD_BYTES + WIRE_HEADER_BYTES) / held_back_s)


def now_us() -> int:
    """The clock of all connections."""
    return time.monotonic_ns() // 1000
