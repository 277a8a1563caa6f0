"""Response heads and small answers of the media port, as bytes.

Every response closes its connection: a live stream has no length and no end that chunked framing could
announce earlier than the close does, and chunk headers would cost each player its own bytes. The `Date` field
is left out; RFC 9110 section 6.6.1 allows that to a server without a clock, which this machine is.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus

from engine.protocols.http.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.http.request import METHODS

Headers = Iterable[tuple[str, str]]

#: How long a browser may remember a preflight answer; a day, which browsers cut to their own cap.
PREFLIGHT_MAX_AGE_S = 86_400

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
            ("Connection", "close"),
            *_common(origin, request_id),
            *_REQUIRED.get(status, ()),
            *extra,
        ],
    )
    return head if head_only else head + body


def error_response(error: RemoteProtocolError, *, request_id: str, origin: str | None = None) -> bytes:
    """The refusal that `error` asks for."""
    return plain_response(error.reply, f"{error}\n", request_id=request_id, origin=origin)


def preflight_response(origin: str | None, request_id: str) -> bytes:
    """The answer to OPTIONS: every page may play, with these methods and fields."""
    return response_head(
        204,
        [
            ("Allow", ", ".join(METHODS)),
            ("Access-Control-Allow-Methods", ", ".join(METHODS)),
            ("Access-Control-Allow-Headers", "Authorization, Content-Type, Range, X-Request-Id"),
            ("Access-Control-Max-Age", str(PREFLIGHT_MAX_AGE_S)),
            ("Connection", "close"),
            *_common(origin, request_id),
        ],
    )


def _common(origin: str | None, request_id: str) -> list[tuple[str, str]]:
    return [
        *_cross_origin(origin),
        ("Access-Control-Expose-Headers", "X-Request-Id"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Request-Id", request_id),
    ]


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
