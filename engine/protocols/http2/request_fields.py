"""A request's fields, checked and turned into the request that HTTP/1 would have made of it.

RFC 9113 section 8.2 says what makes a request malformed. Requests are smuggled with the very same things once
somebody writes them down as HTTP/1, so all of it is refused here, by an answer of the stream's own: nothing
of it endangers the others. h2's checks of the same are off: they look at every character in Python, and would
end the whole connection.
"""

import re
from collections.abc import Sequence
from typing import Final

from engine.protocols.http import RemoteProtocolError, Request
from engine.protocols.http.limits import MAX_HEAD_BYTES
from engine.protocols.http.request import check_method, collect_headers, request_of

Field = tuple[bytes, bytes]

#: RFC 9113 section 8.3.1. `:protocol` (RFC 8441) is not offered, so nobody may send it.
PSEUDO: Final = (b":method", b":scheme", b":authority", b":path")

#: RFC 9113 section 8.2.2.
_OF_THE_CONNECTION: Final = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade")
)

#: RFC 9113 section 8.2.1, and RFC 9110 sections 5.1 and 5.5: more narrow, and what HTTP/1 is held to.
_NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-z]++")
_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*+(?<![\t\x20]))?+)?+")
#: As in the request line of HTTP/1: RFC 9112 section 3.2, and RFC 3986 section 3.2 without user information.
_PATH = re.compile(rb"/[\x21-\x7e]*+|\*")
_AUTHORITY = re.compile(rb"[-._~!$&'()*+,;=%\[\]:0-9A-Za-z]++")

#: RFC 9112 section 5: the colon, the space and the line end of a field line, for a fair count.
_PER_FIELD_BYTES: Final = 4


def read_request(fields: Sequence[Field]) -> Request:
    """The request that these fields are; raises `http.RemoteProtocolError` with the status to answer."""
    if sum([len(name) + len(value) + _PER_FIELD_BYTES for name, value in fields]) > MAX_HEAD_BYTES:
        raise RemoteProtocolError("request head too large", reply=431)
    pseudo, regular = _parted(fields)
    headers = collect_headers(regular)
    if "cookie" in headers:  # section 8.2.3: what was one field in HTTP/1 may come in crumbs
        headers["cookie"] = "; ".join(v.decode("latin-1") for name, v in regular if name == b"cookie")
    method = pseudo.get(b":method", b"").decode("latin-1")
    if not method:
        raise RemoteProtocolError("a request has a method")
    check_method(method)
    target = _target(pseudo)
    headers["host"] = _host(pseudo, headers)
    return request_of(method, target, headers, "2")


def is_head(fields: Sequence[Field]) -> bool:
    """Whether these fields ask for a head alone; for a refusal, which then has no body."""
    return (b":method", b"HEAD") in fields[: len(PSEUDO)]


def _parted(fields: Sequence[Field]) -> tuple[dict[bytes, bytes], list[Field]]:
    """Pseudo-header fields, which come first, and all others; each checked by itself."""
    pseudo: dict[bytes, bytes] = {}
    regular: list[Field] = []
    for name, value in fields:
        if not _VALUE.fullmatch(value):
            raise RemoteProtocolError("malformed field value")
        if name[:1] == b":":
            if name not in PSEUDO or name in pseudo or regular:
                raise RemoteProtocolError("malformed pseudo-header fields")
            pseudo[name] = value
        else:
            _check_name(name, value)
            regular.append((name, value))
    return pseudo, regular


def _check_name(name: bytes, value: bytes) -> None:
    if not _NAME.fullmatch(name):
        raise RemoteProtocolError("malformed field name")
    if name in _OF_THE_CONNECTION or (name == b"te" and value.lower() != b"trailers"):
        raise RemoteProtocolError(f"{name.decode('ascii')} is about HTTP/1's connections")


def _target(pseudo: dict[bytes, bytes]) -> bytes:
    if pseudo.get(b":scheme") not in (b"https", b"http"):
        raise RemoteProtocolError("a request has a scheme, http or https")
    target = pseudo.get(b":path", b"")
    if not _PATH.fullmatch(target):
        raise RemoteProtocolError("request target is not a path")
    return target


def _host(pseudo: dict[bytes, bytes], headers: dict[str, str]) -> str:
    """RFC 9113 section 8.3.1: the authority, or Host, and never two different ones."""
    host = headers.get("host")
    authority = pseudo.get(b":authority")
    if authority is not None and host is not None and host.encode("latin-1") != authority:
        raise RemoteProtocolError("a request names one host")
    named = authority if authority is not None else (host or "").encode("latin-1")
    if not _AUTHORITY.fullmatch(named):
        raise RemoteProtocolError("a request names one host")
    return named.decode("ascii")
