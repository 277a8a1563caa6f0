"""HTTP on the media port: request heads in, response heads out.

HTTP-FLV is a head and then the ring's own bytes until the connection closes; HLS is many small requests on
connections that are kept. Reading is `RequestReader`, one request after the other; heads are values, which
the builders of `responses` and `media_responses` make and `http1_head` writes down; `routes` says what a
path means, `ranges` and `conditional` how much of it is wanted.
"""

from engine.protocols.http.coding import takes_gzip
from engine.protocols.http.conditional import etag_of, is_not_modified, range_holds
from engine.protocols.http.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.http.heads import (
    Answer,
    Fields,
    Head,
    Shared,
    answer_to,
    http1_head,
    http2_fields,
    settled,
)
from engine.protocols.http.media_responses import (
    CHUNK_END,
    LAST_CHUNK,
    chunk,
    chunk_opening,
    document_head,
    growing_head,
    media_head,
    not_modified_head,
    playlist_head,
    redirect_head,
)
from engine.protocols.http.ranges import ByteRange, parse_range
from engine.protocols.http.request import Request
from engine.protocols.http.requests import RequestReader
from engine.protocols.http.responses import (
    challenges,
    error_answer,
    flv_head,
    plain_answer,
    preflight_head,
)
from engine.protocols.http.routes import Route, RouteKind, StartMode, parse_route

__all__ = [
    "CHUNK_END",
    "LAST_CHUNK",
    "Answer",
    "ByteRange",
    "Fields",
    "Head",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "Request",
    "RequestReader",
    "Route",
    "RouteKind",
    "Shared",
    "StartMode",
    "answer_to",
    "challenges",
    "chunk",
    "chunk_opening",
    "document_head",
    "error_answer",
    "etag_of",
    "flv_head",
    "growing_head",
    "http1_head",
    "http2_fields",
    "is_not_modified",
    "media_head",
    "not_modified_head",
    "parse_range",
    "parse_route",
    "plain_answer",
    "playlist_head",
    "preflight_head",
    "range_holds",
    "redirect_head",
    "settled",
    "takes_gzip",
]
