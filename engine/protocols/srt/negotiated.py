"""What a handshake is about: our terms, and what both sides have agreed upon.

Plain values without clocks or contexts, so that a connection can be taken up by another process. Those with
secrets say nothing of them in their repr.
"""

import msgspec

from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.crypto import overhead_bytes
from engine.protocols.srt.errors import LocalProtocolError
from engine.protocols.srt.handshake import OUR_FLAGS, SRT_VERSION, Flag, Hello
from engine.protocols.srt.keys import KeySet, check_passphrase
from engine.protocols.srt.limits import (
    DEFAULT_FLOW_WINDOW_PACKETS,
    DEFAULT_LATENCY_MS,
    DEFAULT_MTU_BYTES,
    HEADER_BYTES,
    MAX_LATENCY_MS,
    MIN_FLOW_WINDOW_PACKETS,
    MIN_MTU_BYTES,
    UDP_IP_HEADER_BYTES,
)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Our half of a negotiation."""

    socket_id: int
    """Ours, unique among our connections, not 0."""
    seed: bytes
    """Secret random bytes, 32 of them, that stream keys are made from."""
    passphrase: str = ""
    """Empty: no encryption, and the peer must not use any."""
    receive_latency_ms: int = DEFAULT_LATENCY_MS
    """What we want to receive with; the peer may ask for more."""
    send_latency_ms: int = 0
    """The least that the peer shall receive with."""
    mtu_bytes: int = DEFAULT_MTU_BYTES
    flow_window_packets: int = DEFAULT_FLOW_WINDOW_PACKETS
    """Our receive buffer."""

    def __repr__(self) -> str:
        return f"Terms(socket_id={self.socket_id:#x}, encrypted={bool(self.passphrase)}, …)"


class Negotiated(msgspec.Struct, frozen=True, kw_only=True):
    """An established connection, as both sides know it."""

    peer: Peer
    socket_id: int
    peer_socket_id: int
    initial_seq: int
    """Of our first data packet."""
    peer_initial_seq: int
    mtu_bytes: int
    flow_window_packets: int
    """The peer's receive buffer."""
    receive_latency_ms: int
    """We deliver so long after it was sent."""
    send_latency_ms: int
    """The peer does."""
    peer_version: int
    peer_flags: Flag
    stream_id: str
    start_us: int
    """When our clock's timestamps began: ours say `now_us - start_us`."""
    peer_start_us: int
    """When the peer's timestamps began by our clock, half a round trip too late."""
    keys: KeySet | None
    passphrase: str
    seed: bytes
    answer: bytes
    """The listener's last word, to be said again if the conclusion comes again; empty at the caller."""

    @property
    def max_payload_bytes(self) -> int:
        """The largest payload that fits a packet: 1456, or 1440 with GCM, where the MTU is 1500."""
        overhead = overhead_bytes(self.keys.mode) if self.keys else 0
        return self.mtu_bytes - UDP_IP_HEADER_BYTES - HEADER_BYTES - overhead

    def __repr__(self) -> str:
        encryption = f"{self.keys!r}" if self.keys else "None"
        return f"Negotiated(peer={self.peer!r}, socket_id={self.socket_id:#x}, keys={encryption}, …)"


class Refusal(msgspec.Struct, frozen=True):
    """No connection."""

    code: int
    """A `Rejection`, or an application's own reason."""
    reason: str
    """For logs, nothing in it comes from the peer."""
    answer: bytes = b""
    """The datagram that says so; empty at the caller."""


def check_terms(terms: Terms) -> None:
    """Raise LocalProtocolError for terms that no handshake can say."""
    possible = (
        0 < terms.socket_id <= 0xFFFF_FFFF
        and 0 <= terms.receive_latency_ms <= MAX_LATENCY_MS
        and 0 <= terms.send_latency_ms <= MAX_LATENCY_MS
        and MIN_MTU_BYTES <= terms.mtu_bytes <= DEFAULT_MTU_BYTES
        and terms.flow_window_packets >= MIN_FLOW_WINDOW_PACKETS
    )
    if not possible:
        raise LocalProtocolError(f"impossible terms: {terms!r}")
    if terms.passphrase:
        check_passphrase(terms.passphrase)


def request_hello(terms: Terms) -> Hello:
    """The caller's HSREQ."""
    return Hello(SRT_VERSION, OUR_FLAGS, terms.receive_latency_ms, terms.send_latency_ms)


def answer_hello(terms: Terms, theirs: Hello) -> Hello:
    """The listener's HSRSP. Each direction gets the larger of what its two ends ask for, and a caller that
    does not deliver by timestamp is not told when to (section 4.3.1.2)."""
    flags = OUR_FLAGS
    receive_latency_ms, send_latency_ms = terms.receive_latency_ms, 0
    if theirs.has(Flag.TSBPD_SENDER):
        receive_latency_ms = max(receive_latency_ms, theirs.send_latency_ms)
    if theirs.has(Flag.TSBPD_RECEIVER):
        send_latency_ms = max(terms.send_latency_ms, theirs.receive_latency_ms)
    else:
        flags &= ~Flag.TSBPD_SENDER
    return Hello(SRT_VERSION, flags, receive_latency_ms, send_latency_ms)
