"""Heads and small answers of the media port, as values; `heads` says what becomes of them on the wire.

An HTTP-FLV answer has no length: over HTTP/1 it ends with its connection, since a live stream has no end that
chunked framing could announce earlier than the close does, and chunk headers would cost each player its own
bytes. What HLS is answered with is in `media_responses`. The `Date` field is left out; RFC 9110 section
6.6.1 allows that to a server without a clock, which this machine is.
"""

from collections.abc import Iterable

from engine.protocols.http.errors import RemoteProtocolError
from engine.protocols.http.heads import Answer, Field, Fields, Head, Shared, phrase
from engine.protocols.http.request import METHODS

#: How long a browser may remember a preflight answer; a day, which browsers cut to their own cap.
PREFLIGHT_MAX_AGE_S = 86_400

#: What a page's script may read of an answer, beside what the Fetch standard lets it read anyway.
EXPOSED_HEADERS = "Content-Range, ETag, X-Request-Id"

#: What credentials are for (RFC 9110 section 11.5): one realm, since a key may open several streams.
REALM = "fanlight"

#: Fields that a status is required to come with: RFC 9110 sections 15.5.6 and 15.5.22, RFC 6455 section 4.4.
_REQUIRED: dict[int, Fields] = {
    405: (("Allow", ", ".join(METHODS)),),
    426: (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")),
}


def flv_head(origin: str | None, request_id: str) -> Head:
    """The head before an endless FLV body; also the whole answer to HEAD.

    Here and below, `origin` is the page that may read the answer: "*" or None for any, "" for none but
    our own.
    """
    first = (("Content-Type", "video/x-flv"), ("Cache-Control", "no-cache, no-store"))
    return Head(Shared(200, first, _common(origin, request_id)))


def plain_answer(
    status: int,
    text: str,
    *,
    request_id: str,
    origin: str | None = None,
    extra: Iterable[Field] = (),
) -> Answer:
    """A short text."""
    phrase(status)  # HTTP/2 would say any number
    body = text.encode()
    first = (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    )
    rest = (*_common(origin, request_id), *_REQUIRED.get(status, ()), *extra)
    return Answer(Head(Shared(status, first, rest)), body)


def error_answer(error: RemoteProtocolError, *, request_id: str, origin: str | None = None) -> Answer:
    """The refusal that `error` asks for."""
    return plain_answer(error.reply, f"{error}\n", request_id=request_id, origin=origin, extra=error.fields)


def preflight_head(origin: str | None, request_id: str) -> Head:
    """The whole answer to OPTIONS: every page may play, with these methods and fields."""
    first = (
        ("Allow", ", ".join(METHODS)),
        ("Access-Control-Allow-Methods", ", ".join(METHODS)),
        ("Access-Control-Allow-Headers", "Authorization, Content-Type, Range, X-Request-Id"),
        ("Access-Control-Max-Age", str(PREFLIGHT_MAX_AGE_S)),
    )
    return Head(Shared(204, first, _common(origin, request_id)))


def challenges(*, basic: bool) -> Fields:
    """What has to come with 401 (RFC 9110 section 15.5.2): how to say who one is.

    basic: whether a password may be asked for. Browsers open a dialogue for it, which helps somebody who came
    with nothing, and only puzzles one whose link or token has run out.
    """
    bearer = ("WWW-Authenticate", f'Bearer realm="{REALM}"')
    return (("WWW-Authenticate", f'Basic realm="{REALM}", charset="UTF-8"'), bearer) if basic else (bearer,)


def page_fields(origin: str | None) -> Fields:
    """What browsers want to know of every answer: who may read it, and that its type is no guess."""
    return (
        *_cross_origin(origin),
        ("Access-Control-Expose-Headers", EXPOSED_HEADERS),
        ("X-Content-Type-Options", "nosniff"),
    )


def _common(origin: str | None, request_id: str) -> Fields:
    return (*page_fields(origin), ("X-Request-Id", request_id))


def _cross_origin(origin: str | None) -> Fields:
    # Echoed, not starred: a proxy in front that adds Allow-Credentials may not do so beside a star.
    if not origin:
        return () if origin is not None else (("Access-Control-Allow-Origin", "*"),)
    if origin == "*":
        return (("Access-Control-Allow-Origin", "*"),)
    return (("Access-Control-Allow-Origin", origin), ("Vary", "Origin"))
