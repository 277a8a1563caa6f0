"""The head of an answer as a value, before any version of HTTP has written it down.

Every head is two parts. What many answers have in common is `Shared`: checked once, and written once for
each way that HTTP/1 may need it. What differs from answer to answer (lengths, ranges, the entity tag, the
request id) is beside it, in `own`.

Two fields are not here, since they are about the connection and not about what was asked for: `Connection`
and `Transfer-Encoding`. `http1_head` puts them in; HTTP/2 has frames that say the same (RFC 9113 section
8.2.2 forbids the fields), and its names are in lower case (section 8.2.1).
"""

import re
from http import HTTPStatus
from typing import Final, NamedTuple

from engine.protocols.http.errors import LocalProtocolError

Field = tuple[str, str]
Fields = tuple[Field, ...]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

#: RFC 9112 section 9.6; said in both cases, since an HTTP/1.0 client has to hear that it was kept.
_CONNECTION: Final[dict[bool, Field]] = {True: ("Connection", "keep-alive"), False: ("Connection", "close")}
_CHUNKED: Final[Field] = ("Transfer-Encoding", "chunked")


class Shared:
    """The part of a head that many answers have in common.

    Args:
        status: of the answer.
        first: fields that HTTP/1 has before `Connection`.
        rest: those after it.

    Raises `LocalProtocolError` for a field that cannot be sent.
    """

    __slots__ = ("_as_http1", "first", "lower", "rest", "status")

    def __init__(self, status: int, first: Fields, rest: Fields) -> None:
        self.status = status
        self.first = first
        self.rest = rest
        self.lower: tuple[tuple[bytes, bytes], ...] = tuple(
            (name.lower().encode("ascii"), value.encode("latin-1"))
            for name, value in map(checked, (*first, *rest))
        )
        """The fields as HTTP/2 has them."""
        self._as_http1: dict[tuple[bool, bool], bytes] = {}

    def as_http1(self, keep_alive: bool, chunked: bool) -> bytes:
        """Status line and fields, each with its line end; what ends a head is still missing."""
        found = self._as_http1.get((keep_alive, chunked))
        if found is None:
            fields = (*self.first, _CONNECTION[keep_alive], *self.rest, *((_CHUNKED,) if chunked else ()))
            found = self._as_http1[keep_alive, chunked] = _lines(self.status, fields)
        return found


class Head(NamedTuple):
    """Status and fields of one answer."""

    shared: Shared
    own: Fields = ()
    #: The length of the body is not known yet: HTTP/1 sends it in chunks.
    growing: bool = False

    @property
    def status(self) -> int:
        return self.shared.status


def settled(head: Head) -> Shared:
    """All of a head as the part that many answers share, for what many will ask for."""
    return Shared(head.shared.status, head.shared.first, (*head.shared.rest, *head.own))


def answer_to(shared: Shared, request_id: str) -> Head:
    """The head of one answer, of which nothing is its own but the request id."""
    return Head(shared, (("X-Request-Id", checked_text(request_id)),))


class Answer(NamedTuple):
    """A whole answer, short enough to be one value."""

    head: Head
    body: bytes = b""


def http1_head(head: Head, *, keep_alive: bool, http_version: str = "1.1") -> bytes:
    """The bytes of a head, with its empty line, for a client that speaks `http_version`.

    HTTP/1.0 knows no chunks (RFC 9112 section 6.1): there a growing body follows as it is and the close
    ends it, whatever `keep_alive` says.
    """
    shared, own, growing = head
    chunked = growing and http_version == "1.1"
    keep_alive = keep_alive and chunked is growing
    lines = "".join([f"{name}: {value}\r\n" for name, value in own])
    return shared.as_http1(keep_alive, chunked) + f"{lines}\r\n".encode("ascii")


def http2_fields(head: Head) -> list[tuple[bytes, bytes]]:
    """The same for HTTP/2: the pseudo-header field (RFC 9113 section 8.3.2) and then all the others."""
    own = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in head.own]
    return [(b":status", b"%d" % head.shared.status), *head.shared.lower, *own]


def checked(field: Field) -> Field:
    """The field itself, if it can be sent. Raises `LocalProtocolError`."""
    name, value = field
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise LocalProtocolError(f"header field {name!r} cannot be sent")
    return field


def checked_text(text: str) -> str:
    """The text itself, if it can stand in a field of a head's own. Raises `LocalProtocolError`."""
    if not (text.isascii() and text.isprintable()):
        raise LocalProtocolError("header field cannot be sent")
    return text


def _lines(status: int, fields: Fields) -> bytes:
    lines = [f"HTTP/1.1 {status} {phrase(status)}", *(f"{name}: {value}" for name, value in fields), ""]
    return "\r\n".join(lines).encode("latin-1")


def phrase(status: int) -> str:
    """What the status means, in English. Raises `LocalProtocolError` for one that HTTP does not know."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        raise LocalProtocolError(f"{status} is no HTTP status") from None
