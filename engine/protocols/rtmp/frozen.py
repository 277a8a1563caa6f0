"""A connection's state on its way to another process.

A publisher says `publish` to whichever worker accepted it and is handed to ingest; a restarted worker takes
over from the one before. What travels is this Struct, msgpack-encoded. Usually some hundred bytes; at most
about what the limits let a peer have in flight (`BEFORE_PUBLISH`: 256 KiB) and one unparsed read.
"""

from typing import Final

import msgspec

from engine.protocols.rtmp.chunks import FrozenReader
from engine.protocols.rtmp.errors import LocalProtocolError
from engine.protocols.rtmp.session import Session


class FrozenConnection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a `ServerConnection` is, except the clock and the seed."""

    session: Session
    handshake: bytes
    handshake_answered: bool
    reader: FrozenReader
    held: bytes
    output: bytes
    bytes_in: int
    bytes_out: int
    acked: int


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(FrozenConnection)


def encode_frozen(frozen: FrozenConnection) -> bytes:
    """As bytes for the bus."""
    return _ENCODER.encode(frozen)


def decode_frozen(data: bytes | memoryview) -> FrozenConnection:
    """Back again. Raises LocalProtocolError if it is not what `encode_frozen` made: the bus is ours."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:  # not all are msgspec's own
        raise LocalProtocolError(f"not a frozen connection: {error}") from None
