"""RTMP: AMF0, chunk streams, and a server whose peer says anything at all."""

from engine.access import BadName, join_app_and_name
from engine.protocols import amf0
from engine.protocols.rtmp import (
    LocalProtocolError,
    RemoteProtocolError,
    ServerConnection,
    decode_frozen,
    encode_frozen,
)
from engine.protocols.rtmp.chunks import ChunkReader, RawMessage
from engine.protocols.rtmp.events import PlayRequested, PublishRequested
from engine.protocols.rtmp.limits import AFTER_PUBLISH
from engine.protocols.rtmp.messages import parse
from tests.engine.rtmp.wire import HANDSHAKE, Outcome, feed, take
from tests.fuzz.target import Pieces, Target
from workers.fanout.start_mode import start_mode

AMF0_WORDS = (
    *(bytes((marker,)) for marker in range(0x12)),
    b"\x00\x00\x09",
    b"\x00\x01k",
    b"\x7f\xf0" + bytes(6),
)
CHUNK_WORDS = (
    b"\xc3",
    b"\x83\x00\x00\x01",
    b"\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00",
    b"\xff\xff\xff",
)
COMMAND_WORDS = (
    b"\x02\x00\x07connect",
    b"\x02\x00\x07publish",
    b"\x02\x00\x04play",
    b"\x05",
    b"\x14",
    b"\x09",
)


def read_amf0(pieces: Pieces) -> str:
    """What can be read can be written, and read again."""
    try:
        values = amf0.decode_all(b"".join(pieces))
    except amf0.RemoteProtocolError as error:
        return str(error)
    assert repr(amf0.decode_all(amf0.encode(*values))) == repr(values)
    return repr(values)


def read_chunks(pieces: Pieces) -> tuple[list[RawMessage], str]:
    reader, messages = ChunkReader(AFTER_PUBLISH), list[RawMessage]()
    try:
        for piece in pieces:
            reader.receive(piece, 0.0)
            while (message := reader.next_message()) is not None:
                messages.append(message)
            reader.settle()
            reader = ChunkReader.thaw(reader.freeze(), AFTER_PUBLISH, 0.0)
    except RemoteProtocolError as error:
        return messages, str(error)
    return messages, ""


def read_messages(pieces: Pieces) -> list[str]:
    """Each message by itself: the first byte is its type."""
    return [_read_message(RawMessage(body[0], 0, 1, body[1:])) for body in pieces if body]


def _read_message(raw: RawMessage) -> str:
    try:
        return repr(parse(raw))
    except RemoteProtocolError as error:
        return str(error)


def serve(pieces: Pieces) -> Outcome:
    """A server that grants every wish, and one that is frozen and thawed after each read, do the same."""
    moved, outcome = ServerConnection(), Outcome()
    for piece in (HANDSHAKE, *pieces):
        take(moved, piece, outcome)
        if outcome.error:
            break
        moved = ServerConnection.thaw(decode_frozen(encode_frozen(moved.freeze())), 0.0)
    assert feed(ServerConnection(), [HANDSHAKE, *pieces]) == outcome
    _judge_names(outcome)
    return outcome


def _judge_names(outcome: Outcome) -> None:
    for event in outcome.events:
        if isinstance(event, PublishRequested | PlayRequested):
            start_mode(event.query)
            try:
                name = join_app_and_name(event.app, event.name).name
            except BadName:
                continue
            assert name.isascii()
            assert ".." not in name.split("/")


def thaw(pieces: Pieces) -> bool:
    """The frozen form comes from our own workers; what is not one must be told apart all the same."""
    try:
        decode_frozen(b"".join(pieces))
    except LocalProtocolError:
        return False
    return True


RTMP_TARGETS = (
    Target(name="amf0", run=read_amf0, words=AMF0_WORDS, cuts=False, lines_per_byte=60, bytes_per_byte=100),
    Target(name="rtmp_chunks", run=read_chunks, words=CHUNK_WORDS, lines_per_byte=30, bytes_per_byte=150),
    Target(
        name="rtmp_messages",
        run=read_messages,
        words=AMF0_WORDS,
        cuts=False,
        lines_per_byte=30,
        bytes_per_byte=150,
    ),
    Target(
        name="rtmp_server",
        run=serve,
        words=CHUNK_WORDS + COMMAND_WORDS,
        lines_per_byte=60,
        bytes_per_byte=500,
    ),
    Target(name="rtmp_frozen", run=thaw, cuts=False, lines_per_byte=2),
)
