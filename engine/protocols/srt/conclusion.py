"""What a listener finds wrong with a conclusion, in the order and with the codes of libsrt."""

from typing import Final

from engine.protocols.srt.control import Handshake
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.handshake import (
    GCM_VERSION,
    LIVE,
    MIN_PEER_VERSION,
    VERSION_5,
    VERSION_INDUCTION,
    Extensions,
    Flag,
    Hello,
    decode_request,
)
from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.keys import KeySet, open_key_message
from engine.protocols.srt.limits import MIN_FLOW_WINDOW_PACKETS, MIN_MTU_BYTES
from engine.protocols.srt.numbers import SEQ_MASK
from engine.protocols.srt.rejections import Rejection

_ROGUE: Final = Rejection.ROGUE


def check_conclusion(handshake: Handshake) -> Extensions:
    """Everything about a conclusion that needs no decision. Raises RemoteProtocolError with the rejection."""
    _check_fields(handshake)
    extensions = decode_request(handshake)
    _check_hello(extensions.hello)
    if extensions.congestion not in ("", LIVE):
        raise RemoteProtocolError("another congestion control than live", Rejection.CONGESTION)
    if extensions.packet_filter:
        raise RemoteProtocolError("a packet filter", Rejection.FILTER)
    if extensions.group:
        raise RemoteProtocolError("a socket group", Rejection.GROUP)
    return extensions


def _check_fields(handshake: Handshake) -> None:
    if handshake.version == VERSION_INDUCTION:
        raise RemoteProtocolError("a handshake of SRT before 1.3", Rejection.VERSION)
    if handshake.version != VERSION_5:
        raise RemoteProtocolError(f"handshake version {handshake.version}", _ROGUE)
    if handshake.initial_seq >= SEQ_MASK or handshake.socket_id == 0:
        raise RemoteProtocolError("an impossible sequence number or socket id", _ROGUE)
    if handshake.mtu_bytes < MIN_MTU_BYTES or handshake.flow_window_packets < MIN_FLOW_WINDOW_PACKETS:
        raise RemoteProtocolError("an impossible MTU or flow window", _ROGUE)


def _check_hello(hello: Hello) -> None:
    if hello.version < MIN_PEER_VERSION:
        raise RemoteProtocolError("version 5 handshake of an older SRT", _ROGUE)
    if hello.has(Flag.STREAM):
        raise RemoteProtocolError("stream mode", Rejection.MESSAGE_API)
    if not hello.has(Flag.RETRANSMIT_BIT):
        raise RemoteProtocolError("message numbers of 27 bits", Rejection.VERSION)


def agree_keys(extensions: Extensions, passphrase: str) -> KeySet | None:
    """A connection's keys, None without encryption. Raises RemoteProtocolError with the rejection unless both
    sides have the same passphrase, or neither has one."""
    content = extensions.key_material
    if content is None and not passphrase:
        return None
    if content is None or not passphrase:
        raise RemoteProtocolError("only one side has a passphrase", Rejection.UNSECURE)
    keys = open_key_message(content, passphrase)
    if keys.mode is CipherMode.GCM and extensions.hello.version < GCM_VERSION:
        raise RemoteProtocolError("GCM as it was before libsrt 1.5.4", Rejection.CRYPTO)
    return keys
