"""One request head, read and checked."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from engine.protocols.http import limits
from engine.protocols.http.errors import RemoteProtocolError
from engine.protocols.http.target import parse_target

Field = tuple[bytes, bytes]

METHODS = ("GET", "HEAD", "OPTIONS")
VERSIONS = ("1.0", "1.1")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a client of the media port asked for."""

    #: GET, HEAD or OPTIONS; everything else was refused.
    method: str
    #: Decoded; begins with a slash, or is "*" (OPTIONS only).
    path: str
    #: Decoded parameters, each name once. Other requests may have the same object, here and below.
    query: Mapping[str, str]
    #: Names in lower case; a field sent several times is joined with ", " (RFC 9110 section 5.3).
    headers: Mapping[str, str]
    #: "1.0", "1.1" or "2".
    http_version: str
    #: The client asked to go on as WebSocket (the handshake itself is still unchecked).
    is_websocket: bool
    #: The client's x-request-id if it is a plain token, else None and the caller makes one.
    request_id: str | None
    #: Cut to what a log line may carry.
    user_agent: str
    #: Bytes that came after the head: the first WebSocket frames of a hasty client.
    trailing: bytes
    #: The connection may carry another request after the answer, if the answer allows it.
    keep_alive: bool = False


def check_start_line(method: str, http_version: str) -> None:
    """Refuse what this server does not speak; raises `RemoteProtocolError` 505 or 405."""
    if http_version not in VERSIONS:
        raise RemoteProtocolError("HTTP/1.0 or HTTP/1.1 only", reply=505)
    check_method(method)


def check_method(method: str) -> None:
    """Refuse what cannot be done here; raises `RemoteProtocolError` 405."""
    if method not in METHODS:
        raise RemoteProtocolError("method not allowed", reply=405)


def build_request(method: str, target: bytes, fields: Sequence[Field], http_version: str) -> Request:
    """Check one parsed head of HTTP/1; raises `RemoteProtocolError` with the status to answer."""
    check_start_line(method, http_version)
    headers = collect_headers(fields)
    is_websocket = _asks_for_websocket(headers)
    return request_of(
        method,
        target,
        headers,
        http_version,
        is_websocket=is_websocket,
        keep_alive=not is_websocket and _keeps_alive(headers, http_version),
    )


def request_of(
    method: str,
    target: bytes,
    headers: dict[str, str],
    http_version: str,
    *,
    is_websocket: bool = False,
    keep_alive: bool = True,
) -> Request:
    """What is checked alike whatever version of HTTP it came over; raises `RemoteProtocolError`."""
    _refuse_body(headers)
    path, query = parse_target(target)
    if path == "*" and method != "OPTIONS":
        raise RemoteProtocolError("only OPTIONS may ask for *")
    return Request(
        method=method,
        path=path,
        query=query,
        headers=headers,
        http_version=http_version,
        is_websocket=is_websocket,
        request_id=_request_id(headers),
        user_agent=headers.get("user-agent", "")[: limits.MAX_USER_AGENT_CHARS],
        trailing=b"",
        keep_alive=keep_alive,
    )


def collect_headers(fields: Sequence[Field]) -> dict[str, str]:
    """Header fields as one map; at most `MAX_HEADERS` lines."""
    if len(fields) > limits.MAX_HEADERS:
        raise RemoteProtocolError("too many header fields", reply=431)
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _refuse_body(headers: dict[str, str]) -> None:
    if "transfer-encoding" in headers or headers.get("content-length", "0").strip("0"):
        raise RemoteProtocolError("a media request has no body", reply=413)


def _asks_for_websocket(headers: dict[str, str]) -> bool:
    return _has_token(headers, "upgrade", "websocket") and _has_token(headers, "connection", "upgrade")


def _keeps_alive(headers: dict[str, str], http_version: str) -> bool:
    """RFC 9112 section 9.3, in its order: close is heard first, and HTTP/1.0 has to ask."""
    if "connection" not in headers:
        return http_version == "1.1"
    if _has_token(headers, "connection", "close"):
        return False
    return http_version == "1.1" or _has_token(headers, "connection", "keep-alive")


def _has_token(headers: dict[str, str], name: str, token: str) -> bool:
    given = headers.get(name)
    if given is None:
        return False
    given = given.lower()
    return token in given and any(piece.strip() == token for piece in given.split(","))


def _request_id(headers: dict[str, str]) -> str | None:
    given = headers.get("x-request-id")
    return given if given is not None and _REQUEST_ID.fullmatch(given) else None
