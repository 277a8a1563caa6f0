"""Messages: what is in the body of each type (RTMP 1.0 sections 5.4, 6.2 and 7.1).

`parse` turns a `RawMessage` into a typed one, `encode` gives the type and body of one of ours. Media is
passed through unopened. Set Chunk Size and Abort never come out of a `ChunkReader`, which acts upon them
itself; `parse` knows them for completeness.
"""

from typing import Final, TypeAlias

import msgspec

from engine.protocols import amf0
from engine.protocols.rtmp.chunks import RawMessage
from engine.protocols.rtmp.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.rtmp.limits import MAX_AGGREGATE_TAGS


class Type:
    """Message type ids."""

    SET_CHUNK_SIZE: Final = 1  # 5.4.1
    ABORT: Final = 2  # 5.4.2
    ACK: Final = 3  # 5.4.3
    USER_CONTROL: Final = 4  # 6.2
    WINDOW_ACK_SIZE: Final = 5  # 5.4.4
    SET_PEER_BANDWIDTH: Final = 6  # 5.4.5
    AUDIO: Final = 8  # 7.1.4
    VIDEO: Final = 9  # 7.1.5
    DATA_AMF3: Final = 15  # 7.1.2
    SHARED_OBJECT_AMF3: Final = 16  # 7.1.3
    COMMAND_AMF3: Final = 17  # 7.1.1
    DATA: Final = 18  # 7.1.2
    SHARED_OBJECT: Final = 19  # 7.1.3
    COMMAND: Final = 20  # 7.1.1
    AGGREGATE: Final = 22  # 7.1.6


class UserControlKind:
    """Events of the user control message (RTMP 1.0 section 7.1.7)."""

    STREAM_BEGIN: Final = 0
    STREAM_EOF: Final = 1
    STREAM_DRY: Final = 2
    SET_BUFFER_LENGTH: Final = 3
    STREAM_IS_RECORDED: Final = 4
    PING_REQUEST: Final = 6
    PING_RESPONSE: Final = 7


class SetChunkSize(msgspec.Struct, frozen=True):
    size: int


class Abort(msgspec.Struct, frozen=True):
    csid: int


class Ack(msgspec.Struct, frozen=True):
    sequence: int


class WindowAckSize(msgspec.Struct, frozen=True):
    size: int


class SetPeerBandwidth(msgspec.Struct, frozen=True):
    size: int
    limit: int
    """0 hard, 1 soft, 2 dynamic."""


class UserControl(msgspec.Struct, frozen=True):
    kind: int
    value: int = 0
    """A stream id, or the time of a ping in milliseconds."""
    buffer_ms: int | None = None
    """Only with SET_BUFFER_LENGTH."""


class Command(msgspec.Struct, frozen=True):
    name: str
    transaction: float
    arguments: tuple[amf0.Value, ...]
    """Everything behind the transaction id: the command object (or null) first."""


class Data(msgspec.Struct, frozen=True):
    """A script message; the body is AMF0 that nobody has decoded."""

    timestamp_ms: int
    body: bytes


class Audio(msgspec.Struct, frozen=True, gc=False):
    timestamp_ms: int
    body: bytes


class Video(msgspec.Struct, frozen=True, gc=False):
    timestamp_ms: int
    body: bytes


class Aggregate(msgspec.Struct, frozen=True):
    """Several tags in one message, already apart and with their own absolute timestamps."""

    tags: tuple[Audio | Video | Data, ...]


class Unknown(msgspec.Struct, frozen=True):
    """A message of a type that we do not read (shared objects, private types)."""

    type_id: int


Control: TypeAlias = SetChunkSize | Abort | Ack | WindowAckSize | SetPeerBandwidth | UserControl
Message: TypeAlias = Control | Command | Data | Audio | Video | Aggregate | Unknown


def parse(raw: RawMessage) -> Message:
    """Open a message. Raises RemoteProtocolError, and nothing else."""
    match raw.type_id:
        case Type.AUDIO:
            return Audio(raw.timestamp_ms, raw.body)
        case Type.VIDEO:
            return Video(raw.timestamp_ms, raw.body)
        case Type.DATA:
            return Data(raw.timestamp_ms, raw.body)
        case Type.DATA_AMF3:
            return Data(raw.timestamp_ms, _without_amf3_switch(raw.body))
        case Type.COMMAND:
            return _parse_command(raw.body)
        case Type.COMMAND_AMF3:
            return _parse_command(_without_amf3_switch(raw.body))
        case Type.AGGREGATE:
            return _parse_aggregate(raw.timestamp_ms, raw.body)
        case Type.USER_CONTROL:
            return _parse_user_control(raw.body)
        case _:
            return _parse_number(raw.type_id, raw.body)


def encode(message: Control | Command) -> tuple[int, bytes]:
    """Type id and body of a message of our own. Raises LocalProtocolError for values that do not fit."""
    try:
        return _encode(message)
    except OverflowError:
        raise LocalProtocolError(f"a number does not fit: {message}") from None


def _encode(message: Control | Command) -> tuple[int, bytes]:
    match message:
        case SetChunkSize(size):
            return Type.SET_CHUNK_SIZE, size.to_bytes(4)
        case Abort(csid):
            return Type.ABORT, csid.to_bytes(4)
        case Ack(sequence):
            return Type.ACK, sequence.to_bytes(4)
        case WindowAckSize(size):
            return Type.WINDOW_ACK_SIZE, size.to_bytes(4)
        case SetPeerBandwidth(size, limit):
            return Type.SET_PEER_BANDWIDTH, size.to_bytes(4) + limit.to_bytes(1)
        case UserControl(kind, value, buffer_ms):
            more = b"" if buffer_ms is None else buffer_ms.to_bytes(4)
            return Type.USER_CONTROL, kind.to_bytes(2) + value.to_bytes(4) + more
        case Command(name, transaction, arguments):
            return Type.COMMAND, amf0.encode(name, transaction, *arguments)


def _without_amf3_switch(body: bytes) -> bytes:
    """AMF3 messages of real clients are AMF0 behind one zero byte; nobody sends AMF3 itself first."""
    if body[:1] != b"\x00":
        raise RemoteProtocolError("AMF3 is not supported")
    return body[1:]


def _parse_command(body: bytes) -> Command:
    try:
        values = amf0.decode_all(body)
    except amf0.RemoteProtocolError as error:
        raise RemoteProtocolError(f"command: {error}", error.reply) from None
    match values:
        case [str() as name, float() as transaction, *arguments]:
            return Command(name, transaction, tuple(arguments))
    raise RemoteProtocolError("a command without name or transaction id")


def _parse_user_control(body: bytes) -> UserControl | Unknown:
    if len(body) < 6:
        return Unknown(Type.USER_CONTROL)
    kind = int.from_bytes(body[:2])
    value = int.from_bytes(body[2:6])
    if kind != UserControlKind.SET_BUFFER_LENGTH:
        return UserControl(kind, value)
    if len(body) < 10:
        raise RemoteProtocolError("a buffer length without its number")
    return UserControl(kind, value, int.from_bytes(body[6:10]))


def _parse_number(type_id: int, body: bytes) -> Message:
    """The control messages that are one number; anything else is unknown and passes by."""
    wanted = 5 if type_id == Type.SET_PEER_BANDWIDTH else 4
    if Type.SET_CHUNK_SIZE <= type_id <= Type.SET_PEER_BANDWIDTH and len(body) < wanted:
        raise RemoteProtocolError(f"a control message of type {type_id} without its number")
    value = int.from_bytes(body[:4])
    match type_id:
        case Type.SET_CHUNK_SIZE:
            return SetChunkSize(value)
        case Type.ABORT:
            return Abort(value)
        case Type.ACK:
            return Ack(value)
        case Type.WINDOW_ACK_SIZE:
            return WindowAckSize(value)
        case Type.SET_PEER_BANDWIDTH:
            return SetPeerBandwidth(value, body[4])
        case _:
            return Unknown(type_id)


_TAG_HEADER_BYTES: Final = 11
_BACK_POINTER_BYTES: Final = 4


def _parse_aggregate(timestamp_ms: int, body: bytes) -> Aggregate:
    """FLV tags one after the other; their times count from the first one's, which is the message's own."""
    tags: list[Audio | Video | Data] = []
    at = 0
    shift = 0
    while at < len(body):
        if len(tags) >= MAX_AGGREGATE_TAGS:
            raise RemoteProtocolError(f"more than {MAX_AGGREGATE_TAGS} tags in an aggregate message")
        begin = at + _TAG_HEADER_BYTES
        end = begin + int.from_bytes(body[at + 1 : at + 4])
        if end > len(body):
            raise RemoteProtocolError("an aggregate message ends inside a tag")
        time_ms = int.from_bytes(body[at + 4 : at + 7]) | body[at + 7] << 24
        if not tags:
            shift = timestamp_ms - time_ms
        tags.append(_sub_tag(body[at], time_ms + shift & 0xFFFFFFFF, body[begin:end]))
        at = end + _BACK_POINTER_BYTES  # some leave the last one out
    return Aggregate(tuple(tags))


def _sub_tag(kind: int, timestamp_ms: int, body: bytes) -> Audio | Video | Data:
    match kind:
        case Type.AUDIO:
            return Audio(timestamp_ms, body)
        case Type.VIDEO:
            return Video(timestamp_ms, body)
        case Type.DATA:
            return Data(timestamp_ms, body)
    raise RemoteProtocolError(f"a tag of kind {kind} in an aggregate message")
