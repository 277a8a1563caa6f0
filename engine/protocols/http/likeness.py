"""The next head of a connection, where it is the one before with another target.

A player says the same twelve lines four times a second, and asks for something else each time. Whether a
head is like the one before is a comparison of some hundred bytes, which costs a tenth of parsing them; and
it cannot be taken in by anything, since what is compared are all the bytes but the target's own.
"""

import re
from typing import Final

import msgspec

from engine.protocols.http.request import Request
from engine.protocols.http.target import parse_target

#: A path with its query, as the start line of a head may have it (RFC 9112 section 3.2.1). Other forms of a
#: target are parsed with their head, by which llhttp judges them.
_ORIGIN_FORM: Final = re.compile(rb"/[\x21-\x7e]*+")


class Likeness:
    """What a client said round its last target, and what that meant."""

    __slots__ = ("_after", "_before", "_request")

    def __init__(self) -> None:
        self._before = self._after = b""
        self._request: Request | None = None

    def learn(self, head: bytes, request: Request) -> None:
        """Remember a head that was understood."""
        method, _, rest = head.partition(b" ")
        self._before, self._after = method + b" ", rest[rest.index(b" ") :]
        self._request = request

    def read(self, head: bytes) -> Request | None:
        """The request of a head like that; None for any other; raises `RemoteProtocolError`."""
        before, after = self._before, self._after
        if self._request is None or not (head.endswith(after) and head.startswith(before)):
            return None
        target = head[len(before) : -len(after)]
        if not _ORIGIN_FORM.fullmatch(target):  # a head too short for both has none at all
            return None
        path, query = parse_target(target)
        return msgspec.structs.replace(self._request, path=path, query=query)
