"""The keys of one connection: kept, sent, received, refreshed.

There are two places for stream keys, even and odd, and each data packet says which one it is encrypted with.
A connection starts with the even key, made by the caller and used in both directions. A sender that nears
the end of its key makes a new one for the other place and announces both in a KMREQ (`SendKeys.advance`),
which is sent again until the receiver answers with the same bytes; then it changes over. The salt, and so
the wrapping key, stays the same, so nobody has to derive anything.

The old key stays where it is until the next refresh overwrites it: packets that are sent once more need it.
libsrt changes over whether or not the announcement was answered; here an unanswered one may take as many
packets longer as the announcement came early.

`KeySet` is what passes between processes and on to `SendKeys` and `ReceiveKeys`: plain bytes, no contexts.
New keys come out of a seed and the key before, so that equal seeds give equal packets, and a connection that
goes on elsewhere with the same seed does not come upon a key again. The seed must be secret and random.
"""

import hashlib

import msgspec

from engine.protocols.srt.crypto import (
    PayloadCipher,
    derive_wrapping_key,
    overhead_bytes,
    payload_cipher,
    unwrap,
    wrap,
)
from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.key_material import (
    KEY_SIZES,
    SALT_BYTES,
    CipherMode,
    KeyMessage,
    KmState,
    decode_key_message,
    encode_key_message,
    encode_km_state,
)
from engine.protocols.srt.limits import (
    ANNOUNCE_PACKETS,
    MAX_PASSPHRASE_BYTES,
    MIN_DERIVATION_INTERVAL_US,
    MIN_PASSPHRASE_BYTES,
    MIN_SEED_BYTES,
    REFRESH_PACKETS,
)
from engine.protocols.srt.packets import (
    HEADER,
    KEY_BOTH,
    KEY_EVEN,
    KEY_ODD,
    RETRANSMITTED_BIT,
    Buffer,
    DataPacket,
)


class KeySet(msgspec.Struct, frozen=True):
    """Everything that a connection's encryption needs. Secret: its repr says nothing."""

    mode: CipherMode
    key_bytes: int
    salt: bytes
    wrapping_key: bytes
    even: bytes
    """A stream key, empty if there is none (yet)."""
    odd: bytes
    current: int
    """The place of the key that we send with."""

    def __repr__(self) -> str:
        return f"KeySet(mode={self.mode.name}, key_bytes={self.key_bytes}, …)"

    def key(self, which: int) -> bytes:
        """The stream key in this place (KEY_EVEN or KEY_ODD), empty if there is none."""
        return self.even if which == KEY_EVEN else self.odd


def check_passphrase(passphrase: str) -> None:
    """Raise LocalProtocolError for a passphrase that libsrt would not take either."""
    if not MIN_PASSPHRASE_BYTES <= len(passphrase.encode()) <= MAX_PASSPHRASE_BYTES:
        raise LocalProtocolError(
            f"a passphrase has {MIN_PASSPHRASE_BYTES} to {MAX_PASSPHRASE_BYTES} bytes of UTF-8"
        )


def generate_keys(passphrase: str, key_bytes: int, mode: CipherMode, seed: bytes) -> KeySet:
    """A caller's first keys. `key_bytes` is 16, 24 or 32."""
    check_passphrase(passphrase)
    if key_bytes not in KEY_SIZES:
        raise LocalProtocolError(f"a key of {key_bytes} bytes")
    salt = _expand(seed, "salt", SALT_BYTES)
    wrapping_key = derive_wrapping_key(passphrase, salt, key_bytes)
    return KeySet(mode, key_bytes, salt, wrapping_key, _expand(seed, "first key", key_bytes), b"", KEY_EVEN)


def key_message(keys: KeySet) -> bytes:
    """The KMREQ that carries all keys of the set."""
    which = KEY_BOTH if keys.even and keys.odd else keys.current
    wrapped = wrap(keys.wrapping_key, keys.even + keys.odd)
    return encode_key_message(KeyMessage(which, keys.mode, keys.key_bytes, keys.salt, wrapped))


def open_key_message(content: bytes, passphrase: str, known: KeySet | None = None) -> KeySet:
    """The keys in a KMREQ. With `known`, whose salt is usually the same, nothing is derived, and a key that
    the message does not bring stays.

    Raises RemoteProtocolError: BAD_SECRET for another passphrase, ROGUE for nonsense.
    """
    message = decode_key_message(content)
    if known is not None and not needs_derivation(message, known):
        wrapping_key = known.wrapping_key
    else:
        wrapping_key = derive_wrapping_key(passphrase, message.salt, message.key_bytes)
        known = None
    even, odd = _split(message, unwrap(wrapping_key, message.wrapped))
    current = KEY_EVEN if even else KEY_ODD
    if known is not None:
        even, odd, current = even or known.even, odd or known.odd, known.current
    return KeySet(message.mode, message.key_bytes, message.salt, wrapping_key, even, odd, current)


def needs_derivation(message: KeyMessage, known: KeySet) -> bool:
    """Whether the message's keys are wrapped in another way than those we have."""
    return (message.mode, message.key_bytes, message.salt) != (known.mode, known.key_bytes, known.salt)


def _split(message: KeyMessage, keys: bytes) -> tuple[bytes, bytes]:
    if message.key == KEY_BOTH:
        return keys[: message.key_bytes], keys[message.key_bytes :]
    return (keys, b"") if message.key == KEY_EVEN else (b"", keys)


def _expand(seed: bytes, purpose: str, count: int) -> bytes:
    if len(seed) < MIN_SEED_BYTES:
        raise LocalProtocolError(f"a seed of {len(seed)} bytes")
    return hashlib.shake_256(b"srt " + purpose.encode() + b" " + seed).digest(count)


class SendKeys:
    """The sender's side: encrypts, and changes keys in time.

    key = keys.key                                    # goes into the packet's marks
    payload = keys.seal(key, seq, header, payload)    # header: 16 bytes, R cleared
    request = keys.advance()                          # once per new packet; content of a KMREQ to send
    ... keys.unanswered ...                           # send this once more, every 1.5 round trips
    keys.answered(content)                            # for each KMRSP
    """

    def __init__(
        self,
        keys: KeySet,
        seed: bytes,
        *,
        refresh_packets: int = REFRESH_PACKETS,
        announce_packets: int = ANNOUNCE_PACKETS,
    ) -> None:
        """`refresh_packets`: how long a key lasts; `announce_packets`: how long before the next is told."""
        if not 0 < announce_packets <= (refresh_packets - 1) // 2:
            raise LocalProtocolError(f"announcing {announce_packets} packets before {refresh_packets}")
        self.key = keys.current
        self.overhead_bytes = overhead_bytes(keys.mode)
        self.refreshes = 0
        self.unanswered = b""
        self._keys = keys
        self._seed = seed
        self._refresh_packets = refresh_packets
        self._announce_packets = announce_packets
        self._packets = 0
        self._announced = False
        self._ciphers = _ciphers(keys)

    @property
    def keys(self) -> KeySet:
        """The keys as they are now, to go on in another process."""
        return self._keys

    def seal(self, key: int, seq: int, header: bytes, payload: Buffer) -> bytes:
        """Encrypt with the key in this place: the current one, or for a packet that is sent once more the
        one that it was sent with first."""
        return self._ciphers[key].seal(seq, header, payload)

    def advance(self) -> bytes:
        """Count a new packet. Gives the content of a KMREQ when it is time to announce a key, else b""."""
        self._packets += 1
        if self._packets <= self._refresh_packets - self._announce_packets:
            return b""
        if not self._announced:
            return self._announce()
        patience = self._announce_packets if self.unanswered else 0
        if self._packets > self._refresh_packets + patience:
            self._change_over()
        return b""

    def answered(self, content: bytes) -> bool:
        """Take a KMRSP: true if it accepts what we announced. Anything else changes nothing, since anybody
        could have sent it."""
        accepted = bool(self.unanswered) and content == self.unanswered
        if accepted:
            self.unanswered = b""
        return accepted

    def _announce(self) -> bytes:
        fresh = _expand(self._seed + self._keys.key(self.key), "next key", self._keys.key_bytes)
        if self.key == KEY_EVEN:
            self._keys = msgspec.structs.replace(self._keys, odd=fresh)
        else:
            self._keys = msgspec.structs.replace(self._keys, even=fresh)
        other = KEY_BOTH - self.key
        self._ciphers[other] = payload_cipher(self._keys.mode, fresh, self._keys.salt)
        self._announced = True
        self.unanswered = key_message(self._keys)
        return self.unanswered

    def _change_over(self) -> None:
        self.key = KEY_BOTH - self.key
        self._keys = msgspec.structs.replace(self._keys, current=self.key)
        self.refreshes += 1
        self._packets = 0
        self._announced = False


class ReceiveKeys:
    """The receiver's side: decrypts, and learns new keys."""

    def __init__(self, keys: KeySet, passphrase: str) -> None:
        self._keys = keys
        self._passphrase = passphrase
        self._ciphers = _ciphers(keys)
        self._derived_us: int | None = None

    @property
    def keys(self) -> KeySet:
        """The keys as they are now, to go on in another process."""
        return self._keys

    def open(self, packet: DataPacket) -> bytes:
        """The packet's payload in clear.

        Raises RemoteProtocolError, and the packet counts as undecryptable: a key that was never announced,
        no encryption where everything is encrypted, or (GCM only) a payload that is not genuine.
        """
        cipher = self._ciphers.get(packet.key)
        if cipher is None:
            raise RemoteProtocolError(f"a packet with key {packet.key}")
        marks = packet.marks & ~RETRANSMITTED_BIT
        header = HEADER.pack(packet.seq, marks, packet.timestamp_us, packet.dst_socket_id)
        return cipher.open(packet.seq, header, packet.payload)

    def take(self, content: bytes, now_us: int) -> bytes:
        """Take a KMREQ, give the content of the KMRSP: the same bytes, or why not.

        A message that we cannot use changes nothing here: one forged datagram must not end a connection
        (libsrt goes to BADSECRET and plays nothing any more). Raises RemoteProtocolError, to be dropped
        without an answer, for nonsense and for new salts faster than one in a second: each costs a
        derivation.
        """
        message = decode_key_message(content)
        if message.mode is not self._keys.mode:
            return encode_km_state(KmState.BAD_CRYPTO_MODE)
        if needs_derivation(message, self._keys):
            self._spend_derivation(now_us)
        try:
            keys = open_key_message(content, self._passphrase, self._keys)
        except RemoteProtocolError:
            return encode_km_state(KmState.BAD_SECRET)
        if keys != self._keys:
            self._keys = keys
            self._ciphers = _ciphers(keys)
        return content

    def _spend_derivation(self, now_us: int) -> None:
        if self._derived_us is not None and now_us - self._derived_us < MIN_DERIVATION_INTERVAL_US:
            raise RemoteProtocolError("key messages with new salts too fast")
        self._derived_us = now_us


def _ciphers(keys: KeySet) -> dict[int, PayloadCipher]:
    there = [which for which in (KEY_EVEN, KEY_ODD) if keys.key(which)]
    return {which: payload_cipher(keys.mode, keys.key(which), keys.salt) for which in there}
