"""Ways to bring the same bytes to a reader: whole, byte by byte, cut anywhere."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from engine.protocols.http import RemoteProtocolError, Request, RequestReader

#: What Chromium sends for a media playlist: nine fields.
BROWSER = (
    b"GET /live/show/media.m3u8?_HLS_msn=1234&_HLS_part=2 HTTP/1.1\r\nHost: media.example:8080\r\n"
    b"Connection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
    b"(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\nAccept: */*\r\nOrigin: https://page.example\r\n"
    b"Referer: https://page.example/watch/1\r\nAccept-Encoding: gzip, deflate, br\r\n"
    b'Accept-Language: en-GB,en;q=0.9\r\nIf-None-Match: "0123456789abcdef"\r\n\r\n'
)
PLAIN = b"GET /live/show.flv?start=live HTTP/1.1\r\nHost: media.example\r\nUser-Agent: VLC/3\r\n\r\n"
OLD = b"GET /live/show.m3u8 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
LAST = b"GET /live/show.m3u8 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
UPGRADE = (
    b"GET /live/show.flv HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
#: An offer that nobody takes up: RFC 9110 section 7.8 lets a server ignore it.
OFFER = (
    b"GET /live/show.m3u8 HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
)


def with_field(line: bytes) -> bytes:
    """A plain head with one more line in it."""
    return PLAIN[:-2] + line + b"\r\n\r\n"


def pieces_of(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The bytes of `data`, cut at places that `cuts` choose."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return (data[begin:end] for begin, end in pairwise(edges))


def read_all(data: bytes, cuts: list[int]) -> tuple[list[Request | int], bytes]:
    """Every request of `data` in its order, then the status of the refusal if there was one; and what came
    behind the last request, which a connection would hand on.
    """
    reader, story, behind = RequestReader(), list[Request | int](), b""
    try:
        for piece in pieces_of(data, cuts):
            request = None if reader.is_over else reader.receive(piece)
            behind += piece if reader.is_over and request is None else b""
            while request is not None:
                behind += request.trailing
                story.append(msgspec.structs.replace(request, trailing=b""))
                request = reader.next()
    except RemoteProtocolError as error:
        story.append(error.reply)
    return story, behind


def refusal_of(head: bytes) -> int | None:
    """The status that a head is refused with; None if it is not."""
    try:
        RequestReader().receive(head)
    except RemoteProtocolError as error:
        return error.reply
    return None
