"""The key material message, KMREQ and KMRSP (draft-sharabayko-srt section 3.2.2).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-----+-------+-------------------------------+-----------+---+
    |0|ver 1|type 2 |         sign 0x2029           |     0     |KK |
    +-+-----+-------+-------------------------------+-----------+---+
    |                 key encryption key index, 0                   |
    +---------------+---------------+---------------+---------------+
    |    cipher     |     auth      |  stream enc.  |   reserved    |
    +---------------+---------------+---------------+---------------+
    |           reserved            | salt length/4 | key length/4  |
    +-------------------------------+---------------+---------------+
    |                          salt, 16 bytes                       |
    +---------------------------------------------------------------+
    |     8 bytes of the wrap's check, then one key, or even, odd   |
    +---------------------------------------------------------------+

A KMRSP is the KMREQ back, byte for byte, or one word that says why not. libsrt writes that word in its
machine's byte order, which is little-endian wherever it runs: seen on the wire as 04 00 00 00.

Reserved fields are not looked at, as in libsrt: versions to come announce themselves there.
"""

import struct
from enum import IntEnum
from typing import Final

import msgspec

from engine.protocols.srt.control import KM_STATE_BYTES
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.limits import MAX_KM_BYTES
from engine.protocols.srt.packets import KEY_BOTH, KEY_NONE
from engine.protocols.srt.rejections import Rejection

SALT_BYTES: Final = 16
WRAP_BYTES: Final = 8
"""What RFC 3394 adds to what it wraps."""
KEY_SIZES: Final = (16, 24, 32)

_FIXED: Final = struct.Struct(">BHBIBBBBHBB")
_VERSION_AND_TYPE: Final = 0x12
_SIGN: Final = 0x2029
"""Letters "HAI" in five bits each, the manufacturer's id."""
_STREAM_ENCAPSULATION: Final = 2
"""MPEG-TS over SRT; libsrt knows no other, whatever the payload is."""


class CipherMode(IntEnum):
    """The cipher field. GCM came with libsrt 1.5.2, and in this form with 1.5.4."""

    CTR = 2
    GCM = 4


_AUTH: Final = {CipherMode.CTR: 0, CipherMode.GCM: 1}


class KmState(IntEnum):
    """How a peer stands to the encryption (libsrt's SRT_KM_STATE)."""

    UNSECURED = 0
    SECURING = 1
    SECURED = 2
    NO_SECRET = 3
    BAD_SECRET = 4
    BAD_CRYPTO_MODE = 5


_STATES: Final = {int(state): state for state in KmState}


class KeyMessage(msgspec.Struct, frozen=True):
    """One or two keys, wrapped."""

    key: int
    """KEY_EVEN, KEY_ODD or KEY_BOTH."""
    mode: CipherMode
    key_bytes: int
    salt: bytes
    wrapped: bytes


def decode_key_message(content: bytes) -> KeyMessage:
    """Read a KMREQ's content. Raises RemoteProtocolError unless every length fits every other."""
    if not _FIXED.size < len(content) <= MAX_KM_BYTES:
        raise _rogue(f"a key message of {len(content)} bytes")
    start, sign, flags, _index, cipher, auth, encapsulation, _, _, salt_words, key_words = _FIXED.unpack_from(
        content
    )
    if start != _VERSION_AND_TYPE or sign != _SIGN or encapsulation != _STREAM_ENCAPSULATION:
        raise _rogue("a key message of another kind")
    key = flags & KEY_BOTH
    mode = _mode(cipher, auth)
    key_bytes = key_words * 4
    count = 2 if key == KEY_BOTH else 1
    if key == KEY_NONE or key_bytes not in KEY_SIZES or salt_words * 4 != SALT_BYTES:
        raise _rogue(f"a key message with key {key} of {key_bytes} bytes, {salt_words * 4} bytes of salt")
    if len(content) != _FIXED.size + SALT_BYTES + WRAP_BYTES + count * key_bytes:
        raise _rogue(f"a key message of {len(content)} bytes for {count} keys of {key_bytes}")
    wrapped = _FIXED.size + SALT_BYTES
    return KeyMessage(key, mode, key_bytes, content[_FIXED.size : wrapped], content[wrapped:])


def encode_key_message(message: KeyMessage) -> bytes:
    """The content of a KMREQ, or of a KMRSP that accepts."""
    fixed = _FIXED.pack(
        _VERSION_AND_TYPE,
        _SIGN,
        message.key,
        0,
        message.mode,
        _AUTH[message.mode],
        _STREAM_ENCAPSULATION,
        0,
        0,
        SALT_BYTES // 4,
        message.key_bytes // 4,
    )
    return fixed + message.salt + message.wrapped


def decode_km_state(content: bytes) -> KmState | None:
    """The state that a KMRSP says, None if it is a key message instead. Unknown states are NO_SECRET, as
    libsrt takes them."""
    if len(content) != KM_STATE_BYTES:
        return None
    return _STATES.get(int.from_bytes(content, "little"), KmState.NO_SECRET)


def encode_km_state(state: KmState) -> bytes:
    """The content of a KMRSP that refuses."""
    return int(state).to_bytes(KM_STATE_BYTES, "little")


def _mode(cipher: int, auth: int) -> CipherMode:
    for mode, mode_auth in _AUTH.items():
        if (cipher, auth) == (mode, mode_auth):
            return mode
    raise RemoteProtocolError(f"cipher {cipher} with authentication {auth}", Rejection.CRYPTO)


def _rogue(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(what, Rejection.ROGUE)
