"""The ciphers of SRT (draft-sharabayko-srt section 6; GCM as in libsrt 1.5.4).

Two layers. A stream key encrypts payloads; it is random, lives for some million packets, and travels to
the peer wrapped (RFC 3394) under a key-encrypting key that both derive from the passphrase (PBKDF2 with
HMAC-SHA1, 2048 rounds, salted with the low half of the message's salt). The draft's names: SEK and KEK.

A payload's counter block, or nonce, is a function of the salt and the packet's sequence number:

    CTR    16 bytes: salt[0:14], bytes 10-13 xored with the sequence number, then 16 bits of block counter
    GCM    12 bytes: salt[0:12], bytes 8-11 xored with the sequence number

So a key must not see the same sequence number twice with different payloads. Sequence numbers start anew
after 2^31 packets, and keys are changed after 2^24 (`keys`). But the two directions of a connection begin
with the same number and, in libsrt up to 1.5 as here, the same key: whoever sends payloads in both encrypts
two texts with one key stream. Fanlight sends in one direction only.

GCM adds a tag of 16 bytes and protects the header, with the bit R taken as 0: the same ciphertext is sent
again when it was lost, with that bit set. libsrt 1.5.2 and 1.5.3 had a GCM of their own, whose nonce holds
the upper half of the sequence number alone; `listener` refuses it.

One context per key, reset for each packet, costs a fifth of one per packet (0.6 us for 1316 bytes).
"""

import hashlib
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.key_material import SALT_BYTES, CipherMode
from engine.protocols.srt.packets import Buffer
from engine.protocols.srt.rejections import Rejection

ROUNDS: Final = 2048
"""Section 6.1.4. Few for a password of today, but not ours to choose."""

TAG_BYTES: Final = 16

_CTR_SALT_BYTES: Final = 14
_GCM_NONCE_BYTES: Final = 12


class PayloadCipher(Protocol):
    """One stream key at work, for both directions.

    `header` is the packet's 16 bytes with R cleared, which only GCM looks at.
    """

    def seal(self, seq: int, header: bytes, payload: Buffer) -> bytes:
        """Encrypt."""
        ...

    def open(self, seq: int, header: bytes, payload: Buffer) -> bytes:
        """Decrypt. Raises RemoteProtocolError where the mode can tell that it is not genuine."""
        ...


class CtrCipher:
    """AES in counter mode: no overhead, and no way to notice a change."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
        self._base = int.from_bytes(salt[:_CTR_SALT_BYTES], "big")

    def seal(self, seq: int, _header: bytes, payload: Buffer) -> bytes:
        self._stream.reset_nonce(((self._base ^ seq) << 16).to_bytes(16, "big"))
        return self._stream.update(payload)

    open = seal


class GcmCipher:
    """AES in Galois counter mode: 16 bytes more, and nobody else's payload passes."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._aead = AESGCM(key)
        self._base = int.from_bytes(salt[:_GCM_NONCE_BYTES], "big")

    def seal(self, seq: int, header: bytes, payload: Buffer) -> bytes:
        return self._aead.encrypt(self._nonce(seq), payload, header)

    def open(self, seq: int, header: bytes, payload: Buffer) -> bytes:
        try:
            return self._aead.decrypt(self._nonce(seq), payload, header)
        except InvalidTag:
            raise RemoteProtocolError("a payload that is not genuine") from None

    def _nonce(self, seq: int) -> bytes:
        return (self._base ^ seq).to_bytes(_GCM_NONCE_BYTES, "big")


def payload_cipher(mode: CipherMode, key: bytes, salt: bytes) -> PayloadCipher:
    """The cipher of this mode at work with this key."""
    return CtrCipher(key, salt) if mode is CipherMode.CTR else GcmCipher(key, salt)


def overhead_bytes(mode: CipherMode) -> int:
    """How much longer a payload becomes."""
    return TAG_BYTES if mode is CipherMode.GCM else 0


def derive_wrapping_key(passphrase: str, salt: bytes, key_bytes: int) -> bytes:
    """The key-encrypting key, as long as the keys it wraps. Takes a third of a millisecond."""
    return hashlib.pbkdf2_hmac("sha1", passphrase.encode(), salt[SALT_BYTES // 2 :], ROUNDS, key_bytes)


def wrap(wrapping_key: bytes, keys: bytes) -> bytes:
    """One stream key, or the even and the odd one, wrapped: 8 bytes longer."""
    return aes_key_wrap(wrapping_key, keys)


def unwrap(wrapping_key: bytes, wrapped: bytes) -> bytes:
    """The keys inside. Raises RemoteProtocolError if another key wrapped them: another passphrase."""
    try:
        return aes_key_unwrap(wrapping_key, wrapped)
    except InvalidUnwrap:
        raise RemoteProtocolError("a key that another passphrase wrapped", Rejection.BAD_SECRET) from None
