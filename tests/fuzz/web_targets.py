"""The media port: requests, what they ask for, and what players say on a WebSocket."""

from engine.access import BadName, parse_stream_name
from engine.protocols import websocket
from engine.protocols.http import RemoteProtocolError, Request, RequestReader, parse_route
from engine.protocols.websocket import ClientFrames, Event
from tests.engine.http2.talk import BEGIN, GET, frame, headers, reset, story, window_update
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
    b"Connection: close\r\n",
    b"GET /a.flv HTTP/1.1\r\nHost: a\r\n\r\n",
    b"%2e%2e",
    b"%00",
    b"%",
    b"/",
    b".flv",
    b"?start=live",
)
FRAME_WORDS = (b"\x89\x80\x00\x00\x00\x00", b"\x88\x80", b"\x81\xfe", b"\x82\xff", b"\x00\x80", b"\x03\xe8")

#: Frames as a client sends them, and beginnings of such.
STREAM_WORDS = (
    BEGIN,
    headers(1, GET),
    headers(3, GET, end=False),
    frame(4),
    frame(4, 0, 0, b"\x00\x04\x00\x00\x00\x00"),
    frame(4, 1),
    frame(6, 0, 0, bytes(8)),
    frame(0, 1, 3),
    frame(9, 4, 1),
    reset(1),
    window_update(0, 1),
    b"\x00\x00\x05\x02\x00\x00\x00\x00",
    b"\x40\x01a\x7f\xff",
    b"\x3f\xe1\x1f",
)


def answer_requests(pieces: Pieces) -> tuple[list[str], bytes]:
    """As a connection does it: every request in turn, to the stream's name; and what came behind the last."""
    reader, answers, behind = RequestReader(), list[str](), b""
    try:
        for piece in pieces:
            if reader.is_over:
                behind += piece
                continue
            request = reader.receive(piece)
            while request is not None:
                answers.append(_ask(request))
                behind += request.trailing
                request = reader.next()
    except RemoteProtocolError as error:
        assert reader.is_over
        answers.append(str(error.reply))
    return answers, behind


def _ask(request: Request) -> str:
    try:
        route = parse_route(request.path, request.query)
    except RemoteProtocolError as error:  # the request's own affair: the next one is read all the same
        return str(error.reply)
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


def open_streams(pieces: Pieces) -> object:
    """What a server of HTTP/2 understands, says by itself, and ends with."""
    return story(pieces)


WEB_TARGETS = (
    Target(name="http_head", run=answer_requests, words=HEAD_WORDS, lines_per_byte=15, bytes_per_byte=250),
    Target(
        name="http2",
        run=open_streams,
        words=STREAM_WORDS,
        lines_per_byte=100,
        bytes_per_byte=600,
        fixed_bytes=256 * 1024,
    ),
    Target(name="websocket", run=hear_frames, words=FRAME_WORDS, lines_per_byte=50, bytes_per_byte=120),
)
