"""Cuts request heads out of a byte stream, whatever way its bytes arrive.

A head is found first and parsed when it is whole, so the result cannot depend on how the bytes were cut, the
size limit is exact, and parsing costs one call. What must be refused before its end is here: a head too
large, a first byte no request begins with (a TLS hello on a plain port), and a bare line feed, after which
the end we wait for might never come.
"""

import re
from typing import Final

from engine.protocols.http import limits
from engine.protocols.http.errors import RemoteProtocolError

#: RFC 9112 section 2.1.
HEAD_END: Final = b"\r\n\r\n"

#: RFC 9112 section 2.2 lets a server take a bare LF for a line end; where two servers in a row differ on
#: that, a request hides in another one.
_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_LF_FOUND: Final = "a line ends without CR"


class HeadBuffer:
    """Bytes that came, heads that go."""

    __slots__ = ("_bytes", "_searched")

    def __init__(self) -> None:
        self._bytes = bytearray()
        #: So much of the head that grows has no end and no bare line feed in it.
        self._searched = 0

    def __len__(self) -> int:
        return len(self._bytes)

    def add(self, data: bytes) -> None:
        """Append what arrived."""
        self._bytes += data

    def take(self) -> bytes | None:
        """The next head with its empty line, or None while it is not whole.

        Raises `RemoteProtocolError` as soon as no further bytes could make it a head we would take.
        """
        found = self._bytes.find(HEAD_END, max(self._searched - len(HEAD_END) + 1, 0), limits.MAX_HEAD_BYTES)
        if found < 0:
            self._refuse_what_cannot_end_well()
            return None
        end = found + len(HEAD_END)
        head = bytes(self._bytes[:end])
        if head.count(b"\n") != head.count(b"\r\n"):  # first, as it would be if the head came in pieces
            raise RemoteProtocolError(_BARE_LF_FOUND)
        del self._bytes[:end]
        self._searched = 0
        return head

    def rest(self) -> bytes:
        """Everything that is left, which then is gone from here."""
        rest = bytes(self._bytes)
        self._bytes.clear()
        self._searched = 0
        return rest

    def _refuse_what_cannot_end_well(self) -> None:
        if not self._bytes:
            return
        if not 0x20 < self._bytes[0] < 0x7F:
            raise RemoteProtocolError("this is not HTTP")
        if _BARE_LF.search(self._bytes, self._searched, limits.MAX_HEAD_BYTES):
            raise RemoteProtocolError(_BARE_LF_FOUND)
        if len(self._bytes) >= limits.MAX_HEAD_BYTES:
            raise RemoteProtocolError("request head too large", reply=431)
        self._searched = len(self._bytes)
