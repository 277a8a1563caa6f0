"""Response heads of HLS and of the player pages: cheap, because one is built for every request.

What depends on a handful of settings comes out of a cache; what differs from request to request is put
beside it: lengths, ranges, the entity tag, the request id. Everywhere here, `origin` is as in `responses`,
and the same head is the whole answer to HEAD.

    playlists      a length, a tag, `Vary: Accept-Encoding`, freshness as the caller says
    media          segments, init segments and parts: names that are never used twice, so cached for ever
    growing        a body whose end is not known yet
    documents      HTML, scripts, styles, JSON
    not_modified   304 for any of them
    redirect       302

A head without a request id is for `heads.settled`, which keeps it for all who ask for the same thing.

Nothing that varies by request may become part of a cached head: the cache would grow with the audience.
"""

from functools import lru_cache
from typing import Final

from engine.protocols.http.errors import LocalProtocolError
from engine.protocols.http.heads import Field, Fields, Head, Shared, checked_text
from engine.protocols.http.ranges import ByteRange
from engine.protocols.http.responses import page_fields

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

_VARIES: Final = ("Vary", "Accept-Encoding")
_IN_GZIP: Final = ("Content-Encoding", "gzip")
_IN_PIECES: Final = ("Accept-Ranges", "bytes")


def playlist_head(
    length: int,
    *,
    etag: str,
    cache_control: str,
    request_id: str,
    origin: str | None = None,
    gzip: bool = False,
) -> Head:
    """The head before a playlist of `length` bytes, which are compressed if `gzip` says so."""
    fields = (_VARIES, _IN_GZIP) if gzip else (_VARIES,)
    shared = _shared(200, PLAYLIST_TYPE, cache_control, origin, fields)
    return Head(shared, _own(_length(length), etag=etag, request_id=request_id))


def media_head(
    size: int,
    *,
    content_type: str,
    request_id: str,
    etag: str = "",
    piece: ByteRange | None = None,
    cache_control: str = IMMUTABLE,
    origin: str | None = None,
) -> Head:
    """The head before a file of `size` bytes, or before a `piece` of it.

    200, or 206 with the piece's place (RFC 9110 section 15.3.7).
    """
    shared = _shared(206 if piece else 200, content_type, cache_control, origin, (_IN_PIECES,))
    if piece is None:
        return Head(shared, _own(_length(size), etag=etag, request_id=request_id))
    place = ("Content-Range", f"bytes {piece.first}-{piece.stop - 1}/{size}")  # section 14.4
    return Head(shared, _own(_length(piece.length), place, etag=etag, request_id=request_id))


def growing_head(
    *, content_type: str, request_id: str, cache_control: str = IMMUTABLE, origin: str | None = None
) -> Head:
    """The head before a body whose length nobody knows yet, such as a part that is still being made.

    Over HTTP/1.1 the body is `chunk`s and `LAST_CHUNK`.
    """
    shared = _shared(200, content_type, cache_control, origin, ())
    return Head(shared, _own(request_id=request_id), growing=True)


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
    extra: Fields = (),
) -> Head:
    """The head before a page, a script, a style or JSON; `extra` are the same fields for every request."""
    shared = _shared(200, content_type, cache_control, origin, extra)
    return Head(shared, _own(_length(length), etag=etag, request_id=request_id))


def not_modified_head(
    *, etag: str, cache_control: str, request_id: str, origin: str | None = None, varies: bool = False
) -> Head:
    """The whole answer to a client that has it already; `varies` where the 200 would carry Vary.

    RFC 9110 section 15.4.5: the fields that a cache updates what it holds from, and no others.
    """
    shared = _shared(304, "", cache_control, origin, (_VARIES,) if varies else ())
    return Head(shared, _own(etag=etag, request_id=request_id))


def redirect_head(location: str, *, request_id: str, origin: str | None = None) -> Head:
    """302: what was asked for is at `location` for now, a URL in its percent-encoded form."""
    if not location:
        raise LocalProtocolError("a redirect leads somewhere")
    shared = _shared(302, "", NO_STORE, origin, ())
    where = ("Location", checked_text(location))
    return Head(shared, _own(_length(0), where, request_id=request_id))


@lru_cache(maxsize=_CACHED_HEADS)
def _shared(status: int, content_type: str, cache_control: str, origin: str | None, extra: Fields) -> Shared:
    """The part of a head that many requests share."""
    first: Fields = (("Content-Type", content_type),) if content_type else ()
    return Shared(status, (*first, ("Cache-Control", cache_control)), (*page_fields(origin), *extra))


def _own(*fields: Field, etag: str = "", request_id: str) -> Fields:
    """Fields that differ; of those given, the text is digits of ours or checked already."""
    checked_text(etag + request_id)
    if etag:
        fields = (*fields, ("ETag", etag))
    return (*fields, ("X-Request-Id", request_id)) if request_id else fields


def _length(length: int) -> Field:
    return ("Content-Length", str(length))
