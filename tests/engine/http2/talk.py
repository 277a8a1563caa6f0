"""A client of HTTP/2 for tests: h2's own, and frames by hand where h2 would not say such a thing."""

from collections.abc import Iterable
from itertools import pairwise

import h2.config
import h2.connection
import h2.events
from hpack import Encoder

from engine.protocols.http2 import Event, Http2Connection, RemoteProtocolError
from engine.protocols.http2.frames import END_HEADERS, END_STREAM, PREFACE, Kind

Fields = list[tuple[bytes, bytes]]

GET: Fields = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"media.example"),
    (b":path", b"/live/show.m3u8"),
]


def request(path: bytes = b"/live/show.m3u8", method: bytes = b"GET", *more: tuple[bytes, bytes]) -> Fields:
    """The fields of a plain request, with some more behind them."""
    return [(b":method", method), *GET[1:3], (b":path", path), *more]


def frame(kind: int, flags: int = 0, stream_id: int = 0, payload: bytes = b"") -> bytes:
    """One frame, whatever it says."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream_id.to_bytes(4, "big") + payload


def headers(stream_id: int, fields: Fields, *, end: bool = True, encoder: Encoder | None = None) -> bytes:
    """A HEADERS frame; without an encoder that is kept, nothing is remembered from one to the next."""
    block = (encoder or Encoder()).encode(fields)
    return frame(Kind.HEADERS, END_HEADERS | (END_STREAM if end else 0), stream_id, block)


def reset(stream_id: int) -> bytes:
    return frame(Kind.RST_STREAM, 0, stream_id, (8).to_bytes(4, "big"))


def window_update(stream_id: int, size_bytes: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, 0, stream_id, size_bytes.to_bytes(4, "big"))


BEGIN = PREFACE + frame(Kind.SETTINGS)
"""What every client says first."""


def hear(server: Http2Connection, data: bytes, now_s: float = 0.0) -> list[Event]:
    """All events of some bytes that break no rule."""
    return list(server.receive(data, now_s))


def story(pieces: Iterable[bytes]) -> tuple[list[str], bytes, int | None]:
    """Events, output and the error's code of a connection that hears these pieces."""
    server, events = Http2Connection(), list[str]()
    try:
        for piece in pieces:
            for event in server.receive(piece, 0.0):
                events.append(repr(event))
    except RemoteProtocolError as error:
        assert server.is_over
        return events, server.take_output(), error.code
    return events, server.take_output(), None


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes of `data`, cut at places that `cuts` choose."""
    edges = [0, *sorted(at % (len(data) + 1) for at in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


class Client:
    """h2's client side, beside the server it talks to; no network in between."""

    def __init__(self, server: Http2Connection) -> None:
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.server = server
        self.h2.initiate_connection()
        self.bodies: dict[int, bytes] = {}
        self.heads: dict[int, dict[bytes, bytes]] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}

    def ask(self, fields: Fields) -> int:
        """Send one request; the stream it is on."""
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream_id, fields, end_stream=True)
        return stream_id

    def talk(self, now_s: float = 0.0) -> list[Event]:
        """Let each hear what the other has said, until both are silent; what the server understood."""
        events: list[Event] = []
        while (said := self.h2.data_to_send()) or (answer := self.server.take_output()):
            if said:
                events += hear(self.server, said, now_s)
            else:
                self._hear(answer)
        return events

    def _hear(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    self.heads[event.stream_id] = {bytes(name): bytes(value) for name, value in event.headers}
                case h2.events.DataReceived():
                    self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    self.ended.add(event.stream_id)
                case h2.events.StreamReset():
                    self.resets[event.stream_id] = int(event.error_code)
