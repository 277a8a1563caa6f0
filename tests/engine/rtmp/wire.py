"""The test's own end of the wire: handshakes, chunks made by hand, a pair of connections, and ways to cut.

Chunks are made here without the package's writer, so that what a peer may send is not bounded by what we do.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from hypothesis import strategies as st

from engine.protocols import amf0
from engine.protocols.rtmp import (
    ClientConnection,
    Event,
    RemoteProtocolError,
    ServerConnection,
    split_url,
)
from engine.protocols.rtmp.chunks import ChunkReader, RawMessage
from engine.protocols.rtmp.events import PlayRequested, PublishRequested
from engine.protocols.rtmp.limits import AFTER_PUBLISH, ReaderLimits
from engine.protocols.rtmp.messages import Message, SetChunkSize, parse

SERVER_HANDSHAKE_BYTES = 1 + 2 * 1536
HANDSHAKE = b"\x03" + bytes(2 * 1536)
"""C0, C1 and C2 of a client that cannot wait."""


def noise(name: str, count: int) -> bytes:
    """Bytes without a pattern, the same each time."""
    return hashlib.shake_256(name.encode()).digest(count)


def head(
    chunk_type: int, csid: int, time: int = 0, size: int = 0, type_id: int = 0, stream: int = 0
) -> bytes:
    """One chunk header with a one-byte id; a type 3 one has no time here."""
    field = min(time, 0xFFFFFF).to_bytes(3) + size.to_bytes(3) + bytes((type_id,))
    shown = (field + stream.to_bytes(4, "little"))[: (11, 7, 3, 0)[chunk_type]]
    extension = time.to_bytes(4) if time >= 0xFFFFFF and chunk_type < 3 else b""
    return bytes((chunk_type << 6 | csid,)) + shown + extension


def message(
    csid: int, type_id: int, body: bytes, *, time: int = 0, stream: int = 0, chunk: int = 128
) -> bytes:
    """One message with a type 0 header, cut into chunks of `chunk` bytes."""
    pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
    between = bytes((0xC0 | csid,)) + (time.to_bytes(4) if time >= 0xFFFFFF else b"")
    return head(0, csid, time, len(body), type_id, stream) + between.join(pieces)


def command(
    name: str, transaction: float, *arguments: amf0.Value, csid: int = 3, stream: int = 0, chunk: int = 128
) -> bytes:
    """One AMF0 command."""
    return message(csid, 20, amf0.encode(name, transaction, *arguments), stream=stream, chunk=chunk)


CONNECT = command("connect", 1, {"app": "live", "tcUrl": "rtmp://host/live"})
CREATE_STREAM = command("createStream", 2, None)
PUBLISH = command("publish", 3, None, "cam?key=k", "live", stream=1)
PLAY = command("play", 3, None, "cam", csid=8, stream=1)
TO_PUBLISH = HANDSHAKE + CONNECT + CREATE_STREAM + PUBLISH
TO_PLAY = HANDSHAKE + CONNECT + CREATE_STREAM + PLAY


class Outcome:
    """What a server made of some bytes: events, output, and the error's text if it ended with one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.output = b""
        self.error = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Outcome({self.events}, {len(self.output)} bytes out, {self.error!r})"


def take(server: ServerConnection, data: bytes, outcome: Outcome, now: float = 0.0) -> None:
    """One read of a server that grants every wish."""
    try:
        pending = list(server.receive(data, now))
        while pending:
            event = pending.pop(0)
            outcome.events.append(event)
            if isinstance(event, PublishRequested):
                server.accept_publish()
                pending += server.receive(b"", now)
            elif isinstance(event, PlayRequested):
                server.accept_play()
                pending += server.receive(b"", now)
    except RemoteProtocolError as error:
        outcome.events += error.events
        outcome.error = str(error)
    outcome.output += server.take_output()


def feed(server: ServerConnection, pieces: Iterable[bytes]) -> Outcome:
    """Many reads, until the first error."""
    outcome = Outcome()
    for piece in pieces:
        take(server, piece, outcome)
        if outcome.error:
            break
    return outcome


def serve(data: bytes, *, now: float = 0.0) -> Outcome:
    """A new server, all bytes in one read."""
    outcome = Outcome()
    take(ServerConnection(), data, outcome, now)
    return outcome


def publishing() -> ServerConnection:
    """A server whose peer publishes, with nothing left to send."""
    server = ServerConnection()
    take(server, TO_PUBLISH, Outcome())
    return server


def playing() -> ServerConnection:
    """A server whose peer plays, with nothing left to send."""
    server = ServerConnection()
    take(server, TO_PLAY, Outcome())
    return server


def messages_of(chunks: bytes, limits: ReaderLimits = AFTER_PUBLISH) -> list[RawMessage]:
    """All messages in some chunk bytes."""
    reader = ChunkReader(limits)
    reader.receive(chunks, 0.0)
    found = list(iter(reader.next_message, None))
    reader.settle()
    return found


def said(output: bytes) -> list[Message]:
    """What a server's output says, behind its handshake."""
    return [parse(raw) for raw in messages_of(output[SERVER_HANDSHAKE_BYTES:])]


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    """The smallest reads there are."""
    return (data[at : at + 1] for at in range(len(data)))


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Reads that end at the places."""
    edges = [0, *sorted(place for place in set(places) if 0 < place < len(data)), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def cuts_of(data: bytes) -> st.SearchStrategy[list[bytes]]:
    """Random ways to cut."""
    return st.lists(st.integers(1, max(1, len(data) - 1)), max_size=12).map(lambda places: cut(data, places))


def set_chunk_size(size: int) -> bytes:
    """The message that announces it."""
    return message(2, 1, SetChunkSize(size).size.to_bytes(4))


class ConnectionPair:
    """A client and a server that grants every wish, and the wire between them."""

    def __init__(self, url: str = "rtmp://host/live/cam?key=k", **options: object) -> None:
        self.client = ClientConnection(split_url(url), **options)  # type: ignore[arg-type]
        self.server = ServerConnection()
        self.at_client: list[Event] = []
        self.at_server = Outcome()

    def run(self) -> None:
        """Carry bytes until both are silent."""
        while True:
            up = self.client.take_output()
            take(self.server, up, self.at_server)
            down, self.at_server.output = self.at_server.output, b""
            if not up and not down:
                return
            self.at_client += self.client.receive(down, 0.0)
