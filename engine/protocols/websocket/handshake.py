"""The opening handshake, RFC 6455 section 4.2, without extensions and subprotocols.

Compression is never negotiated: media does not shrink, and every player would need its own copy of
the bytes. An offered subprotocol is left unanswered, as section 4.2.2 allows; the client then decides
whether it stays.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final, Protocol

from engine.protocols.websocket import limits
from engine.protocols.websocket.errors import LocalProtocolError, RemoteProtocolError

#: RFC 6455 section 1.3.
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class UpgradeRequest(Protocol):
    """What the handshake needs to know of an HTTP request."""

    @property
    def method(self) -> str: ...
    @property
    def http_version(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def is_websocket(self) -> bool: ...


def accept_response(request: UpgradeRequest, request_id: str) -> bytes:
    """The 101 head that turns `request`'s connection into a WebSocket.

    Raises `RemoteProtocolError`: 426 when the version is not 13, 400 for everything else.
    """
    if not _REQUEST_ID.fullmatch(request_id):
        raise LocalProtocolError("request id is not a plain token")
    _check_request(request)
    key = _checked_key(request.headers.get("sec-websocket-key", ""))
    lines = (
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {_accept_token(key)}",
        f"X-Request-Id: {request_id}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _check_request(request: UpgradeRequest) -> None:
    if not request.is_websocket or request.method != "GET" or request.http_version != "1.1":
        raise RemoteProtocolError("not a WebSocket handshake", reply=400)
    if request.headers.get("sec-websocket-version", "").strip() != "13":
        raise RemoteProtocolError("WebSocket version 13 is the only one", reply=426)


def _checked_key(key: str) -> bytes:
    try:
        raw = base64.b64decode(key, validate=True)
    except ValueError:  # not base64, or not ASCII
        raw = b""
    if len(raw) != limits.KEY_BYTES:
        raise RemoteProtocolError("Sec-WebSocket-Key is not 16 bytes in base64", reply=400)
    return key.encode("ascii")


def _accept_token(key: bytes) -> str:
    digest = hashlib.sha1(key + GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")
