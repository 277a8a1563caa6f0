"""Response heads of HLS and of the player pages: cheap, because one is built for every request.

A head is two parts. The first depends on a handful of settings and comes out of a cache, checked and rendered
by `response_head`; the second is what differs from request to request: lengths, ranges, the entity tag, the
request id. Everywhere here, `origin` is as in `responses`, and the same head is the whole answer to HEAD.

    playlists      a length, a tag, `Vary: Accept-Encoding`, freshness as the caller says
    media          segments, init segments and parts: names that are never used twice, so cached for ever
    growing        a body whose end is not known yet: chunked, or ended by the close for HTTP/1.0
    documents      HTML, scripts, styles, JSON
    not_modified   304 for any of them
    redirect       302

Nothing that varies by request may become part of a cached head: the cache would grow with the audience.
"""

from functools import lru_cache
from typing import Final

from engine.protocols.http.errors import LocalProtocolError
from engine.protocols.http.ranges import ByteRange
from engine.protocols.http.responses import connection_field, page_fields, response_head

#: RFC 8216 section 4: one of the two types a playlist may be known by.
PLAYLIST_TYPE: Final = "application/vnd.apple.mpegurl"
#: Registered by RFC 4337. Fragmented MP4 (RFC 8216 section 3.3) without video is served as this too: what a
#: file holds is in the CODECS of the multivariant playlist, and one stream's URLs keep one type.
MP4_TYPE: Final = "video/mp4"
#: Registered by RFC 3555 as video/MP2T (RFC 8216 section 3.2); types have no case.
TS_TYPE: Final = "video/mp2t"

HTML_TYPE: Final = "text/html; charset=utf-8"
SCRIPT_TYPE: Final = "text/javascript; charset=utf-8"
STYLE_TYPE: Final = "text/css; charset=utf-8"
JSON_TYPE: Final = "application/json"

#: RFC 8246: what has this name never changes. Its own example is a year, and caches take that for ever.
IMMUTABLE: Final = "public, max-age=31536000, immutable"
#: Kept by caches, asked about before each use (RFC 9111 section 5.2.2.4).
REVALIDATE: Final = "no-cache"
NO_STORE: Final = "no-store"

#: RFC 9112 section 7.1: what ends a chunk, and what ends them all.
CHUNK_END: Final = b"\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

#: Heads in the cache; types, cache settings and origins that one configuration has, many times over.
_CACHED_HEADS: Final = 256

Fields = tuple[tuple[str, str], ...]

_VARIES: Final = ("Vary", "Accept-Encoding")
_IN_GZIP: Final = ("Content-Encoding", "gzip")
_IN_PIECES: Final = ("Accept-Ranges", "bytes")
_CHUNKED: Final = ("Transfer-Encoding", "chunked")


def playlist_head(
    length: int,
    *,
    etag: str,
    cache_control: str,
    request_id: str,
    origin: str | None = None,
    keep_alive: bool = True,
    gzip: bool = False,
) -> bytes:
    """The head before a playlist of `length` bytes, which are compressed if `gzip` says so."""
    fields = (_VARIES, _IN_GZIP) if gzip else (_VARIES,)
    static = _static(200, PLAYLIST_TYPE, cache_control, keep_alive, origin, fields)
    return static + _tail(f"Content-Length: {length}\r\n{_tag_line(etag)}", request_id, etag)


def media_head(
    size: int,
    *,
    content_type: str,
    request_id: str,
    etag: str = "",
    piece: ByteRange | None = None,
    cache_control: str = IMMUTABLE,
    origin: str | None = None,
    keep_alive: bool = True,
) -> bytes:
    """The head before a file of `size` bytes, or before a `piece` of it.

    200, or 206 with the piece's place (RFC 9110 section 15.3.7).
    """
    status = 206 if piece else 200
    static = _static(status, content_type, cache_control, keep_alive, origin, (_IN_PIECES,))
    length = f"Content-Length: {piece.length if piece else size}\r\n"
    place = f"Content-Range: bytes {piece.first}-{piece.stop - 1}/{size}\r\n" if piece else ""  # section 14.4
    return static + _tail(f"{length}{place}{_tag_line(etag)}", request_id, etag)


def growing_head(
    *,
    content_type: str,
    request_id: str,
    http_version: str,
    cache_control: str = IMMUTABLE,
    origin: str | None = None,
    keep_alive: bool = True,
) -> bytes:
    """The head before a body whose length nobody knows yet, such as a part that is still being made.

    For HTTP/1.1 the body is `chunk`s and `LAST_CHUNK`. HTTP/1.0 knows no chunks (RFC 9112 section 6.1), so
    there the bytes follow as they are and the close ends them, whatever `keep_alive` says.
    """
    if http_version == "1.1":
        static = _static(200, content_type, cache_control, keep_alive, origin, (_CHUNKED,))
    else:
        static = _static(200, content_type, cache_control, False, origin, ())
    return static + _tail("", request_id)


def chunk(data: bytes) -> bytes:
    """One chunk. RFC 9112 section 7.1: an empty one would be the last, so nothing gives nothing."""
    return b"%b%b%b" % (chunk_opening(len(data)), data, CHUNK_END) if data else b""


def chunk_opening(length: int) -> bytes:
    """What goes before `length` bytes that are sent from where they lie; `CHUNK_END` goes after them."""
    if length <= 0:
        raise LocalProtocolError("a chunk has bytes in it")
    return b"%x\r\n" % length


def document_head(
    length: int,
    *,
    content_type: str,
    request_id: str,
    etag: str = "",
    cache_control: str = REVALIDATE,
    origin: str | None = None,
    keep_alive: bool = True,
    extra: Fields = (),
) -> bytes:
    """The head before a page, a script, a style or JSON; `extra` are the same fields for every request."""
    static = _static(200, content_type, cache_control, keep_alive, origin, extra)
    return static + _tail(f"Content-Length: {length}\r\n{_tag_line(etag)}", request_id, etag)


def not_modified_head(
    *,
    etag: str,
    cache_control: str,
    request_id: str,
    origin: str | None = None,
    keep_alive: bool = True,
    varies: bool = False,
) -> bytes:
    """The whole answer to a client that has it already; `varies` where the 200 would carry Vary.

    RFC 9110 section 15.4.5: the fields that a cache updates what it holds from, and no others.
    """
    static = _static(304, "", cache_control, keep_alive, origin, (_VARIES,) if varies else ())
    return static + _tail(_tag_line(etag), request_id, etag)


def redirect_response(
    location: str, *, request_id: str, origin: str | None = None, keep_alive: bool = True
) -> bytes:
    """302: what was asked for is at `location` for now, a URL in its percent-encoded form."""
    if not location:
        raise LocalProtocolError("a redirect leads somewhere")
    static = _static(302, "", NO_STORE, keep_alive, origin, ())
    return static + _tail(f"Content-Length: 0\r\nLocation: {location}\r\n", request_id, location)


@lru_cache(maxsize=_CACHED_HEADS)
def _static(
    status: int, content_type: str, cache_control: str, keep_alive: bool, origin: str | None, extra: Fields
) -> bytes:
    """The part of a head that many requests share, without the empty line."""
    head = response_head(
        status,
        [
            *([("Content-Type", content_type)] if content_type else []),
            ("Cache-Control", cache_control),
            connection_field(keep_alive),
            *page_fields(origin),
            *extra,
        ],
    )
    return head[: -len(b"\r\n")]


def _tail(lines: str, request_id: str, text: str = "") -> bytes:
    """The rest of a head: `lines` that differ, with `text` the part of them that is not digits of ours."""
    given = text + request_id
    if not (given.isascii() and given.isprintable()):
        raise LocalProtocolError("header field cannot be sent")
    return f"{lines}X-Request-Id: {request_id}\r\n\r\n".encode("ascii")


def _tag_line(etag: str) -> str:
    return f"ETag: {etag}\r\n" if etag else ""
