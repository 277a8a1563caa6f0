"""Response heads and small answers of the media port, as bytes.

An HTTP-FLV response closes its connection: a live stream has no length and no end that chunked framing could
announce earlier than the close does, and chunk headers would cost each player its own bytes. Small answers
close theirs too unless they are told to keep it alive. What HLS is answered with is in `media_responses`.
The `Date` field is left out; RFC 9110 section 6.6.1 allows that to a server without a clock, which this
machine is.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus

from engine.protocols.http.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.http.request import METHODS

Headers = Iterable[tuple[str, str]]

#: How long a browser may remember a preflight answer; a day, which browsers cut to their own cap.
PREFLIGHT_MAX_AGE_S = 86_400

#: What a page's script may read of an answer, beside what the Fetch standard lets it read anyway.
EXPOSED_HEADERS = "Content-Range, ETag, X-Request-Id"

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

#: Fields that a status is required to come with: RFC 9110 sections 15.5.6 and 15.5.22, RFC 6455 section 4.4.
_REQUIRED: dict[int, tuple[tuple[str, str], ...]] = {
    405: (("Allow", ", ".join(METHODS)),),
    426: (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")),
}


def response_head(status: int, headers: Headers) -> bytes:
    """A status line, the fields in the order given, and the empty line."""
    lines = [f"HTTP/1.1 {status} {_phrase(status)}"]
    lines += [_field(name, value) for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def flv_response(origin: str | None, request_id: str) -> bytes:
    """The head before an endless FLV body; also the whole answer to HEAD.

    Here and below, `origin` is the page that may read the answer: "*" or None for any, "" for none but
    our own.
    """
    return response_head(
        200,
        [
            ("Content-Type", "video/x-flv"),
            ("Cache-Control", "no-cache, no-store"),
            ("Connection", "close"),
            *_common(origin, request_id),
        ],
    )


def plain_response(
    status: int,
    text: str,
    *,
    request_id: str,
    origin: str | None = None,
    head_only: bool = False,
    keep_alive: bool = False,
    extra: Headers = (),
) -> bytes:
    """A short text answer; `head_only` leaves the body out, as the answer to HEAD must."""
    body = text.encode()
    head = response_head(
        status,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            connection_field(keep_alive),
            *_common(origin, request_id),
            *_REQUIRED.get(status, ()),
            *extra,
        ],
    )
    return head if head_only else head + body


def error_response(
    error: RemoteProtocolError,
    *,
    request_id: str,
    origin: str | None = None,
    head_only: bool = False,
    keep_alive: bool = False,
) -> bytes:
    """The refusal that `error` asks for. After a head that was not understood, `keep_alive` must be False."""
    return plain_response(
        error.reply,
        f"{error}\n",
        request_id=request_id,
        origin=origin,
        head_only=head_only,
        keep_alive=keep_alive,
        extra=error.fields,
    )


def preflight_response(origin: str | None, request_id: str, *, keep_alive: bool = False) -> bytes:
    """The answer to OPTIONS: every page may play, with these methods and fields."""
    return response_head(
        204,
        [
            ("Allow", ", ".join(METHODS)),
            ("Access-Control-Allow-Methods", ", ".join(METHODS)),
            ("Access-Control-Allow-Headers", "Authorization, Content-Type, Range, X-Request-Id"),
            ("Access-Control-Max-Age", str(PREFLIGHT_MAX_AGE_S)),
            connection_field(keep_alive),
            *_common(origin, request_id),
        ],
    )


def connection_field(keep_alive: bool) -> tuple[str, str]:
    """RFC 9112 section 9.6; said in both cases, since an HTTP/1.0 client has to hear that it was kept."""
    return ("Connection", "keep-alive" if keep_alive else "close")


def page_fields(origin: str | None) -> list[tuple[str, str]]:
    """What browsers want to know of every answer: who may read it, and that its type is no guess."""
    return [
        *_cross_origin(origin),
        ("Access-Control-Expose-Headers", EXPOSED_HEADERS),
        ("X-Content-Type-Options", "nosniff"),
    ]


def _common(origin: str | None, request_id: str) -> list[tuple[str, str]]:
    return [*page_fields(origin), ("X-Request-Id", request_id)]


def _cross_origin(origin: str | None) -> list[tuple[str, str]]:
    # Echoed, not starred: a proxy in front that adds Allow-Credentials may not do so beside a star.
    if not origin:
        return [] if origin is not None else [("Access-Control-Allow-Origin", "*")]
    if origin == "*":
        return [("Access-Control-Allow-Origin", "*")]
    return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        raise LocalProtocolError(f"{status} is no HTTP status") from None


def _field(name: str, value: str) -> str:
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise LocalProtocolError(f"header field {name!r} cannot be sent")
    return f"{name}: {value}"
