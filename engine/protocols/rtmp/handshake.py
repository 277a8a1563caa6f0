"""The handshake: three packets each way, in a plain and a digest form.

Plain (RTMP 1.0 section 5.2): C0 is one byte, the version; C1 is 1536 bytes (time, zero, random); the server
answers S0, S1 and S2, an echo of C1; the client ends with C2, an echo of S1.

Digest (never in the specification; Flash Player 9 and later, librtmp and ffmpeg speak it): C1 carries, at a
place computed from four of its own bytes, an HMAC-SHA256 of the other 1504 bytes under a well-known key.
There are two such places, scheme 0 (from byte 8) and scheme 1 (from byte 772). A server that finds the
digest answers with one of its own in S1 and signs S2 with a key derived from the client's digest; some
clients refuse a server that does not. The keys are constants of the protocol, not secrets, and prove
nothing.

What the peer echoes (C2, S2) is not compared: real clients send anything there, and a mistake harms nobody.

Randomness comes in as a seed: equal seeds give equal packets, which tests use. Nothing depends on its
quality.
"""

import hashlib
import hmac
from typing import Final

from engine.protocols.rtmp.errors import RemoteProtocolError

VERSION: Final = 3
PACKET_BYTES: Final = 1536
C0_C1_BYTES: Final = 1 + PACKET_BYTES

_DIGEST_BYTES: Final = 32
_OFFSET_RANGE: Final = 728
_SCHEME_BASES: Final = (8, 772)

_TAIL: Final = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
_SERVER_NAME: Final = b"Genuine Adobe Flash Media Server 001"
_PLAYER_NAME: Final = b"Genuine Adobe Flash Player 001"
_SERVER_VERSION: Final = bytes((5, 0, 3, 1))
"""Any version from 3.0.1.1 on announces the digest form."""


class ServerHandshake:
    """Waits for C0 and C1, answers, waits for C2."""

    def __init__(self, seed: bytes = b"", buffered: bytes = b"", answered: bool = False) -> None:
        self.buffered = bytearray(buffered)
        self.answered = answered
        self.done = False
        self._seed = seed

    def receive(self, data: bytes | memoryview) -> bytes:
        """Take the peer's bytes, give what to send. When `done`, `buffered` has the bytes behind C2.

        Raises RemoteProtocolError for a version that is not 3: RTMPE (6), or not RTMP at all.
        """
        self.buffered += data
        if self.buffered and not self.answered and self.buffered[0] != VERSION:
            raise RemoteProtocolError(f"RTMP version {self.buffered[0]}, not {VERSION}")
        reply = b""
        if not self.answered and len(self.buffered) >= C0_C1_BYTES:
            reply = answer(bytes(self.buffered[1:C0_C1_BYTES]), self._seed)
            del self.buffered[:C0_C1_BYTES]
            self.answered = True
        if self.answered and len(self.buffered) >= PACKET_BYTES:
            del self.buffered[:PACKET_BYTES]
            self.done = True
        return reply


class ClientHandshake:
    """Sends C0 and C1 in the plain form, waits for S0 and S1, answers C2, waits for S2."""

    def __init__(self, seed: bytes = b"") -> None:
        self.buffered = bytearray()
        self.answered = False
        self.done = False
        self._seed = seed

    def start(self) -> bytes:
        """C0 and C1."""
        return bytes((VERSION,)) + bytes(8) + _noise(self._seed, PACKET_BYTES - 8)

    def receive(self, data: bytes | memoryview) -> bytes:
        """Take the server's bytes, give what to send. When `done`, `buffered` has the bytes behind S2.

        Raises RemoteProtocolError for a version that is not 3.
        """
        self.buffered += data
        if self.buffered and not self.answered and self.buffered[0] != VERSION:
            raise RemoteProtocolError(f"RTMP version {self.buffered[0]}, not {VERSION}")
        reply = b""
        if not self.answered and len(self.buffered) >= C0_C1_BYTES:
            reply = bytes(self.buffered[1:C0_C1_BYTES])
            del self.buffered[:C0_C1_BYTES]
            self.answered = True
        if self.answered and len(self.buffered) >= PACKET_BYTES:
            del self.buffered[:PACKET_BYTES]
            self.done = True
        return reply


def answer(c1: bytes, seed: bytes) -> bytes:
    """S0, S1 and S2 for a C1 of 1536 bytes: digest form if C1 carries a digest, else plain."""
    for base in _SCHEME_BASES:
        digest = find_digest(c1, _PLAYER_NAME, base)
        if digest is not None:
            return bytes((VERSION,)) + _signed_s1(seed, base) + _signed_s2(seed, digest)
    return bytes((VERSION,)) + bytes(8) + _noise(seed, PACKET_BYTES - 8) + c1


def find_digest(packet: bytes, name: bytes, base: int) -> bytes | None:
    """The digest that `packet` carries at the place of this scheme, None if what stands there is none."""
    start = _digest_start(packet, base)
    found = packet[start : start + _DIGEST_BYTES]
    expected = _digest_of(packet, start, name)
    return found if hmac.compare_digest(found, expected) else None


def sign(packet: bytes, name: bytes, base: int) -> bytes:
    """The packet with its digest written in place."""
    start = _digest_start(packet, base)
    digest = _digest_of(packet, start, name)
    return packet[:start] + digest + packet[start + _DIGEST_BYTES :]


def _digest_start(packet: bytes, base: int) -> int:
    return sum(packet[base : base + 4]) % _OFFSET_RANGE + base + 4


def _digest_of(packet: bytes, start: int, name: bytes) -> bytes:
    return _hmac(name, packet[:start] + packet[start + _DIGEST_BYTES :])


def _signed_s1(seed: bytes, base: int) -> bytes:
    return sign(bytes(4) + _SERVER_VERSION + _noise(seed, PACKET_BYTES - 8), _SERVER_NAME, base)


def _signed_s2(seed: bytes, client_digest: bytes) -> bytes:
    noise = _noise(seed + b"2", PACKET_BYTES - _DIGEST_BYTES)
    return noise + _hmac(_hmac(_SERVER_NAME + _TAIL, client_digest), noise)


def _noise(seed: bytes, count: int) -> bytes:
    return hashlib.shake_256(b"rtmp handshake" + seed).digest(count)


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()
