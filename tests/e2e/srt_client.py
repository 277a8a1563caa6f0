"""An SRT caller of our own, on a thread: for what ffmpeg and srt-live-transmit cannot be made to do.

It publishes a transport stream at an even pace and keeps its connection for as long as the test likes, plays
whatever comes, and says exactly why it was refused.
"""

import os
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from engine.protocols.srt.caller import Call, Caller
from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.live_events import CloseReason
from engine.protocols.srt.negotiated import Negotiated, Refusal, Terms
from engine.protocols.srt.sender import Datagram
from tests.e2e.engine_process import RunningEngine

PATIENCE_S: Final = 20.0
PAYLOAD_BYTES: Final = 7 * 188
MAX_DATAGRAM_BYTES: Final = 2048
LOOK_S: Final = 0.01


def now_us() -> int:
    return time.monotonic_ns() // 1000


def call(stream_id: str, *, passphrase: str = "", key_bytes: int = 0, latency_ms: int = 120) -> Call:
    """What a caller with fresh random numbers asks for."""
    terms = Terms(
        socket_id=secrets.randbelow(2**30) + 1,
        seed=secrets.token_bytes(32),
        passphrase=passphrase,
        receive_latency_ms=latency_ms,
        send_latency_ms=latency_ms,
    )
    initial_seq = secrets.randbelow(2**30)
    return Call(terms=terms, initial_seq=initial_seq, stream_id=stream_id, key_bytes=key_bytes)


class SrtClient:
    """One caller, from its first packet to its goodbye at the end of the `with` block.

    `source` is the address that it comes from, the kernel's choice by default.
    """

    def __init__(self, address: str, wanted: Call, source: str = "") -> None:
        host, _, port = address.rpartition(":")
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect((host, int(port)))
        self.received = b""
        self.connection: SrtConnection | None = None
        self._caller = Caller(wanted, Peer(host, int(port)), now_us())
        self._film: list[bytes] = []
        self._interval_us = self._next_us = 0
        self._over = False
        self._bell = os.eventfd(0)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
        os.close(self._bell)
        self.sock.close()

    # -- what the test says

    def outcome(self) -> Negotiated | Refusal:
        """How the handshake ended."""
        self.until(lambda: self._caller.outcome is not None)
        assert self._caller.outcome is not None
        return self._caller.outcome

    def refused_with(self) -> int | None:
        """The code of the refusal; None for a connection."""
        outcome = self.outcome()
        return outcome.code if isinstance(outcome, Refusal) else None

    def publish(self, film: bytes, seconds: float) -> None:
        """Send a transport stream, spread over so many seconds."""
        pieces = [film[at : at + PAYLOAD_BYTES] for at in range(0, len(film), PAYLOAD_BYTES)]
        self._interval_us = int(seconds * 1e6 / len(pieces))
        self._next_us = now_us()
        self._film += pieces
        self._wake()

    def wait_sent(self) -> None:
        """Wait until everything is sent and acknowledged."""
        self.until(lambda: not self._film and self.connection is not None and not self.connection.sender.held)

    def wait_received(self) -> None:
        """Wait for media."""
        self.until(lambda: bool(self.received))

    def closed_by_peer(self) -> CloseReason | None:
        """Wait for the end of the connection, and say why."""
        self.until(lambda: self.connection is not None and self.connection.closed is not None)
        assert self.connection is not None
        return self.connection.closed

    def vanish(self) -> None:
        """Fall silent without a word."""
        self._over = True
        self._wake()
        self._thread.join()

    def leave(self) -> None:
        """Say goodbye, if there is still anybody."""
        self.vanish()
        if self.connection is not None and self.connection.closed is None:
            self.connection.close()
            self._send()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline_s, (
                f"{self._caller.outcome}, {len(self.received)} bytes received"
            )
            time.sleep(LOOK_S)

    # -- the thread

    def _wake(self) -> None:
        os.eventfd_write(self._bell, 1)

    def _run(self) -> None:
        while not self._over:
            readable, _, _ = select.select([self.sock.fileno(), self._bell], [], [], self._wait_s())
            if self._bell in readable:
                os.eventfd_read(self._bell)
            datagrams = self._receive()
            if self.connection is None:
                self._shake_hands(datagrams)
            else:
                self._live(datagrams)

    def _wait_s(self) -> float:
        deadlines_us = [now_us() + 1_000_000]
        if self.connection is not None:
            deadlines_us.append(self.connection.next_deadline_us())
            deadlines_us += [self._next_us] if self._film else []
        elif (next_us := self._caller.next_deadline_us()) is not None:
            deadlines_us.append(next_us)
        return max(0.0, (min(deadlines_us) - now_us()) / 1e6)

    def _receive(self) -> list[bytes]:
        datagrams = []
        try:
            while True:
                datagrams.append(self.sock.recv(MAX_DATAGRAM_BYTES))
        except OSError:  # nothing more, or nobody there
            return datagrams

    def _shake_hands(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            try:
                outcome = self._caller.receive(datagram, now_us())
            except RemoteProtocolError:
                continue
            if isinstance(outcome, Negotiated):
                self.connection = SrtConnection(outcome, now_us())
        self._send_all([(datagram, b"") for datagram in self._caller.poll(now_us())])

    def _live(self, datagrams: list[bytes]) -> None:
        connection = self.connection
        assert connection is not None
        connection.receive_many(datagrams, now_us())
        self.received += b"".join(connection.deliver(now_us()))
        while self._film and self._next_us <= now_us() and connection.closed is None:
            connection.send(self._film.pop(0), now_us())
            self._next_us += self._interval_us
        self._send()

    def _send(self) -> None:
        assert self.connection is not None
        self._send_all(self.connection.poll(now_us()))

    def _send_all(self, datagrams: Sequence[Datagram]) -> None:
        for header, payload in datagrams:
            try:
                self.sock.sendmsg([header, payload])
            except OSError:  # nobody there, or no room
                return


class House:
    """An engine and whoever calls it."""

    def __init__(self, engine: RunningEngine, callers: ExitStack) -> None:
        self.engine = engine
        self._callers = callers

    def caller(
        self,
        stream_id: str,
        *,
        address: str = "",
        passphrase: str = "",
        key_bytes: int = 0,
        latency_ms: int = 120,
    ) -> SrtClient:
        """Begin to call; `address` is the engine's SRT port by default."""
        wanted = call(stream_id, passphrase=passphrase, key_bytes=key_bytes, latency_ms=latency_ms)
        return self._callers.enter_context(SrtClient(address or self.engine.addresses["srt"], wanted))

    def streams(self) -> set[str]:
        """The names of all streams."""
        return {stream["name"] for stream in self.engine.api("streams")["streams"]}
