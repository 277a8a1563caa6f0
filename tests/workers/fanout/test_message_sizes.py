"""What is counted of the WebSocket messages that media is sent in."""

from contextlib import closing

from engine.protocols.websocket import encode_frame
from engine.protocols.websocket.frames import Opcode
from shm.ring import RingReader
from tests.workers.fanout.stage import Stage
from workers.fanout.logs import Bytes, DerivedLog, Head


def head_of(reader: RingReader) -> Head:
    position, seq = reader.head()
    return Head(position, seq, reader.entry(seq - 1))


def with_an_opening(tag: Bytes) -> bytes:
    """As a fragment that others follow: words on what comes, what decoders begin with, and itself."""
    return encode_frame(b"words", Opcode.TEXT) + encode_frame(bytes(700)) + encode_frame(bytes(len(tag)))


async def test_what_players_begin_with_is_counted_as_the_messages_that_it_is() -> None:
    with closing(Stage()) as stage:
        stage.publish(1)
        reader = RingReader(stage.arena, stage.slot)
        log = DerivedLog(reader, with_an_opening, head_of(reader), frames=True)
        tags = stage.publish(2)
        log.advance(head_of(reader))
        assert log.take_message_bytes() == [5, 700, len(tags[0]), 5, 700, len(tags[1])]
        assert log.take_message_bytes() == []
