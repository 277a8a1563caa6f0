"""The media port: request heads, what they ask for, and what players say on a WebSocket."""

from engine.access import BadName, parse_stream_name
from engine.protocols import websocket
from engine.protocols.http import HeadReader, RemoteProtocolError, Request, parse_route
from engine.protocols.websocket import ClientFrames, Event
from tests.fuzz.target import Pieces, Target

HEAD_WORDS = (
    b"\r\n",
    b"\r\n\r\n",
    b": ",
    b"GET ",
    b" HTTP/1.1",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: a\r\n",
    b"%2e%2e",
    b"%00",
    b"%",
    b"/",
    b".flv",
    b"?start=live",
)
FRAME_WORDS = (b"\x89\x80\x00\x00\x00\x00", b"\x88\x80", b"\x81\xfe", b"\x82\xff", b"\x00\x80", b"\x03\xe8")


def answer_head(pieces: Pieces) -> tuple[str, bytes]:
    """As a connection does it, from the first byte to the stream's name; and what came behind the head."""
    reader, request, behind = HeadReader(), None, b""
    try:
        for piece in pieces:
            if request is not None:
                behind += piece
            elif (request := reader.receive(piece)) is not None:
                behind = request.trailing
        return _ask(request), behind
    except RemoteProtocolError as error:
        return str(error.reply), b""


def _ask(request: Request | None) -> str:
    if request is None:
        return "more"
    route = parse_route(request.path, request.query)
    try:
        name = parse_stream_name(route.raw_name)
        if request.is_websocket:
            websocket.accept_response(request, "id")
    except (BadName, websocket.RemoteProtocolError) as error:
        return str(error)
    assert name.isascii()
    assert ".." not in name.split("/")
    return f"{name} {route.start}"


def hear_frames(pieces: Pieces) -> tuple[list[Event], int | None]:
    frames, events = ClientFrames(), list[Event]()
    try:
        for piece in pieces:
            events.extend(frames.receive(piece, 0.0))
    except websocket.RemoteProtocolError as error:
        assert frames.closed
        return events, error.reply
    return events, None


WEB_TARGETS = (
    Target(name="http_head", run=answer_head, words=HEAD_WORDS, lines_per_byte=15, bytes_per_byte=250),
    Target(name="websocket", run=hear_frames, words=FRAME_WORDS, lines_per_byte=50, bytes_per_byte=120),
)
