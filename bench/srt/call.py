"""Calling an SRT port over a socket: the handshake, and how long it took."""

import secrets
import select
import socket
import time

from engine.protocols.srt.caller import Call, Caller
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.negotiated import Negotiated, Refusal, Terms

MAX_DATAGRAM_BYTES = 2048
BUFFER_BYTES = 4 * 1024 * 1024
NS_PER_US = 1000


class Refused(Exception):
    """The listener said no, or nothing."""


def now_us() -> int:
    """The clock of all connections."""
    return time.monotonic_ns() // NS_PER_US


def new_call(stream_id: str, latency_ms: int) -> Call:
    """What a caller asks for."""
    terms = Terms(
        socket_id=secrets.randbelow(2**30) + 1,
        seed=secrets.token_bytes(32),
        receive_latency_ms=latency_ms,
        send_latency_ms=latency_ms,
    )
    return Call(terms=terms, initial_seq=secrets.randbelow(2**30), stream_id=stream_id)


class Calling:
    """A handshake in progress. `advance` whenever the socket has something or the time has come."""

    def __init__(self, address: tuple[str, int], stream_id: str, latency_ms: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.socket.connect(address)
        self.began_s = time.monotonic()
        self._caller = Caller(new_call(stream_id, latency_ms), Peer(*address), now_us())
        self.advance()

    def advance(self) -> Negotiated | None:
        """Read and send what there is. Raises `Refused`."""
        outcome = self._receive()
        for datagram in self._caller.poll(now_us()):
            self.socket.send(datagram)
        outcome = outcome or self._caller.outcome
        if isinstance(outcome, Refusal):
            self.socket.close()
            raise Refused(outcome.reason)
        return outcome

    def wait_s(self) -> float:
        """Until it is time to advance."""
        deadline_us = self._caller.next_deadline_us() or 0
        return max(0.0, (deadline_us - now_us()) * 1e-6)

    def _receive(self) -> Negotiated | Refusal | None:
        while True:
            try:
                outcome = self._caller.receive(self.socket.recv(MAX_DATAGRAM_BYTES), now_us())
            except BlockingIOError:
                return None
            except RemoteProtocolError:
                continue
            except OSError as error:
                raise Refused(str(error)) from error
            if outcome is not None:
                return outcome


def connect(
    address: tuple[str, int], stream_id: str, latency_ms: int = 120
) -> tuple[socket.socket, Negotiated, float]:
    """Call and wait for the answer: the socket, what was agreed, and the seconds it took."""
    calling = Calling(address, stream_id, latency_ms)
    while (negotiated := calling.advance()) is None:
        select.select([calling.socket], [], [], calling.wait_s())
    return calling.socket, negotiated, time.monotonic() - calling.began_s
